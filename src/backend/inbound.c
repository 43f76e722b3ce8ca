/*
 * inbound.c
 *	  Events that wait to be written, and their acknowledgement after commit.
 *
 * Most go in together, one statement for all.  When that fails, or where a
 * conversation is known to make trouble, each goes alone in a savepoint: what
 * raises is kept in webchatt.rejects, what is blocked waits for its turn, and
 * neither hurts its neighbours.
 */
#include "worker.h"

#include "lib/ilist.h"
#include "utils/memutils.h"

/* Events written by one statement. */
#define BATCH_MOST		1024
#define BATCH_LEAST		8

/* Events that go alone in one turn. */
#define ALONE_MOST		128

/* How long a careful turn may take before it commits what it has, in ms. */
#define CAREFUL_MS		1000

/* Events of blocked conversations that may wait; beyond that they are sent back. */
#define BLOCKED_MOST	1024

typedef struct InEvent
{
	dlist_node	node;
	wc_event	event;
	bool		done;			/* written or rejected in this turn */
	uint8		result;			/* wc_event_result, once done */
	char		bytes[FLEXIBLE_ARRAY_MEMBER];
} InEvent;

static dlist_head pending = DLIST_STATIC_INIT(pending);
static int	npending = 0;
static int	nblocked = 0;		/* as of the last turn */
static int	repeats = 0;		/* of this turn */
static int	batch_limit = BATCH_MOST;

static MemoryContext
events_context(void)
{
	static MemoryContext context = NULL;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "webchatt events",
										ALLOCSET_DEFAULT_SIZES);
	return context;
}

/* Take over an event frame; false when it is none. */
bool
inbound_accept(const wc_frame *frame)
{
	InEvent    *in = MemoryContextAlloc(events_context(), offsetof(InEvent, bytes) + frame->len);
	wc_frame	copy = {frame->type, in->bytes, frame->len};

	memcpy(in->bytes, frame->payload, frame->len);
	if (!wc_read_event(&copy, &in->event))
	{
		pfree(in);
		return false;
	}
	in->done = false;
	in->result = WC_DONE_STORED;
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
bool
inbound_ready(TimestampTz now)
{
	TimestampTz next;

	if (npending > nblocked)
		return true;
	if (npending == 0)
		return false;
	next = trouble_next();
	return next == 0 || next <= now;
}

static void
mark_done(InEvent *in, wc_event_result result)
{
	in->done = true;
	in->result = result;
}

typedef struct WriteOne
{
	InEvent    *in;
	WcShowedUp *showed_up;
} WriteOne;

static void
write_one(void *arg)
{
	WriteOne   *one = arg;
	wc_event   *event = &one->in->event;

	if (events_write(&event, 1, one->showed_up) == 0)
		repeats++;
	events_forget_reject(event);
}

typedef struct RejectOne
{
	const wc_event *event;
	const ErrorData *error;
} RejectOne;

static void
reject_one(void *arg)
{
	RejectOne  *one = arg;

	events_reject(one->event, one->error);
}

/* Write one event in a savepoint, or reject it, or let it wait. */
static void
write_alone(InEvent *in, TimestampTz now, int lock_wait_ms, WcShowedUp *showed_up)
{
	WcShowedUp	mine = {wc_column(UUIDOID, 2), wc_column(TEXTOID, 2)};
	WriteOne	one = {in, &mine};
	RejectOne	rejecting;
	ErrorData  *error = turn_try(write_one, &one, lock_wait_ms);
	int			i;

	if (error == NULL)
	{
		trouble_over(&in->event);
		mark_done(in, WC_DONE_STORED);
		for (i = 0; i < mine.channels->n; i++)
		{
			wc_column_add(showed_up->channels, mine.channels->values[i]);
			wc_column_add(showed_up->visitors, mine.visitors->values[i]);
		}
		return;
	}
	if (turn_error_is_transient(error))
	{
		trouble_blocked(&in->event, now);
		return;
	}
	rejecting.event = &in->event;
	rejecting.error = error;
	if (turn_try(reject_one, &rejecting, LOCK_WAIT_BLOCKED_MS) != NULL)
	{
		trouble_blocked(&in->event, now);
		return;
	}
	trouble_suspect(&in->event, now);
	mark_done(in, WC_DONE_REJECTED);
}

static void
write_together(InEvent **batch, int n, WcShowedUp *showed_up)
{
	wc_event  **events = palloc(sizeof(wc_event *) * n);
	int			i;

	for (i = 0; i < n; i++)
		events[i] = &batch[i]->event;
	turn_time_limit(wc_trigger_timeout);
	repeats += n - (int) events_write(events, n, showed_up);
	turn_time_limit(0);
	for (i = 0; i < n; i++)
		mark_done(batch[i], WC_DONE_STORED);
}

/* A channel that was dropped since the door took the event. */
static bool
channel_gone(InEvent *in)
{
	if (config_channel(in->event.channel) != NULL)
		return false;
	mark_done(in, WC_DONE_GONE);
	return true;
}

/*
 * Write what waits.  carefully: nothing goes together, after a turn in which
 * that failed.
 */
void
inbound_apply(TimestampTz now, bool carefully, WcShowedUp *showed_up)
{
	InEvent   **batch = palloc(sizeof(InEvent *) * batch_limit);
	InEvent   **alone = palloc(sizeof(InEvent *) * (batch_limit + ALONE_MOST));
	int			nbatch = 0;
	int			nalone = 0;
	int			i;
	dlist_iter	iter;

	nblocked = 0;
	dlist_foreach(iter, &pending)
	{
		InEvent    *in = dlist_container(InEvent, node, iter.cur);
		Trouble		trouble;

		if (in->done || channel_gone(in))
			continue;
		trouble = trouble_of(&in->event, now);
		if (trouble == TROUBLE_BLOCKED)
		{
			if (++nblocked > BLOCKED_MOST)
				mark_done(in, WC_DONE_BUSY);
		}
		else if (trouble == TROUBLE_NONE && nbatch < batch_limit)
			batch[nbatch++] = in;
		else if (trouble == TROUBLE_SUSPECT && nalone < ALONE_MOST)
			alone[nalone++] = in;
		if (nbatch == batch_limit)
			break;
	}
	if (carefully)
	{
		memmove(alone + nbatch, alone, sizeof(InEvent *) * nalone);
		memcpy(alone, batch, sizeof(InEvent *) * nbatch);
		nalone += nbatch;
		nbatch = 0;
	}
	if (nbatch > 0)
		write_together(batch, nbatch, showed_up);
	for (i = 0; i < nalone; i++)
	{
		bool		late = trouble_of(&alone[i]->event, now) == TROUBLE_BLOCKED;

		if (late)
			nblocked++;
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
		InEvent    *in = dlist_container(InEvent, node, iter.cur);
		wc_event_done done;

		if (!in->done)
			continue;
		done.request = in->event.request;
		done.result = in->result;
		wc_write_event_done(out, &done);
		if (in->result == WC_DONE_STORED)
			worker_stats.events++;
		else if (in->result == WC_DONE_REJECTED)
			worker_stats.rejected++;
		dlist_delete(&in->node);
		pfree(in);
		npending--;
	}
	worker_stats.repeats += repeats;
	repeats = 0;
	if (batch_limit < BATCH_MOST)
		batch_limit++;
}

/* The turn is undone: everything waits as before. */
void
inbound_rollback(const ErrorData *error)
{
	dlist_iter	iter;

	repeats = 0;
	dlist_foreach(iter, &pending)
		dlist_container(InEvent, node, iter.cur)->done = false;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		batch_limit = Max(BATCH_LEAST, batch_limit / 4);
}

/* webchatt-net is gone, and with it whoever waits for an answer. */
void
inbound_forget(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &pending)
	{
		InEvent    *in = dlist_container(InEvent, node, iter.cur);

		dlist_delete(&in->node);
		pfree(in);
	}
	npending = nblocked = 0;
}
