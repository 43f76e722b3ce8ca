/*
 * hub_answers.c
 *	  What a hub's answers mean: to the message, and to the hub's queue, which is
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
publish_queue(HubQueue *queue, const wc_outcome *o)
{
	int n = o ? pg_mbcliplen(o->error_message.p, (int) o->error_message.len, WC_HUB_ERROR_SIZE - 1) : 0;
	TimestampTz until = wc_clock_to_wall(queue->paused_until);
	WcHubState *mine;

	SpinLockAcquire(&report_slot->mutex);
	mine = wc_hub_state(report_slot, queue->hub_id);
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
queue_works(HubQueue *queue)
{
	queue->failures = 0;
	queue->pause_ms = 0;
	queue->probing = false;
	if (queue->paused_until != 0)
	{
		queue->paused_until = 0;
		publish_queue(queue, NULL);
	}
}

/* Stop sending to a hub for a while; then try with one message first. */
static void
pause_queue(HubQueue *queue, TimestampTz now, int ms, const wc_outcome *o)
{
	if (ms <= 0)
	{
		if (queue->paused_until > now)
			return;
		queue->pause_ms = queue->pause_ms == 0 ? PAUSE_FIRST_MS : Min(queue->pause_ms * 2, PAUSE_MOST_MS);
		ms = wc_jittered(queue->pause_ms);
	}
	queue->paused_until = Max(queue->paused_until, TimestampTzPlusMilliseconds(now, ms));
	queue->probing = true;
	publish_queue(queue, o);
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
	hub_queue_wait(hub_queue_put_back(item), TimestampTzPlusMilliseconds(now, wc_jittered(ms)));
}

/* The hub refuses the key: nothing goes there until it has another. */
static void
stop_queue(HubQueue *queue, const wc_outcome *o)
{
	const ConfigHub *hub = config_hub(queue->hub_id);

	if (hub == NULL || queue->stopped || o->token <= queue->old_key_until)
		return;
	queue->stopped = true;
	queue->stop_due = 0;
	queue->stop_key = MemoryContextStrdup(TopMemoryContext, hub->api_key);
	queue->stop_pending = MemoryContextAlloc(TopMemoryContext, o->error_message.len + 64);
	snprintf(queue->stop_pending, o->error_message.len + 64, "the hub refused the API key (401)%s%.*s",
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
	HubQueue *queue = item->conv->queue;

	if (o->result == WC_OUT_UNREACHABLE && o->unanswered && !queue->local)
		overdue_note(&item->conv->channel, &item->id);
	if (++queue->failures >= FAILURES_PAUSE)
		pause_queue(queue, now, 0, o);
	/*
	 * What is the hub's fault is not counted against the message, unless
	 * it says 2xx and then something strange: it may have the message,
	 * and must not get it for ever.
	 */
	if (queue->failures >= FAILURES_PAUSE && (o->http_status < 200 || o->http_status > 299))
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
	HubQueue *queue;
	const char *means;

	if (!read_outcome(frame, &o))
		return false;
	item = hub_queue_find_token(o.token);
	if (item == NULL)
		return true; /* of a time before webchatt-net was restarted */
	queue = item->conv->queue;
	hub_queue_came_back(item);
	report_stats.sends++;
	if (o.result != WC_OUT_ACCEPTED)
		report_stats.failures++;
	switch (o.result)
	{
		case WC_OUT_ACCEPTED:
			queue_works(queue);
			means = wc_events_meaning(o.hub_status, false);
			outcomes_note(item, means && strcmp(means, "failed") != 0 ? means : "sent",
						  o.hub_status.len ? o.hub_status : wc_str_from("sent"), &o);
			break;
		case WC_OUT_NO_SESSION:
			queue_works(queue);
			if (item->conv->shown && queue->local)
				hub_queue_put_back(item); /* they have been welcomed since */
			else if (item->conv->shown)
				retry_later(item, now, &o);
			else
				outcomes_note(item, "held", wc_str_from("held"), &o);
			break;
		case WC_OUT_REFUSED:
			queue_works(queue);
			outcomes_note(item, "failed", wc_str_from("failed"), &o);
			break;
		case WC_OUT_PAUSED:
			hub_queue_put_back(item);
			pause_queue(queue, now, (int) Min(o.retry_after_ms, 3600000), &o);
			break;
		case WC_OUT_UNAUTHORIZED:
			hub_queue_put_back(item);
			if (!queue->local) /* which has no key that could be refused */
				stop_queue(queue, &o);
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
	HubQueue *queue = arg;
	Datum args[3];

	args[0] = Int32GetDatum(queue->hub_id);
	args[1] = CStringGetTextDatum(queue->stop_key);
	args[2] = CStringGetTextDatum(queue->stop_pending);
	wc_run(WC_STOP_HUB, args, NULL);
}

/* Write down which hubs refused their key; what is locked now is written later. */
void
hub_answers_stop_hubs(TimestampTz now)
{
	dlist_iter iter;

	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		queue->stop_written = false;
		if (queue->stop_pending == NULL || queue->stop_due > now)
			continue;
		queue->stop_written = savepoint_try(stop_step, queue, LOCK_WAIT_BLOCKED_MS) == NULL;
		if (!queue->stop_written)
			queue->stop_due = TimestampTzPlusMilliseconds(now, STOP_AGAIN_MS);
	}
}

/* Another key: what the old one's sends come to says nothing about it. */
static void
note_key(HubQueue *queue, const ConfigHub *hub)
{
	uint32 hash = queue->local ? 0 : hash_bytes((const unsigned char *) hub->api_key, strlen(hub->api_key));

	if (queue->key_hash == hash)
		return;
	queue->key_hash = hash;
	queue->old_key_until = hub_queue_last_token();
	queue_works(queue);
}

/* Bring the hub queues to what the configuration says. */
void
hub_answers_configure(void)
{
	const ConfigHub *hub;
	dlist_iter iter;
	int i;

	for (i = 0; (hub = config_hub_at(i)) != NULL; i++)
		(void) hub_queue_of(hub->id, true);
	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		hub = config_hub(queue->hub_id);
		queue->gone = hub == NULL;
		if (hub == NULL || queue->stop_pending != NULL)
			continue; /* a stop is being written down */
		queue->local = hub->local;
		note_key(queue, hub);
		if (queue->stopped && !hub->stopped)
			queue_works(queue);
		queue->stopped = hub->stopped;
	}
}
