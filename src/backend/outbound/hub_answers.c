/*
 * hub_answers.c
 *	  What a hub's answers mean: to the message, and to the hub's lane, which is
 *	  paused when the hub is away and stopped when it refuses the key.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/corridor.h"
#include "common/event_rules.h"
#include "outbound/hub_answers.h"
#include "outbound/hub_queue.h"
#include "outbound/outcomes.h"
#include "outbound/overdue.h"
#include "shared/clock.h"
#include "shared/compat.h"
#include "shared/event_writer.h"
#include "shared/settings.h"
#include "shared/shmem.h"
#include "shared/statements.h"
#include "shared/valid_text.h"
#include "turn/config.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* The pause before a message is tried again, in ms: doubled each time. */
#define RETRY_FIRST_MS 500
#define RETRY_MOST_MS  60000

/* The same for a hub that cannot be reached. */
#define PAUSE_FIRST_MS 200
#define PAUSE_MOST_MS  30000

/* The pause before a stop that could not be written down is tried again, in ms. */
#define STOP_AGAIN_MS 1000

/* Failures in a row that make it the hub's fault, not the message's. */
#define FAILURES_PAUSE 3

/* What is kept of a hub's or the system's words about a failure, in bytes. */
#define MAX_WORDS 1000

/* Show in webchatt.status until when, and why, the hub is paused. */
static void
publish_lane(Lane *lane, const wc_outcome *o)
{
	int n = o ? pg_mbcliplen(o->error_message.p, (int) o->error_message.len, WC_HUB_ERROR_SIZE - 1) : 0;
	TimestampTz until = wc_clock_to_wall(lane->paused_until);
	WcHubState *mine;

	SpinLockAcquire(&report_slot->mutex);
	mine = wc_hub_state(report_slot, lane->hub_id);
	if (mine != NULL)
	{
		mine->paused_until = until;
		if (n > 0)
			memcpy(mine->last_error, o->error_message.p, n);
		mine->last_error[n] = '\0';
	}
	SpinLockRelease(&report_slot->mutex);
}

static void
lane_works(Lane *lane)
{
	lane->failures = 0;
	lane->pause_ms = 0;
	lane->probing = false;
	if (lane->paused_until != 0)
	{
		lane->paused_until = 0;
		publish_lane(lane, NULL);
	}
}

/* Stop sending to a hub for a while; then try with one message first. */
static void
pause_lane(Lane *lane, TimestampTz now, int ms, const wc_outcome *o)
{
	if (ms <= 0)
	{
		if (lane->paused_until > now)
			return;
		lane->pause_ms = lane->pause_ms == 0 ? PAUSE_FIRST_MS : Min(lane->pause_ms * 2, PAUSE_MOST_MS);
		ms = wc_jittered(lane->pause_ms);
	}
	lane->paused_until = Max(lane->paused_until, TimestampTzPlusMilliseconds(now, ms));
	lane->probing = true;
	publish_lane(lane, o);
}

static void
retry_later(Queued *item, TimestampTz now, const wc_outcome *o)
{
	int ms;

	item->attempts++;
	if (item->attempts >= wc_max_attempts)
	{
		outcomes_note(item, "failed", wc_str_from("failed"), o);
		return;
	}
	ms = Min(RETRY_FIRST_MS << Min(item->attempts - 1, 10), RETRY_MOST_MS);
	hub_queue_put_back(item);
	hub_queue_wait(item->conv, TimestampTzPlusMilliseconds(now, wc_jittered(ms)));
}

/* The hub refuses the key: nothing goes there until it has another. */
static void
stop_lane(Lane *lane, const wc_outcome *o)
{
	const ConfigHub *hub = config_hub(lane->hub_id);

	if (hub == NULL || lane->stopped || o->token <= lane->old_key_until)
		return;
	lane->stopped = true;
	lane->stop_due = 0;
	lane->stop_key = MemoryContextStrdup(TopMemoryContext, hub->api_key);
	lane->stop_pending = MemoryContextAlloc(TopMemoryContext, o->error_message.len + 64);
	snprintf(lane->stop_pending, o->error_message.len + 64, "the hub refused the API key (401)%s%.*s",
			 o->error_message.len ? ": " : "", (int) o->error_message.len, o->error_message.p);
	ereport(WARNING, (errmsg("webchatt stopped sending to hub %s: it refused the API key (401)", hub->api_url),
					  errhint("Give it a valid key: SELECT webchatt.connect_hub(api_key => ..., ...).")));
}

/* Read an outcome frame; false when it is none. */
static bool
read_outcome(const wc_frame *frame, wc_outcome *o)
{
	wc_str texts[3];

	if (!wc_read_outcome(frame, o))
		return false;
	/* the hub's words go into tables: webchatt-net saw to it that they are text, and short */
	texts[0] = o->hub_status;
	texts[1] = o->hub_message_id;
	texts[2] = o->error_code;
	if (!wc_texts_are_valid(texts, lengthof(texts)) || o->hub_status.len > WC_MAX_STATUS ||
		o->hub_message_id.len > WC_MAX_HUB_MESSAGE_ID || o->error_code.len > WC_MAX_ERROR_CODE)
		return false;
	/* libcurl's and the system's words are in whatever encoding they like */
	if (!wc_texts_are_valid(&o->error_message, 1))
		o->error_message = wc_str_from("an error whose text is not UTF-8");
	o->error_message.len =
		(uint32) pg_encoding_mbcliplen(PG_UTF8, o->error_message.p, (int) o->error_message.len, MAX_WORDS);
	return true;
}

/* It did not get there, or what it said cannot be understood. */
static void
fail(Queued *item, TimestampTz now, const wc_outcome *o)
{
	Lane *lane = item->conv->lane;

	if (o->result == WC_OUT_UNREACHABLE && o->unanswered && !lane->local)
		overdue_note(&item->conv->channel, &item->id);
	if (++lane->failures >= FAILURES_PAUSE)
		pause_lane(lane, now, 0, o);
	/*
	 * What is the hub's fault is not counted against the message, unless
	 * it says 2xx and then something strange: it may have the message,
	 * and must not get it for ever.
	 */
	if (lane->failures >= FAILURES_PAUSE && (o->http_status < 200 || o->http_status > 299))
		hub_queue_put_back(item);
	else
		retry_later(item, now, o);
}

/* Take an outcome frame; false when it is none. */
bool
hub_answers_accept(const wc_frame *frame)
{
	TimestampTz now = wc_clock();
	wc_outcome o;
	Queued *item;
	Lane *lane;
	const char *means;

	if (!read_outcome(frame, &o))
		return false;
	item = hub_queue_find_token(o.token);
	if (item == NULL)
		return true; /* of a time before webchatt-net was restarted */
	lane = item->conv->lane;
	lane->under_way--;
	report_stats.sends++;
	if (o.result != WC_OUT_ACCEPTED)
		report_stats.failures++;
	switch (o.result)
	{
		case WC_OUT_ACCEPTED:
			lane_works(lane);
			means = wc_events_meaning(o.hub_status, false);
			outcomes_note(item, means && strcmp(means, "failed") != 0 ? means : "sent",
						  o.hub_status.len ? o.hub_status : wc_str_from("sent"), &o);
			break;
		case WC_OUT_NO_SESSION:
			lane_works(lane);
			if (item->conv->shown && lane->local)
				hub_queue_put_back(item); /* they have been welcomed since */
			else if (item->conv->shown)
				retry_later(item, now, &o);
			else
				outcomes_note(item, "held", wc_str_from("held"), &o);
			break;
		case WC_OUT_REFUSED:
			lane_works(lane);
			outcomes_note(item, "failed", wc_str_from("failed"), &o);
			break;
		case WC_OUT_PAUSED:
			hub_queue_put_back(item);
			pause_lane(lane, now, (int) Min(o.retry_after_ms, 3600000), &o);
			break;
		case WC_OUT_UNAUTHORIZED:
			hub_queue_put_back(item);
			if (!lane->local) /* which has no key that could be refused */
				stop_lane(lane, &o);
			break;
		case WC_OUT_UNREACHABLE:
		case WC_OUT_RETRY:
		default:
			fail(item, now, &o);
			break;
	}
	return true;
}

static void
stop_step(void *arg)
{
	Lane *lane = arg;
	Datum args[3];

	args[0] = Int32GetDatum(lane->hub_id);
	args[1] = CStringGetTextDatum(lane->stop_key);
	args[2] = CStringGetTextDatum(lane->stop_pending);
	wc_run(WC_STOP_HUB, args, NULL);
}

/* Write down which hubs refused their key; what is locked now is written later. */
void
hub_answers_stop_hubs(TimestampTz now)
{
	dlist_iter iter;

	dlist_foreach(iter, &hub_queue_lanes)
	{
		Lane *lane = dlist_container(Lane, node, iter.cur);

		lane->stop_written = false;
		if (lane->stop_pending == NULL || lane->stop_due > now)
			continue;
		lane->stop_written = savepoint_try(stop_step, lane, LOCK_WAIT_BLOCKED_MS) == NULL;
		if (!lane->stop_written)
			lane->stop_due = TimestampTzPlusMilliseconds(now, STOP_AGAIN_MS);
	}
}

/* Another key: what the old one's sends come to says nothing about it. */
static void
note_key(Lane *lane, const ConfigHub *hub)
{
	uint32 hash = lane->local ? 0 : hash_bytes((const unsigned char *) hub->api_key, strlen(hub->api_key));

	if (lane->key_hash == hash)
		return;
	lane->key_hash = hash;
	lane->old_key_until = hub_queue_last_token();
	lane_works(lane);
}

/* Bring the hub queues to what the configuration says. */
void
hub_answers_configure(void)
{
	const ConfigHub *hub;
	dlist_iter iter;
	int i;

	for (i = 0; (hub = config_hub_at(i)) != NULL; i++)
		(void) hub_queue_lane(hub->id, true);
	dlist_foreach(iter, &hub_queue_lanes)
	{
		Lane *lane = dlist_container(Lane, node, iter.cur);

		hub = config_hub(lane->hub_id);
		lane->gone = hub == NULL;
		if (hub == NULL || lane->stop_pending != NULL)
			continue; /* a stop is being written down */
		lane->local = hub->local;
		note_key(lane, hub);
		if (lane->stopped && !hub->stopped)
			lane_works(lane);
		lane->stopped = hub->stopped;
	}
}
