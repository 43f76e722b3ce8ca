/*
 * conversations.c
 *	  How conversations stand: what a turn wrote, sent and was ordered becomes rows of
 *	  webchatt.conversations, by a statement each.
 *
 * A visitor who is known to wait costs nothing: a message more changes no row.  What
 * cannot be noted, somebody having locked the row, holds no message up: it is made anew
 * out of the messages later (conversation_sweep.c).  Orders of sessions are the only thing
 * that no message says; so their table of the outbox is not emptied before they are done.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "conversations/conversation_notify.h"
#include "turn/conversation_set.h"
#include "conversations/conversation_states.h"
#include "conversations/conversation_sweep.h"
#include "conversations/conversations.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/statements.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* Who is known to wait; when there are more, all are looked up again. */
#define WAITING_MOST 32768

/* When so many orders wait, no more are read. */
#define ORDERS_MOST 20000

/*
 * How long what was sent may wait to be noted, in ms: so many messages to one conversation
 * are one note.  Where somebody is known to wait it is less; nobody sees it, as the inbox
 * shows an answer as soon as it is there.
 */
#define SENT_MS	   1000
#define AWAITED_MS 50

/*
 * Of these, noted in one turn, since others wait for it, where somebody was known to wait and where nobody was; the
 * pause behind so many of the latter, in ms, so that where much is sent messages have most of the time, and more of
 * them share a note; and kept: beyond that all are looked through.
 */
#define NOTES_MOST		  128
#define NOTES_MOST_UNSURE 32
#define PAUSE_MS		  31
#define SENT_MOST		  32768

/* So long notes let live messages go first that are about to leave, in ms: a note is longer than all else in their turn. */
#define LET_GO_MS 100

/* When to try again what was locked, in ms. */
#define AGAIN_MS 1000

typedef struct Order
{
	char op;
	int64 number; /* the higher one counts */
	pg_uuid_t channel;
	char *visitor;
	pg_uuid_t newest;
	char *note; /* to whom it is assigned; when it was closed and by whom; NULL: none */
} Order;

/* this turn's */
static MemoryContext turn_context = NULL;
static WcColumn *came[3]; /* channels, messages, visitors; NULL: none came */
static ConversationSet sent_now = {"webchatt conversations sent to now", NULL, NULL};

/* what turns before this one read, the oldest first, but those in front in which somebody waits */
static ConversationSet sent = {"webchatt conversations sent to", NULL, NULL};
static dlist_head sent_order = DLIST_STATIC_INIT(sent_order);
static TimestampTz awaited_due = 0; /* 0: nobody waits */
static TimestampTz pause_end = 0;	/* nothing is noted before that, but where somebody waits */
static bool read_now[3];
static TimestampTz last_read[3];		/* when a row of each outbox table was last read */
static Conversation *notes[NOTES_MOST]; /* this turn's, of sent */
static int nnotes = 0;

static MemoryContext orders_context = NULL;
static Order *orders = NULL;
static int norders = 0;
static int orders_size = 0;
static int ncommitted = 0; /* of these, found by turns before this one */
static bool done = false;  /* all of them, in this turn */
static TimestampTz orders_due = 0;

/* A visitor wrote a message, in this turn. */
void
conversations_came(const pg_uuid_t *channel, const char *visitor, size_t len, const pg_uuid_t *message)
{
	MemoryContext before;
	Conversation *one;
	bool found;

	conversation_notify_add(channel, visitor, len);
	if (conversation_set_count(&conversation_set_waiting) >= WAITING_MOST)
		conversation_set_clear(&conversation_set_waiting);
	one = conversation_set_add(&conversation_set_waiting, channel, visitor, len, &found);
	if (one == NULL || one->sure)
		return;
	if (turn_context == NULL)
		turn_context =
			AllocSetContextCreate(TopMemoryContext, "webchatt conversations of a turn", ALLOCSET_DEFAULT_SIZES);
	before = MemoryContextSwitchTo(turn_context);
	if (came[0] == NULL)
	{
		came[0] = wc_column(UUIDOID, 64);
		came[1] = wc_column(UUIDOID, 64);
		came[2] = wc_column(TEXTOID, 64);
	}
	wc_column_add(came[0], datumCopy(UUIDPGetDatum(channel), false, UUID_LEN));
	wc_column_add(came[1], datumCopy(UUIDPGetDatum(message), false, UUID_LEN));
	wc_column_add(came[2], PointerGetDatum(cstring_to_text_with_len(visitor, (int) len)));
	MemoryContextSwitchTo(before);
}

/* A visitor wrote a message that a session took in. */
void
conversations_came_elsewhere(const pg_uuid_t *channel, const char *visitor)
{
	conversation_notify_add(channel, visitor, strlen(visitor));
	conversation_sweep_add(channel, visitor, strlen(visitor));
}

/* Its messages have left by webchatt.set_retention(). */
void
conversations_left(const pg_uuid_t *channel, const char *visitor)
{
	conversation_sweep_add(channel, visitor, strlen(visitor));
}

static bool
is_newer(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a->data, b->data, UUID_LEN) > 0;
}

/* The newest message to a visitor, and the newest answer (NULL: none).  NULL: no visitor has such an id. */
static Conversation *
add_sent(ConversationSet *set, const pg_uuid_t *channel, const char *visitor, size_t len, const pg_uuid_t *newest,
		 const pg_uuid_t *answer)
{
	bool found;
	Conversation *one = conversation_set_add(set, channel, visitor, len, &found);

	if (one == NULL)
		return NULL;
	if (!found || is_newer(newest, &one->newest))
		one->newest = *newest;
	if (answer != NULL && (!one->answered || is_newer(answer, &one->answer)))
	{
		one->answered = true;
		one->answer = *answer;
	}
	return one;
}

/* What this turn read goes to the rest. */
static void
keep_sent(TimestampTz now)
{
	HASH_SEQ_STATUS all;
	const Conversation *one;
	int child;

	for (child = 0; child < lengthof(read_now); child++)
	{
		if (read_now[child])
			last_read[child] = now;
	}
	if (conversation_set_count(&sent_now) == 0)
		return;
	hash_seq_init(&all, sent_now.table);
	while ((one = hash_seq_search(&all)) != NULL)
	{
		Conversation *kept;

		if (conversation_set_count(&sent) >= SENT_MOST)
		{
			conversation_sweep_all(true);
			hash_seq_term(&all);
			break;
		}
		kept = add_sent(&sent, (const pg_uuid_t *) one->key.bytes, one->key.bytes + UUID_LEN, one->key.len - UUID_LEN,
						&one->newest, one->answered ? &one->answer : NULL);
		if (kept->at != 0 && !one->sure)
			continue;
		if (kept->at != 0)
			dlist_delete(&kept->node);
		kept->at = now;
		if (!one->sure)
		{
			dlist_push_tail(&sent_order, &kept->node);
			continue;
		}
		kept->sure = true;
		dlist_push_head(&sent_order, &kept->node);
		if (awaited_due == 0)
			awaited_due = TimestampTzPlusMilliseconds(now, AWAITED_MS);
	}
	conversation_set_clear(&sent_now);
}

/* 0: nothing was sent. */
static TimestampTz
next_note(void)
{
	TimestampTz due;

	if (dlist_is_empty(&sent_order))
		return 0;
	due = dlist_head_element(Conversation, node, &sent_order)->at;
	return awaited_due != 0 ? awaited_due : Max(TimestampTzPlusMilliseconds(due, SENT_MS), pause_end);
}

static void
forget_sent(void)
{
	conversation_set_clear(&sent);
	dlist_init(&sent_order);
	awaited_due = 0;
	pause_end = 0;
	nnotes = 0;
}

/*
 * A message to a visitor is in the outbox (in that table of it), perhaps not for the first
 * time.  answer: it ends the wait.
 */
void
conversations_sent(const pg_uuid_t *channel, const char *visitor, const pg_uuid_t *message, bool answer, int child)
{
	size_t len = strlen(visitor);
	const Conversation *waits = conversation_set_find(&conversation_set_waiting, channel, visitor, len);
	Conversation *one = conversation_set_find(&sent_now, channel, visitor, len);

	read_now[child] = true;
	if (waits != NULL && waits->sure && !answer && one == NULL)
		return;
	one = add_sent(&sent_now, channel, visitor, len, message, answer ? message : NULL);
	if (one != NULL && waits != NULL && answer)
		one->sure = true;
}

/* A work order was read.  newest: the message that was the newest then; note: to whom it assigns (NULL: nobody). */
void
conversations_order(char op, const pg_uuid_t *channel, const char *visitor, int64 number, const pg_uuid_t *newest,
					const char *note)
{
	Order *order;

	if (orders_context == NULL)
		orders_context =
			AllocSetContextCreate(TopMemoryContext, "webchatt conversation orders", ALLOCSET_DEFAULT_SIZES);
	if (norders == orders_size)
	{
		orders_size = orders_size == 0 ? 64 : orders_size * 2;
		orders = orders == NULL ? MemoryContextAlloc(orders_context, sizeof(Order) * orders_size)
								: repalloc(orders, sizeof(Order) * orders_size);
	}
	order = &orders[norders++];
	memset(order, 0, sizeof(Order));
	order->op = op;
	order->number = number;
	order->channel = *channel;
	order->visitor = MemoryContextStrdup(orders_context, visitor);
	order->newest = *newest;
	order->note = note ? MemoryContextStrdup(orders_context, note) : NULL;
}

/* Messages were inserted, or visitors deleted, by other means than ours; or the worker starts (not told). */
void
conversations_look_through(bool told)
{
	conversation_set_clear(&conversation_set_waiting);
	conversation_sweep_all(told);
}

/* No more orders are to be read. */
bool
conversations_are_full(void)
{
	return norders >= ORDERS_MOST;
}

/* Does memory alone know of something that a table of the outbox says? */
bool
conversations_are_done(int child)
{
	return norders == 0 &&
		   (dlist_is_empty(&sent_order) || dlist_head_element(Conversation, node, &sent_order)->at > last_read[child]);
}

static void
forget_waiting(Datum channel, Datum visitor)
{
	text *v = DatumGetTextPP(visitor);
	Conversation *one =
		conversation_set_find(&conversation_set_waiting, DatumGetUUIDP(channel), VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v));

	if (one != NULL)
		conversation_set_remove(&conversation_set_waiting, one);
}

/* The rows of SPI_tuptable are of conversations in which somebody waits: for the others that came, nothing is known. */
static void
learn_waiting(uint64 rows)
{
	uint64 i;
	bool isnull;

	for (i = 0; i < rows; i++)
	{
		text *visitor = DatumGetTextPP(wc_field(i, 2, &isnull));
		Conversation *one = conversation_set_find(&conversation_set_waiting, DatumGetUUIDP(wc_field(i, 1, &isnull)),
												  VARDATA_ANY(visitor), VARSIZE_ANY_EXHDR(visitor));

		if (one != NULL)
			one->sure = true;
		if (DatumGetBool(wc_field(i, 3, &isnull)))
			conversation_states_add(DatumGetUUIDP(wc_field(i, 1, &isnull)), wc_field_text(i, 2), false);
	}
	for (i = 0; i < (uint64) came[0]->n; i++)
	{
		text *visitor = DatumGetTextPP(came[2]->values[i]);
		Conversation *one = conversation_set_find(&conversation_set_waiting, DatumGetUUIDP(came[0]->values[i]),
												  VARDATA_ANY(visitor), VARSIZE_ANY_EXHDR(visitor));

		if (one != NULL && !one->sure)
			conversation_set_remove(&conversation_set_waiting, one);
	}
}

/* A step: what came. */
static void
note_came(void *arg)
{
	Datum args[WC_NOTE_CAME_PARAMETERS];

	wc_columns_arrays(came, lengthof(args), args);
	learn_waiting(wc_run(WC_NOTE_CAME, args, NULL));
}

/* Rows of SPI_tuptable, channel and visitor first, into columns. */
static void
keep_row(uint64 row, WcColumn *channels, WcColumn *visitors)
{
	bool isnull;

	wc_column_add(channels, wc_field(row, 1, &isnull));
	wc_column_add(visitors, wc_field(row, 2, &isnull));
}

/* A step: what was sent to these. */
static void
note_sent(void *arg)
{
	WcColumn *cols[WC_NOTE_SENT_ARRAYS];
	Datum args[WC_NOTE_SENT_PARAMETERS];
	uint64 rows;
	uint64 i;
	bool isnull;

	wc_columns(WC_NOTE_SENT, cols, nnotes);
	for (i = 0; i < (uint64) nnotes; i++)
	{
		const Conversation *one = notes[i];

		wc_column_add(cols[0], conversation_set_channel(one));
		wc_column_add(cols[1], conversation_set_visitor(one));
		if (one->answered)
			wc_column_add(cols[2], UUIDPGetDatum(&one->answer));
		else
			wc_column_add_null(cols[2]);
		wc_column_add(cols[3], UUIDPGetDatum(&one->newest));
		if (one->answered)
			forget_waiting(cols[0]->values[i], cols[1]->values[i]);
	}
	wc_columns_arrays(cols, lengthof(cols), args);
	rows = wc_run(WC_NOTE_SENT, args, NULL);
	for (i = 0; i < rows; i++)
	{
		text *visitor = DatumGetTextPP(wc_field(i, 2, &isnull));

		conversation_notify_add(DatumGetUUIDP(wc_field(i, 1, &isnull)), VARDATA_ANY(visitor),
								VARSIZE_ANY_EXHDR(visitor));
	}
}

static void
apply_came(void)
{
	ErrorData *error;
	int i;

	if (came[0] == NULL)
		return;
	error = savepoint_try_for(note_came, NULL, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
	if (error == NULL)
		return;
	if (!savepoint_error_is_transient(error))
		report_error(error->message);
	conversation_set_clear(&conversation_set_waiting);
	for (i = 0; i < came[0]->n; i++)
	{
		text *visitor = DatumGetTextPP(came[2]->values[i]);

		conversation_sweep_add(DatumGetUUIDP(came[0]->values[i]), VARDATA_ANY(visitor), VARSIZE_ANY_EXHDR(visitor));
	}
}

/* Those of which something was sent long enough ago, if they were due then; what fails is made anew, later. */
static void
apply_sent(TimestampTz now, TimestampTz if_due)
{
	TimestampTz due = next_note();
	ErrorData *error;
	dlist_iter iter;
	int i;

	nnotes = 0;
	if (due == 0 || due > if_due)
		return;
	dlist_foreach(iter, &sent_order)
	{
		Conversation *one = dlist_container(Conversation, node, iter.cur);

		if (nnotes == NOTES_MOST || (!one->sure && (nnotes >= NOTES_MOST_UNSURE || pause_end > now ||
													TimestampTzPlusMilliseconds(one->at, SENT_MS) > now)))
			break;
		notes[nnotes++] = one;
	}
	if (nnotes == 0)
	{
		awaited_due = 0;
		return;
	}
	if (nnotes >= NOTES_MOST_UNSURE)
		pause_end = TimestampTzPlusMilliseconds(now, PAUSE_MS);
	error = savepoint_try_for(note_sent, NULL, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
	if (error == NULL)
		return;
	if (!savepoint_error_is_transient(error))
		report_error(error->message);
	for (i = 0; i < nnotes; i++)
		conversation_sweep_add((const pg_uuid_t *) notes[i]->key.bytes, notes[i]->key.bytes + UUID_LEN,
							   notes[i]->key.len - UUID_LEN);
}

/* The notes of this turn are committed. */
static void
let_notes_go(void)
{
	int i;

	if (nnotes == 0)
		return;
	for (i = 0; i < nnotes; i++)
	{
		dlist_delete(&notes[i]->node);
		conversation_set_remove(&sent, notes[i]);
	}
	if ((dlist_is_empty(&sent_order) || !dlist_head_element(Conversation, node, &sent_order)->sure))
		awaited_due = 0;
	nnotes = 0;
	if (dlist_is_empty(&sent_order))
		conversation_set_clear(&sent);
}

static void
forget_turn(void)
{
	memset(came, 0, sizeof(came));
	memset(read_now, 0, sizeof(read_now));
	nnotes = 0;
	if (turn_context != NULL)
		MemoryContextReset(turn_context);
	if (conversation_set_count(&sent_now) > 0)
		conversation_set_clear(&sent_now);
}

static void
forget_orders(void)
{
	orders = NULL;
	norders = orders_size = ncommitted = 0;
	if (orders_context != NULL)
		MemoryContextReset(orders_context);
}

typedef struct Some
{
	const Order *orders;
	int n;
} Some;

/* What orders found: conversations that are missing go into the columns, of the others it is known how they stand. */
static void
learn_states(uint64 rows, WcColumn *channels, WcColumn *visitors)
{
	uint64 i;

	for (i = 0; i < rows; i++)
	{
		bool isnull;
		bool missing;
		bool closed = DatumGetBool(wc_field(i, 3, &missing));

		if (missing)
			keep_row(i, channels, visitors);
		else
			conversation_states_add(DatumGetUUIDP(wc_field(i, 1, &isnull)), wc_field_text(i, 2), closed);
	}
}

/* Orders of one kind; returns the conversations that they found missing. */
static void
run_orders(const Some *some, bool assign, WcColumn *channels, WcColumn *visitors)
{
	WcColumn *cols[WC_NOTE_STATES_ARRAYS];
	Datum args[WC_NOTE_STATES_PARAMETERS];
	uint64 i;

	StaticAssertStmt(WC_NOTE_STATES_PARAMETERS == WC_NOTE_ASSIGNEES_PARAMETERS + 1,
					 "they take the same columns, and one more");
	wc_columns_any(assign ? WC_NOTE_ASSIGNEES : WC_NOTE_STATES, cols, some->n);
	for (i = 0; i < (uint64) some->n; i++)
	{
		const Order *o = &some->orders[i];

		if ((o->op == CONVERSATION_ASSIGN) != assign)
			continue;
		wc_column_add(cols[0], UUIDPGetDatum(&o->channel));
		wc_column_add(cols[1], CStringGetTextDatum(o->visitor));
		wc_column_add(cols[2], Int64GetDatum(o->number));
		wc_column_add(cols[3], UUIDPGetDatum(&o->newest));
		if (o->note != NULL)
			wc_column_add(cols[4], CStringGetTextDatum(o->note));
		else
			wc_column_add_null(cols[4]);
		if (!assign)
			wc_column_add(cols[5], BoolGetDatum(o->op == CONVERSATION_CLOSE));
		if (!assign)
			forget_waiting(cols[0]->values[cols[0]->n - 1], cols[1]->values[cols[1]->n - 1]);
	}
	if (cols[0]->n == 0)
		return;
	wc_columns_arrays(cols, assign ? WC_NOTE_ASSIGNEES_ARRAYS : WC_NOTE_STATES_ARRAYS, args);
	learn_states(wc_run_any(assign ? WC_NOTE_ASSIGNEES : WC_NOTE_STATES, args, NULL), channels, visitors);
}

/* A step: carry orders out; conversations that have no row yet get one. */
static void
carry_out(void *arg)
{
	const Some *some = arg;
	int again;

	for (again = 0; again < 2; again++)
	{
		WcColumn *channels = wc_column(UUIDOID, 16);
		WcColumn *visitors = wc_column(TEXTOID, 16);

		run_orders(some, false, channels, visitors);
		run_orders(some, true, channels, visitors);
		if (channels->n == 0)
			break;
		conversation_sweep_make(channels, visitors);
	}
}

/* All together; or, where that fails, one by one, and what fails alone is reported and dropped. */
static void
apply_orders(TimestampTz now)
{
	Some some = {orders, norders};
	ErrorData *error;
	int i;

	if (norders == 0 || orders_due > now)
		return;
	error = savepoint_try_for(carry_out, &some, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
	for (i = 0; error != NULL && !savepoint_error_is_transient(error) && i < norders; i++)
	{
		Some one = {&orders[i], 1};

		error = savepoint_try_for(carry_out, &one, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
		if (error == NULL || savepoint_error_is_transient(error))
			continue;
		report_error(error->message);
		error = NULL;
	}
	if (error != NULL)
	{
		orders_due = TimestampTzPlusMilliseconds(now, AGAIN_MS);
		return;
	}
	done = true;
	for (i = 0; i < norders; i++)
		conversation_notify_add(&orders[i].channel, orders[i].visitor, strlen(orders[i].visitor));
}

/* Everything that this turn has to write is written: note it.  others_wait: for the turn's end, so what can come later does. */
void
conversations_apply(TimestampTz now, bool others_wait)
{
	TimestampTz due = TimestampTzPlusMilliseconds(now, others_wait ? -LET_GO_MS : 0);

	apply_came();
	apply_sent(now, due);
	apply_orders(now);
	conversation_sweep_apply(now, due);
	conversation_notify_apply(now);
}

void
conversations_commit(TimestampTz now, wc_buf *out)
{
	conversation_states_commit(out);
	let_notes_go();
	keep_sent(now);
	forget_turn();
	if (done)
		forget_orders();
	ncommitted = norders;
	done = false;
	conversation_sweep_commit();
	conversation_notify_commit();
}

/* The turn is undone: what it read it will read again, what came is written again. */
static void
conversations_rollback(const ErrorData *error)
{
	forget_turn();
	conversation_set_clear(&conversation_set_waiting);
	if (ncommitted == 0)
		forget_orders();
	norders = ncommitted;
	done = false;
	conversation_states_forget();
	conversation_sweep_rollback();
	conversation_notify_rollback();
}

static void
conversations_reset(void)
{
	forget_turn();
	forget_sent();
	conversation_set_clear(&conversation_set_waiting);
	forget_orders();
	done = false;
	orders_due = 0;
	conversation_states_forget();
	conversation_sweep_reset();
	conversation_notify_reset();
}

/* 0: nothing is to be done. */
static TimestampTz
conversations_next_due(void)
{
	TimestampTz due[] = {norders > 0 ? Max(orders_due, 1) : 0, next_note(), conversation_sweep_due(),
						 conversation_notify_due()};
	TimestampTz next = 0;
	size_t i;

	for (i = 0; i < lengthof(due); i++)
	{
		if (due[i] != 0 && (next == 0 || due[i] < next))
			next = due[i];
	}
	return next;
}

static bool
conversations_ready(TimestampTz now)
{
	TimestampTz due = conversations_next_due();

	return due != 0 && due <= now;
}

const TurnPart conversations_part = {
	.ready = conversations_ready,
	.next_due = conversations_next_due,
	.rollback = conversations_rollback,
	.reset = conversations_reset,
};
