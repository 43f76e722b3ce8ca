/*
 * inbound.c
 *	  Events that wait to be written, and their acknowledgement after commit.
 *
 * Most go in together, one statement for all.  When that fails, or where a
 * conversation is known to make trouble, each goes alone in a savepoint: what
 * raises is kept in webchatt.rejects, what is blocked waits for its turn, and
 * neither hurts its neighbours.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "common/event_rules.h"
#include "conversations/conversations.h"
#include "files/message_files.h"
#include "inbound/inbound.h"
#include "inbound/quarantine.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/event_writer.h"
#include "shared/message_rows.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "shared/valid_text.h"
#include "shared/visitor_seen.h"
#include "turn/changes.h"
#include "turn/config.h"
#include "turn/frame_memory.h"
#include "turn/net_process.h"
#include "turn/report.h"
#include "turn/savepoint.h"
#include "turn/transaction.h"
#include "visitors/budgets.h"

/* Events written by one statement. */
#define BATCH_MOST	1024
#define BATCH_LEAST 8

/*
 * After a repeat more of them are expected for so long, in ms; twice as long each time that
 * the expectation has not lasted, up to the second: who sends one now and then must not
 * make all pay for it.
 */
#define REPEATS_LEAST_MS 100
#define REPEATS_MOST_MS	 10000

/*
 * Of more than so many a turn takes a half: webchatt-net answers those, and brings what comes
 * next, while the other half is written.
 */
#define WHOLE_MOST 64

/* Events that go alone in one turn. */
#define ALONE_MOST 128

/* How long a careful turn may take before it commits what it has, in ms. */
#define CAREFUL_MS 1000

/*
 * A conversation whose triggers took too long gets this part of the time for a
 * while, since everybody waits with it.
 */
#define SLOW_SHARE 10

/* Events of blocked conversations that may wait; beyond that they are sent back. */
#define BLOCKED_MOST 1024

/* Bytes of rows and indexes that go with a message beside its body, and with a receipt. */
#define MESSAGE_COSTS 512
#define RECEIPT_COSTS 256

/* What is kept of that which is no event: rows and bytes, in so many ms. */
#define UNREADABLE_ROWS	 1000
#define UNREADABLE_BYTES INT64CONST(67108864)
#define UNREADABLE_MS	 3600000

/* The end of the year 9999, in unix microseconds. */
#define MAX_EVENT_TIME_US INT64CONST(253402300800000000)

typedef struct InEvent
{
	dlist_node node;
	wc_event event;
	bool done;		   /* written or rejected in this turn */
	uint8 result;	   /* wc_event_result, once done */
	pg_uuid_t message; /* a visitor's: its row, once it is written */
	wc_event found;	   /* of one that names no channel: with its message's, in this turn */
	char bytes[FLEXIBLE_ARRAY_MEMBER];
} InEvent;

static dlist_head pending = DLIST_STATIC_INIT(pending);
static int npending = 0;
static int nblocked = 0;		 /* as of the last turn */
static TimestampTz next_try = 0; /* of the first of them that is due */
static int repeats = 0;			 /* of this turn */
static int batch_limit = BATCH_MOST;
static double event_us = 0;			/* what an event took to write lately; 0: not known yet */
static double turn_us = 0;			/* and the rest of its turn, mostly the commit's flush */
static TimestampTz wrote_at = 0;	/* in this turn; 0: nothing was written together */
static TimestampTz repeat_seen = 0; /* when one was last met; 0: never */
static int repeats_ms = REPEATS_LEAST_MS;

/*
 * webchatt-net checked the event; what could harm the server is checked again,
 * for the day when webchatt-net is not itself any more.
 */
static bool
plausible(const wc_event *e)
{
	wc_str texts[] = {e->message_id, e->visitor, e->status, e->error_code, e->error_message, e->body};
	uint8 id[16];

	if (e->kind == WC_EVENT_UNREADABLE)
		return wc_texts_are_valid(&e->error_message, 1);
	if (e->message_id.len < 1 || e->message_id.len > WC_MAX_HUB_MESSAGE_ID)
		return false;
	if (e->content_at > e->body.len || e->content_len > e->body.len - e->content_at)
		return false;
	if (e->kind == WC_EVENT_MESSAGE && (e->visitor.len < 1 || e->visitor.len > WC_MAX_VISITOR_ID))
		return false;
	if (e->kind == WC_EVENT_STATUS && (e->status.len < 1 || e->status.len > WC_MAX_STATUS))
		return false;
	if (e->kind == WC_EVENT_STATUS && e->visitor.len > 0 &&
		(e->hub != 0 || !wc_uuid_parse(e->message_id.p, e->message_id.len, id)))
		return false;
	return wc_texts_are_valid(texts, lengthof(texts)) && e->at_us >= 0 && e->at_us <= MAX_EVENT_TIME_US;
}

/*
 * What visitors bring has its budget; it is refused before it costs a transaction.
 * A hub vouches for its own events.
 */
static bool
is_over_budget(const wc_event *e)
{
	const ConfigChannel *channel = e->hub == 0 ? config_channel(e->channel) : NULL;

	if (channel == NULL || !channel->local)
		return false;
	return e->kind == WC_EVENT_MESSAGE ? !budgets_take(e->channel, BUDGET_MESSAGES, e->body.len + MESSAGE_COSTS)
									   : !budgets_take(e->channel, BUDGET_BYTES, RECEIPT_COSTS);
}

/* Take over an event frame; false when it is none. */
bool
inbound_accept(const wc_frame *frame)
{
	wc_frame copy;
	InEvent *in = frame_memory_keep(offsetof(InEvent, bytes), frame, &copy);

	if (!wc_read_event(&copy, &in->event) || !plausible(&in->event))
	{
		frame_memory_free(in);
		return false;
	}
	if (is_over_budget(&in->event))
	{
		wc_event_done refusal = {.request = in->event.request, .result = WC_DONE_BUDGET};

		frame_memory_free(in);
		return wc_write_event_done(&net_process.out, &refusal);
	}
	in->done = false;
	in->result = WC_DONE_STORED;
	memset(&in->message, 0, sizeof(in->message));
	dlist_push_tail(&pending, &in->node);
	npending++;
	return true;
}

int
inbound_pending(void)
{
	return npending;
}

/* Is there an event that can be tried now? */
static bool
inbound_ready(TimestampTz now)
{
	return npending > nblocked || (npending > 0 && next_try <= now);
}

/* When the next blocked event is to be tried; 0: none waits. */
static TimestampTz
inbound_next_due(void)
{
	return npending > 0 ? next_try : 0;
}

/*
 * A link brings a conversation's events in their order: one that was sent back
 * might come again behind the next.  Its window bounds how many can wait.
 */
static bool
in_order(const InEvent *in)
{
	return (in->event.request & WC_LINK_NUMBER) != 0 && config_channel(in->event.channel) != NULL &&
		   !config_channel(in->event.channel)->local;
}

/* Note that an event has to wait. */
static void
wait_until(TimestampTz until)
{
	nblocked++;
	next_try = next_try == 0 ? until : Min(next_try, until);
}

/* Is it a visitor's, who is told the id of the row? */
static bool
wants_id(const InEvent *in)
{
	const ConfigChannel *channel = config_channel(in->event.channel);

	return channel != NULL && channel->local && in->event.kind == WC_EVENT_MESSAGE;
}

/* A status from a hub's own endpoint, or by its link, need not say where it belongs. */
static bool
names_no_channel(const wc_event *e)
{
	static const uint8 none[16];

	return e->hub != 0 && e->kind == WC_EVENT_STATUS && memcmp(e->channel, none, 16) == 0;
}

/* The event as it is to be written. */
static wc_event *
written_as(InEvent *in)
{
	return names_no_channel(&in->event) ? &in->found : &in->event;
}

/* Look for the channels of those that name none: where their messages were sent. */
static void
find_channels(InEvent **list, int n)
{
	WcColumn *hubs = wc_column(INT4OID, 16);
	WcColumn *ids = wc_column(TEXTOID, 16);
	InEvent **nameless = palloc(sizeof(InEvent *) * Max(1, n));
	Datum args[2];
	uint64 rows;
	uint64 row;
	int i;

	for (i = 0; i < n; i++)
	{
		wc_event *e = &list[i]->event;

		if (!names_no_channel(e))
			continue;
		list[i]->found = *e;
		nameless[hubs->n] = list[i];
		wc_column_add(hubs, Int32GetDatum((int32) e->hub));
		wc_column_add_bytes(ids, e->message_id.p, e->message_id.len);
	}
	if (hubs->n == 0)
		return;
	args[0] = wc_column_array(hubs);
	args[1] = wc_column_array(ids);
	rows = wc_run(WC_FIND_CHANNELS, args, NULL);
	for (row = 0; row < rows; row++)
	{
		bool isnull;
		InEvent *in = nameless[DatumGetInt32(wc_field(row, 1, &isnull)) - 1];

		memcpy(in->found.channel, DatumGetUUIDP(wc_field(row, 2, &isnull))->data, 16);
	}
}

static void
mark_done(InEvent *in, wc_event_result result)
{
	in->done = true;
	in->result = result;
}

/* It is written: what conversation it belongs to. */
static void
note(const wc_event *event, const pg_uuid_t *message)
{
	if (event->kind == WC_EVENT_MESSAGE)
		conversations_came((const pg_uuid_t *) event->channel, event->visitor.p, event->visitor.len, message);
	else if (event->visitor.len > 0)
		changes_add((const pg_uuid_t *) event->channel, event->visitor.p, event->visitor.len);
	else
		changes_add_any(); /* a hub's status says of which message it is, and no more */
}

typedef struct WriteOne
{
	InEvent *in;
	pg_uuid_t message;
	WcShowedUp *showed_up;
} WriteOne;

static void
write_one(void *arg)
{
	WriteOne *one = arg;
	wc_event *event = written_as(one->in);

	if (wc_events_write(&event, 1, WC_REPEATS_EXPECTED, &one->message, one->showed_up) == 0)
		repeats++;
	wc_events_forget_reject(event);
}

typedef struct RejectOne
{
	const wc_event *event;
	const ErrorData *error;
} RejectOne;

static void
reject_one(void *arg)
{
	RejectOne *one = arg;

	wc_events_reject(one->event, one->error);
}

static void
keep_one(void *arg)
{
	wc_events_keep_unreadable(arg);
}

/*
 * Keep what is no event, so many an hour: beyond that, the hub is to send it again,
 * and over a link, where others would wait behind it, it is lost.
 */
static void
keep_unreadable(InEvent *in, TimestampTz now)
{
	static TimestampTz since = 0;
	static int rows = 0;
	static int64 bytes = 0;

	if (TimestampDifferenceExceeds(since, now, UNREADABLE_MS))
	{
		since = now;
		rows = 0;
		bytes = 0;
	}
	if (rows >= UNREADABLE_ROWS || bytes >= UNREADABLE_BYTES)
	{
		mark_done(in, (in->event.request & WC_LINK_NUMBER) != 0 ? WC_DONE_REJECTED : WC_DONE_BUSY);
		return;
	}
	if (savepoint_try(keep_one, &in->event, LOCK_WAIT_BLOCKED_MS) != NULL)
	{
		wait_until(quarantine_blocked(&in->event, now));
		return;
	}
	if (++rows == UNREADABLE_ROWS || (bytes += in->event.body.len) >= UNREADABLE_BYTES)
		ereport(
			WARNING,
			(errmsg("hubs sent too much that is no event"),
			 errdetail("%d of them are kept in webchatt.rejects within an hour; until it is over no more are.", rows),
			 errhint("SELECT reason, body FROM webchatt.rejects WHERE event_type = 'unreadable' shows them.")));
	mark_done(in, WC_DONE_REJECTED);
}

/* Write one event in a savepoint, or reject it, or let it wait. */
static void
write_alone(InEvent *in, TimestampTz now, int lock_wait_ms, WcShowedUp *showed_up)
{
	WcShowedUp mine = {wc_column(UUIDOID, 2), wc_column(TEXTOID, 2)};
	WriteOne one = {in, .showed_up = &mine};
	RejectOne rejecting;
	int time_ms = quarantine_is_slow(&in->event) ? Max(1, wc_trigger_timeout / SLOW_SHARE) : wc_trigger_timeout;
	ErrorData *error = savepoint_try_for(write_one, &one, lock_wait_ms, time_ms);
	int i;

	if (error == NULL)
	{
		quarantine_over(&in->event);
		note(written_as(in), &one.message);
		if (wants_id(in))
			in->message = one.message;
		mark_done(in, WC_DONE_STORED);
		for (i = 0; i < mine.channels->n; i++)
		{
			wc_column_add(showed_up->channels, mine.channels->values[i]);
			wc_column_add(showed_up->visitors, mine.visitors->values[i]);
		}
		return;
	}
	if (savepoint_error_is_transient(error))
	{
		wait_until(quarantine_blocked(&in->event, now));
		return;
	}
	rejecting.event = written_as(in);
	rejecting.error = error;
	if (savepoint_try(reject_one, &rejecting, LOCK_WAIT_BLOCKED_MS) != NULL)
	{
		wait_until(quarantine_blocked(&in->event, now));
		return;
	}
	quarantine_suspect(&in->event, now, error->sqlerrcode == ERRCODE_QUERY_CANCELED);
	memset(&in->message, 0, sizeof(in->message));
	mark_done(in, WC_DONE_REJECTED);
}

/* Where one event came a second time, others will: whoever waited for answers sends all of them again. */
static bool
expects_repeats(TimestampTz now)
{
	return repeat_seen != 0 && !TimestampDifferenceExceeds(repeat_seen, now, repeats_ms);
}

static void
average(double *us, double new_us)
{
	*us += (new_us - *us) / 8;
}

/*
 * How many events a turn may take: a half of what waits, but so many that they take half
 * as long again to write as the rest of the turn, which is paid for each half: where a flush is slow, all.
 */
static int
share_of_turn(void)
{
	double least = event_us > 0 ? 1.5 * turn_us / event_us : BATCH_MOST;
	int half = (npending - nblocked + 1) / 2;

	return Min(batch_limit, Max(Max(WHOLE_MOST, half), (int) Min(least, BATCH_MOST)));
}

static void
write_together(InEvent **batch, int n, TimestampTz now, WcShowedUp *showed_up)
{
	wc_event **events = palloc(sizeof(wc_event *) * n);
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * n);
	TimestampTz began = wc_clock();
	int i;

	for (i = 0; i < n; i++)
		events[i] = written_as(batch[i]);
	transaction_time_limit(wc_trigger_timeout);
	repeats += n - (int) wc_events_write(events, n, expects_repeats(now) ? WC_REPEATS_EXPECTED : WC_REPEATS_UNLIKELY,
										 ids, showed_up);
	transaction_time_limit(0);
	for (i = 0; i < n; i++)
	{
		note(events[i], &ids[i]);
		if (wants_id(batch[i]))
			batch[i]->message = ids[i];
		mark_done(batch[i], WC_DONE_STORED);
	}
	wrote_at = wc_clock();
	average(&event_us, (double) (wrote_at - began) / n);
}

/* Does it still belong somewhere?  A hub says nothing about other hubs' channels. */
static bool
has_place(const wc_event *e)
{
	const ConfigChannel *channel = config_channel(e->channel);
	const ConfigHub *hub;

	if (e->hub == 0)
		return channel != NULL;
	hub = config_hub((int) e->hub);
	if (hub == NULL || hub->local)
		return false;
	if (e->kind == WC_EVENT_UNREADABLE)
		return true;
	return names_no_channel(e) || (channel != NULL && channel->hub_id == hub->id);
}

/* A channel that was dropped, or moved, since webchatt-net took the event. */
static bool
channel_gone(InEvent *in)
{
	if (has_place(&in->event))
		return false;
	mark_done(in, WC_DONE_GONE);
	return true;
}

/* A visitor names somebody else's file: nobody has to see it. */
static bool
names_wrong_file(InEvent *in)
{
	if (message_files_are_good(&in->event))
		return false;
	mark_done(in, WC_DONE_NO_FILE);
	return true;
}

/*
 * Write what waits.  carefully: nothing goes together, after a turn in which
 * that failed.
 */
void
inbound_apply(TimestampTz now, bool carefully, WcShowedUp *showed_up)
{
	int most = share_of_turn();
	InEvent **batch = palloc(sizeof(InEvent *) * most);
	InEvent **alone = palloc(sizeof(InEvent *) * (most + ALONE_MOST));
	int nbatch = 0;
	int nalone = 0;
	int i;
	dlist_iter iter;

	nblocked = 0;
	next_try = 0;
	wrote_at = 0;
	dlist_foreach(iter, &pending)
	{
		InEvent *in = dlist_container(InEvent, node, iter.cur);
		Quarantine kind;
		TimestampTz until;

		if (in->done || channel_gone(in) || names_wrong_file(in))
			continue;
		kind = quarantine_of(&in->event, now, &until);
		if (kind == QUARANTINE_BLOCKED && !in_order(in) &&
			(nblocked >= BLOCKED_MOST || frame_memory_bytes() > MAX_PENDING_BYTES / 2))
			mark_done(in, WC_DONE_BUSY);
		else if (kind == QUARANTINE_BLOCKED)
			wait_until(until);
		else if (kind == QUARANTINE_NONE && in->event.kind != WC_EVENT_UNREADABLE && nbatch < most)
			batch[nbatch++] = in;
		else if ((kind == QUARANTINE_SUSPECT || in->event.kind == WC_EVENT_UNREADABLE) && nalone < ALONE_MOST)
			alone[nalone++] = in;
		if (nbatch == most)
			break;
	}
	if (carefully)
	{
		memmove(alone + nbatch, alone, sizeof(InEvent *) * nalone);
		memcpy(alone, batch, sizeof(InEvent *) * nbatch);
		nalone += nbatch;
		nbatch = 0;
	}
	find_channels(batch, nbatch);
	find_channels(alone, nalone);
	if (nbatch > 0)
		write_together(batch, nbatch, now, showed_up);
	for (i = 0; i < nalone; i++)
	{
		TimestampTz until;

		if (quarantine_of(&alone[i]->event, now, &until) == QUARANTINE_BLOCKED)
			wait_until(until); /* behind one that has just been blocked */
		else if (alone[i]->event.kind == WC_EVENT_UNREADABLE)
			keep_unreadable(alone[i], now);
		else
			write_alone(alone[i], now, carefully ? LOCK_WAIT_MS : LOCK_WAIT_BLOCKED_MS, showed_up);
		if (TimestampDifferenceExceeds(now, wc_clock(), CAREFUL_MS))
			break;
	}
}

/* The turn is committed: acknowledge what it wrote. */
void
inbound_commit(wc_buf *out)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &pending)
	{
		InEvent *in = dlist_container(InEvent, node, iter.cur);
		wc_event_done done;

		if (!in->done)
			continue;
		done.request = in->event.request;
		done.result = in->result;
		memcpy(done.message, in->message.data, sizeof(done.message));
		wc_write_event_done(out, &done);
		if (in->result == WC_DONE_STORED)
		{
			report_stats.events++;
			report_stats.messages_in += in->event.kind == WC_EVENT_MESSAGE;
			report_stats.statuses += in->event.kind == WC_EVENT_STATUS;
		}
		else if (in->result == WC_DONE_REJECTED)
			report_stats.rejected++;
		dlist_delete(&in->node);
		frame_memory_free(in);
		npending--;
	}
	if (wrote_at != 0)
		average(&turn_us, (double) (wc_clock() - wrote_at));
	wrote_at = 0;
	if (repeats > 0)
		repeat_seen = wc_clock();
	report_stats.repeats += repeats;
	repeats = 0;
	if (batch_limit < BATCH_MOST)
		batch_limit++;
}

/*
 * Was the turn undone because there was a repeat where none was expected?  Then it is
 * done again, and none of its parts is to blame.
 */
bool
inbound_met_repeat(const ErrorData *error, TimestampTz now)
{
	if (!wc_message_rows_met_repeat(error) || expects_repeats(now))
		return false;
	if (repeat_seen == 0 || TimestampDifferenceExceeds(repeat_seen, now, REPEATS_MOST_MS))
		repeats_ms = REPEATS_LEAST_MS;
	else
		repeats_ms = Min(repeats_ms * 2, REPEATS_MOST_MS);
	repeat_seen = now;
	return true;
}

/* The turn is undone: everything waits as before. */
static void
inbound_rollback(const ErrorData *error)
{
	dlist_iter iter;

	repeats = 0;
	wc_visitors_forget();
	dlist_foreach(iter, &pending) dlist_container(InEvent, node, iter.cur)->done = false;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		batch_limit = Max(BATCH_LEAST, batch_limit / 4);
}

/* webchatt-net is gone, and with it whoever waits for an answer. */
static void
inbound_forget(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &pending)
	{
		InEvent *in = dlist_container(InEvent, node, iter.cur);

		dlist_delete(&in->node);
		frame_memory_free(in);
	}
	npending = nblocked = 0;
	next_try = 0;
	quarantine_reset();
}

static void
inbound_reset(void)
{
	inbound_forget();
	wc_visitors_forget();
}

const TurnPart inbound_part = {
	.pending = inbound_pending,
	.ready = inbound_ready,
	.next_due = inbound_next_due,
	.rollback = inbound_rollback,
	.net_lost = inbound_forget,
	.reset = inbound_reset,
};
