/*
 * outcomes.c
 *	  Recording how messages ended, many by one statement.
 *
 * A message stays in the queue, and its conversation waits, until its end is
 * committed.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "outbound/end_rows.h"
#include "outbound/held.h"
#include "outbound/hub_queue.h"
#include "outbound/outcomes.h"
#include "outbound/overdue.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/feed_wanted.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "turn/changes.h"
#include "turn/report.h"
#include "turn/savepoint.h"
#include "turn/transaction.h"

/* The pause before an end that could not be recorded is tried again, in ms. */
#define RECORD_AGAIN_MS 1000

/* The same before a hub that said "no session" is asked again, in ms. */
#define SHOWN_AGAIN_MS 500

/* A message whose end is known and not yet in the tables. */
typedef struct Ended
{
	dlist_node node;
	Queued *item;
	bool recorded; /* in this turn */
	bool held;
	bool failed;
	TimestampTz due;	  /* not before; 0: now */
	const char *means;	  /* a message_status */
	char *word;			  /* the hub's, or ours */
	char *hub_message_id; /* NULL: none */
	char *code;
	char *text;
} Ended;

static dlist_head ended = DLIST_STATIC_INIT(ended);
static MemoryContext ended_context = NULL;

static char *
keep(wc_str s)
{
	char *copy;

	if (s.len == 0)
		return NULL;
	copy = MemoryContextAlloc(ended_context, s.len + 1);
	memcpy(copy, s.p, s.len);
	copy[s.len] = '\0';
	return copy;
}

/*
 * Note a message's end; the next turn records it.  means: a message_status;
 * word: the hub's or ours; o: what more is known, or NULL.
 */
void
outcomes_note(Queued *item, const char *means, wc_str word, const wc_outcome *o)
{
	Ended *e;

	if (ended_context == NULL)
		ended_context = AllocSetContextCreate(TopMemoryContext, "webchatt outcomes", ALLOCSET_DEFAULT_SIZES);
	e = MemoryContextAllocZero(ended_context, sizeof(Ended));
	e->item = item;
	e->means = means;
	e->held = strcmp(means, "held") == 0;
	e->failed = strcmp(means, "failed") == 0 || strcmp(means, "expired") == 0;
	e->word = keep(word);
	if (o != NULL)
	{
		e->hub_message_id = keep(o->hub_message_id);
		e->code = keep(o->error_code);
		e->text = keep(o->error_message);
	}
	hub_queue_ended(item, e->held);
	dlist_push_tail(&ended, &e->node);
}

static void
free_ended(Ended *e)
{
	dlist_delete(&e->node);
	if (e->word)
		pfree(e->word);
	if (e->hub_message_id)
		pfree(e->hub_message_id);
	if (e->code)
		pfree(e->code);
	if (e->text)
		pfree(e->text);
	pfree(e);
}

static void
add_text(WcColumn *col, const char *s)
{
	wc_column_add_bytes(col, s, s ? strlen(s) : 0);
}

/* What statements are given of the messages that ended, beside their ends. */
typedef struct OutcomeColumns
{
	WcColumn *learnt[WC_APPLY_EARLY_ARRAYS]; /* the hub's ids */
	WcColumn *late[WC_OVERDUE_LATE_ARRAYS];	 /* those that are overdue, and now are answered */
	WcColumn *held[WC_HOLD_ARRAYS];			 /* for visitors who are away */
} OutcomeColumns;

/* Add a message to what is held: the arrays of WC_HOLD and WC_HOLD_NOW. */
void
outcomes_add_held(WcColumn *const held[5], const Queued *item)
{
	wc_column_add(held[0], UUIDPGetDatum(&item->conv->channel));
	add_text(held[1], item->conv->visitor);
	wc_column_add(held[2], Int64GetDatum(item->seq));
	wc_column_add(held[3], UUIDPGetDatum(&item->id));
	if (item->expires)
		wc_column_add(held[4], TimestampTzGetDatum(item->expires));
	else
		wc_column_add_null(held[4]);
}

/* What follows from an end. */
static void
add_consequences(OutcomeColumns *cols, const Ended *e)
{
	Datum channel = UUIDPGetDatum(&e->item->conv->channel);
	Datum id = UUIDPGetDatum(&e->item->id);

	changes_add(&e->item->conv->channel, e->item->conv->visitor, strlen(e->item->conv->visitor));
	if (e->hub_message_id && !e->item->conv->queue->local) /* the id of a visitor's message is ours: nothing is early */
	{
		wc_column_add(cols->learnt[0], channel);
		add_text(cols->learnt[1], e->hub_message_id);
		wc_column_add(cols->learnt[2], id);
	}
	if (overdue_is_late(&e->item->id) && (strcmp(e->means, "sent") == 0 || strcmp(e->means, "enqueued") == 0))
	{
		wc_column_add(cols->late[0], channel);
		wc_column_add(cols->late[1], id);
	}
	if (e->held)
		outcomes_add_held(cols->held, e->item);
}

/* Has it only to be said that it was sent? */
static bool
is_plain(const Ended *e)
{
	return !e->held && e->code == NULL && e->text == NULL && e->word != NULL;
}

/* Without a statement, those that are plain; false: none is recorded so. */
static bool
record_plain(Ended **list, TimestampTz now)
{
	EndRow *rows;
	int n = 0;
	int i;

	for (i = 0; list[i] != NULL; i++)
		n += is_plain(list[i]);
	rows = palloc(sizeof(EndRow) * Max(n, 1));
	for (n = 0; *list != NULL; list++)
	{
		const Ended *e = *list;

		if (is_plain(e))
			rows[n++] =
				(EndRow){&e->item->conv->channel, &e->item->id, e->item->place, e->means, e->word, e->hub_message_id};
	}
	return n > 0 && end_rows_write(rows, n, now);
}

/* By the statement that can do everything; but_plain: without those that are. */
static void
record_others(Ended **list, bool but_plain)
{
	WcColumn *cols[WC_RECORD_OUTCOMES_ARRAYS];
	Datum args[WC_RECORD_OUTCOMES_PARAMETERS];

	wc_columns(WC_RECORD_OUTCOMES, cols, 64);
	for (; *list != NULL; list++)
	{
		const Ended *e = *list;

		if (but_plain && is_plain(e))
			continue;
		wc_column_add(cols[0], UUIDPGetDatum(&e->item->conv->channel));
		wc_column_add(cols[1], UUIDPGetDatum(&e->item->id));
		add_text(cols[2], e->means);
		add_text(cols[3], e->word);
		add_text(cols[4], e->hub_message_id);
		add_text(cols[5], e->code);
		add_text(cols[6], e->text);
	}
	if (cols[0]->n == 0)
		return;
	wc_columns_arrays(cols, lengthof(cols), args);
	args[lengthof(cols)] = BoolGetDatum(wc_feed_wanted());
	wc_run(WC_RECORD_OUTCOMES, args, NULL);
}

/* Record ends, many at a time; *list is NULL-terminated.  alone: it is one, which may have made trouble. */
static void
record(Ended **list, bool alone, TimestampTz now)
{
	OutcomeColumns cols;

	wc_columns(WC_APPLY_EARLY, cols.learnt, 64);
	wc_columns(WC_OVERDUE_LATE, cols.late, 8);
	wc_columns(WC_HOLD, cols.held, 8);
	record_others(list, !alone && record_plain(list, now));
	for (; *list != NULL; list++)
		add_consequences(&cols, *list);
	/* there are none as a rule, and to look for each costs as much as to record it */
	if (cols.learnt[0]->n > 0 && wc_run(WC_ANY_EARLY, NULL, NULL) > 0)
	{
		Datum early[4] = {wc_column_array(cols.learnt[0]), wc_column_array(cols.learnt[1]),
						  wc_column_array(cols.learnt[2]), BoolGetDatum(wc_feed_wanted())};

		wc_run(WC_APPLY_EARLY, early, NULL);
	}
	if (cols.held[0]->n > 0)
		held_add(cols.held);
	if (cols.late[0]->n > 0)
	{
		Datum late[2] = {wc_column_array(cols.late[0]), wc_column_array(cols.late[1])};

		wc_run(WC_OVERDUE_LATE, late, NULL);
	}
}

static void
record_step(void *arg)
{
	record(arg, true, 0);
}

/* One by one: what cannot be recorded is tried again, and its conversation waits. */
static void
record_alone(Ended *e, TimestampTz now)
{
	Ended *list[2] = {e, NULL};
	ErrorData *error = savepoint_try(record_step, list, LOCK_WAIT_BLOCKED_MS);

	if (error == NULL)
	{
		e->recorded = true;
		return;
	}
	e->due = TimestampTzPlusMilliseconds(now, wc_jittered(RECORD_AGAIN_MS));
	if (!savepoint_error_is_transient(error))
		report_error(psprintf("could not record that a message was %s: %s", e->means, error->message));
}

/* What was to be held is sent again after all: the visitor has shown up. */
static void
send_after_all(Ended *e, TimestampTz now)
{
	Conv *conv = hub_queue_put_back(e->item);

	free_ended(e);
	if (!conv->queue->local)
		hub_queue_wait(conv, TimestampTzPlusMilliseconds(now, wc_jittered(SHOWN_AGAIN_MS)));
}

/* Record every end that is known. */
void
outcomes_record(TimestampTz now, bool carefully)
{
	Ended **list;
	dlist_mutable_iter iter;
	int n = 0;
	int size = 64;

	if (dlist_is_empty(&ended))
		return;
	list = palloc(sizeof(Ended *) * size);
	dlist_foreach_modify(iter, &ended)
	{
		Ended *e = dlist_container(Ended, node, iter.cur);

		e->recorded = false;
		if (e->held && e->item->conv->shown)
		{
			send_after_all(e, now);
			continue;
		}
		if (e->due != 0)
		{
			if (e->due <= now)
				record_alone(e, now);
			continue;
		}
		if (n + 2 > size)
			list = repalloc(list, sizeof(Ended *) * (size *= 2));
		if (carefully)
			record_alone(e, now);
		else
			list[n++] = e;
	}
	list[n] = NULL;
	if (n == 0)
		return;
	transaction_time_limit(wc_trigger_timeout);
	record(list, false, now);
	transaction_time_limit(0);
	while (n > 0)
		list[--n]->recorded = true;
}

/* Committed: what is recorded needs nothing more. */
void
outcomes_commit(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &ended)
	{
		Ended *e = dlist_container(Ended, node, iter.cur);

		if (!e->recorded)
			continue;
		report_stats.messages_failed += e->failed;
		report_stats.messages_out += !e->failed && !e->held;
		hub_queue_settle(e->item);
		free_ended(e);
	}
}

void
outcomes_rollback(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &ended) dlist_container(Ended, node, iter.cur)->recorded = false;
}

/* Is there an end to record now? */
bool
outcomes_ready(TimestampTz now)
{
	dlist_iter iter;

	dlist_foreach(iter, &ended)
	{
		if (dlist_container(Ended, node, iter.cur)->due <= now)
			return true;
	}
	return false;
}

/* When the next one is due; 0: there is none. */
TimestampTz
outcomes_next_due(void)
{
	TimestampTz next = 0;
	dlist_iter iter;

	dlist_foreach(iter, &ended)
	{
		TimestampTz due = dlist_container(Ended, node, iter.cur)->due;

		if (next == 0 || due < next)
			next = due;
	}
	return next;
}

void
outcomes_reset(void)
{
	dlist_init(&ended);
	if (ended_context != NULL)
		MemoryContextReset(ended_context);
}
