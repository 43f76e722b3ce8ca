/*
 * requeue.c
 *	  Messages that are queued and have no work order: a restore or a person
 *	  inserted them, or triggers were off when it happened.
 *
 * No index knows them, and none shall: it would cost every message.  So all messages
 * are looked through, once when the worker starts and again when it is told of an
 * insert that was not ours; a piece in a turn, by the primary key, and with
 * pauses, since whoever waits for an acknowledgement waits for the turn.
 *
 * Whether a message has its order the memory of the queue says, once all of the
 * outbox is read.  Where it cannot (a conversation of which a part is in the outbox
 * only) the conversation is looked through when it can.  An order too many would do
 * no harm but its size: a message is taken only while its row says "queued".
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/ilist.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "outbound/hub_queue.h"
#include "outbound/requeue.h"
#include "shared/clock.h"
#include "shared/message_id.h"
#include "shared/outbox_append.h"
#include "shared/outbox_lane.h"
#include "shared/statements.h"
#include "turn/config.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* Rows that a piece has: it is made smaller or larger by the time that one took. */
#define PIECE_FIRST 500
#define PIECE_LEAST 50
#define PIECE_MOST	2000

/* A piece that takes longer than this was too large, in us. */
#define PIECE_US 4000

/* How much longer than a piece the pause behind it is: by itself, and when told. */
#define PAUSE_ALONE 20
#define PAUSE_TOLD	4

/* When to go on after an error, or while the outbox is not read, in ms. */
#define LATER_MS 1000

/* A pass through all messages; what a turn did of it is undone with the turn. */
typedef struct Look
{
	bool running;
	uint32 for_order;  /* orders up to this one are served by it */
	bool unread;	   /* it met hub queues that had more in the outbox */
	pg_uuid_t newest;  /* ids from this one on were made since it began */
	pg_uuid_t channel; /* the last row that it saw */
	pg_uuid_t id;
} Look;

/* A conversation that is to be looked through: it is all in memory now. */
typedef struct OfOne
{
	dlist_node node;
	pg_uuid_t channel;
	pg_uuid_t id; /* the last message that was seen */
	bool done;	  /* in this turn */
	char visitor[FLEXIBLE_ARRAY_MEMBER];
} OfOne;

static Look look;
static Look saved; /* as of the last commit */
static dlist_head ones = DLIST_STATIC_INIT(ones);
static pg_uuid_t one_saved; /* the first one's id, as of the last commit */
static uint32 pass = 0;		/* which one it is */
static uint32 orders = 0;	/* to look through all messages, so far */
static bool told = false;	/* of an insert, so somebody waits */
static int piece = PIECE_FIRST;
static TimestampTz next_due = 0;
static bool appended; /* in this turn */

/* Look through all messages; by_insert: we were told of one that was not ours. */
void
requeue_begin(bool by_insert)
{
	orders++;
	told |= by_insert;
	if (!look.running)
		next_due = 0;
}

/* A conversation's rest came into memory, and there may be some without an order. */
void
requeue_conversation(const pg_uuid_t *channel, const char *visitor)
{
	size_t len = strlen(visitor) + 1;
	OfOne *one = MemoryContextAllocZero(TopMemoryContext, offsetof(OfOne, visitor) + len);

	one->channel = *channel;
	memcpy(one->visitor, visitor, len);
	if (dlist_is_empty(&ones))
		memset(&one_saved, 0, sizeof(one_saved));
	dlist_push_tail(&ones, &one->node);
}

static bool
something_to_do(void)
{
	return look.running || look.unread || look.for_order != orders || !dlist_is_empty(&ones);
}

bool
requeue_ready(TimestampTz now)
{
	return something_to_do() && next_due <= now;
}

/* 0: nothing to do */
static TimestampTz
requeue_next_due(void)
{
	return something_to_do() ? Max(next_due, 1) : 0;
}

/* A message that is queued: give it an order if it has none. */
static void
requeue_one(const pg_uuid_t *channel, const pg_uuid_t *id, const char *visitor, const TimestampTz *expires, bool final)
{
	const ConfigChannel *c = config_channel(channel->data);
	bool old = memcmp(id->data, look.newest.data, sizeof(id->data)) < 0;
	HubQueue *queue;

	if (c == NULL)
		return;
	queue = hub_queue_of(c->hub_id, true);
	if (!hub_queue_is_current(queue))
		look.unread = true;
	else if (!hub_queue_knows(queue, channel, visitor, id, old ? pass : 0))
	{
		wc_outbox_append(WC_BULK_LANE(c->hub_id), final ? 's' : 'n', channel, visitor, id, NULL, expires);
		appended = true;
	}
}

/* The rows of SPI_tuptable: a page's messages that are queued, and its last row.  How many the page had. */
static int
requeue_page(pg_uuid_t *channel, pg_uuid_t *id)
{
	SPITupleTable *table = SPI_tuptable;
	uint64 n = SPI_processed;
	int64 rows = 0;
	uint64 i;

	for (i = 0; i < n; i++)
	{
		HeapTuple tuple = table->vals[i];
		TupleDesc desc = table->tupdesc;
		TimestampTz expires;
		Datum visitor;
		bool isnull;
		bool never;

		rows = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull));
		*channel = *DatumGetUUIDP(SPI_getbinval(tuple, desc, 2, &isnull));
		*id = *DatumGetUUIDP(SPI_getbinval(tuple, desc, 3, &isnull));
		visitor = SPI_getbinval(tuple, desc, 4, &isnull);
		if (isnull)
			continue;
		expires = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 5, &never));
		requeue_one(channel, id, TextDatumGetCString(visitor), never ? NULL : &expires,
					DatumGetBool(SPI_getbinval(tuple, desc, 6, &isnull)));
	}
	SPI_freetuptable(table);
	return (int) rows;
}

static void
piece_of_one(void)
{
	OfOne *one = dlist_head_element(OfOne, node, &ones);
	pg_uuid_t channel;
	Datum args[4] = {UUIDPGetDatum(&one->channel), UUIDPGetDatum(&one->id), Int32GetDatum(piece),
					 CStringGetTextDatum(one->visitor)};

	wc_run(WC_STRAYS_OF, args, NULL);
	one->done = requeue_page(&channel, &one->id) < piece;
}

static void
piece_of_all(void)
{
	Datum args[3] = {UUIDPGetDatum(&look.channel), UUIDPGetDatum(&look.id), Int32GetDatum(piece)};

	wc_run(WC_STRAYS, args, NULL);
	look.running = requeue_page(&look.channel, &look.id) == piece;
	told &= look.running || look.for_order != orders;
}

static void
begin_pass(void)
{
	memset(&look, 0, sizeof(look));
	look.running = true;
	look.for_order = orders;
	pass = pass == PG_UINT32_MAX ? 1 : pass + 1;
	wc_new_message_id(&look.newest);
}

/* Hub queues had more in the outbox than fits into memory: is all of it read now? */
static bool
all_is_read(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &hub_queue_list)
	{
		if (!hub_queue_is_current(dlist_container(HubQueue, node, iter.cur)))
			return false;
	}
	return true;
}

static void
run_piece(void *arg)
{
	if (!dlist_is_empty(&ones))
	{
		piece_of_one();
		return;
	}
	if (!look.running && (look.for_order != orders || all_is_read()))
		begin_pass();
	if (look.running)
		piece_of_all();
}

/* What was done in this turn is undone. */
static void
requeue_rollback(const ErrorData *error)
{
	if (!dlist_is_empty(&ones))
	{
		dlist_head_element(OfOne, node, &ones)->id = one_saved;
		dlist_head_element(OfOne, node, &ones)->done = false;
	}
	look = saved;
}

/*
 * A piece, if one is due.  What is new in the outbox was read in this turn; true:
 * there is more of it now.
 */
bool
requeue_apply(TimestampTz now)
{
	TimestampTz began = wc_clock();
	TimestampTz took;
	ErrorData *error;

	appended = false;
	if (!requeue_ready(now))
		return false;
	error = savepoint_try_for(run_piece, NULL, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
	took = wc_clock() - began;
	if (error != NULL)
	{
		requeue_rollback(NULL);
		if (!savepoint_error_is_transient(error))
			report_error(error->message);
		piece = PIECE_LEAST;
		next_due = TimestampTzPlusMilliseconds(wc_clock(), LATER_MS);
		return false;
	}
	piece = took > PIECE_US ? Max(piece / 2, PIECE_LEAST) : Min(piece + piece / 4, PIECE_MOST);
	if (look.running || look.for_order != orders || !dlist_is_empty(&ones))
		next_due = wc_clock() + Max(took * (told ? PAUSE_TOLD : PAUSE_ALONE), 1000);
	else
		next_due = TimestampTzPlusMilliseconds(wc_clock(), LATER_MS);
	return appended;
}

void
requeue_commit(void)
{
	saved = look;
	if (dlist_is_empty(&ones))
		return;
	if (dlist_head_element(OfOne, node, &ones)->done)
	{
		pfree(dlist_container(OfOne, node, dlist_pop_head_node(&ones)));
		memset(&one_saved, 0, sizeof(one_saved));
	}
	else
		one_saved = dlist_head_element(OfOne, node, &ones)->id;
}

static void
requeue_reset(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &ones)
	{
		dlist_delete(iter.cur);
		pfree(dlist_container(OfOne, node, iter.cur));
	}
	memset(&look, 0, sizeof(look));
	memset(&saved, 0, sizeof(saved));
	memset(&one_saved, 0, sizeof(one_saved));
	orders = 0;
	told = false;
	next_due = 0;
}

const TurnPart requeue_part = {
	.ready = requeue_ready,
	.next_due = requeue_next_due,
	.rollback = requeue_rollback,
	.reset = requeue_reset,
};
