/*
 * feed_orders.c
 *	  What sessions did to messages themselves, and others are to be told: they
 *	  were cancelled, or a rejected event was tried again.
 *
 * The worker hears of it by work orders and publishes it, for it alone writes
 * webchatt.feed.  What cannot be published now, somebody having locked a table,
 * waits here; until it is published its table of the outbox is not emptied, so a
 * restart finds it again.  webchatt.feed_orders knows what was published before.
 */
#include "postgres.h"

#include "access/transam.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/xid8.h"

#include "feed/feed_orders.h"
#include "feed/feed_retention.h"
#include "outbound/outbox_reader.h"
#include "shared/columns.h"
#include "shared/statements.h"

/* When so many wait, no more work orders are read. */
#define ORDERS_MOST 20000

/* The pause after they could not be published, in ms. */
#define AGAIN_MS 1000

static MemoryContext context = NULL;
static WcColumn *columns[WC_PUBLISH_ORDERS_ARRAYS]; /* xid, seq, channel, message; NULL: none */
static int ncommitted = 0;							/* of these, found by turns before this one */
static bool published = false;						/* in this turn */
static TimestampTz again_at = 0;

static int
waiting(void)
{
	return columns[0] == NULL ? 0 : columns[0]->n;
}

static void
forget(void)
{
	memset(columns, 0, sizeof(columns));
	ncommitted = 0;
	if (context != NULL)
		MemoryContextReset(context);
}

/* An order was read. */
void
feed_orders_add(const OutboxRow *row)
{
	MemoryContext before;

	if (row->channel == NULL || row->message == NULL)
		return;
	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "webchatt event orders", ALLOCSET_DEFAULT_SIZES);
	before = MemoryContextSwitchTo(context);
	if (columns[0] == NULL)
		wc_columns(WC_PUBLISH_ORDERS, columns, 8);
	wc_column_add(columns[0], FullTransactionIdGetDatum(FullTransactionIdFromU64(row->xid)));
	wc_column_add(columns[1], Int64GetDatum(row->seq));
	wc_column_add(columns[2], datumCopy(UUIDPGetDatum(row->channel), false, UUID_LEN));
	wc_column_add(columns[3], datumCopy(UUIDPGetDatum(row->message), false, UUID_LEN));
	MemoryContextSwitchTo(before);
}

bool
feed_orders_are_full(void)
{
	return waiting() >= ORDERS_MOST;
}

/* Is there none that only we know of? */
bool
feed_orders_are_done(void)
{
	return waiting() == 0;
}

/* When there is something to publish; 0: there is nothing. */
TimestampTz
feed_orders_due(void)
{
	return waiting() == 0 ? 0 : Max(again_at, 1);
}

/* A step of the turn: publish what waits. */
void
feed_orders_publish(void *arg)
{
	Datum args[WC_PUBLISH_ORDERS_PARAMETERS];

	wc_columns_arrays(columns, lengthof(columns), args);
	wc_run(WC_PUBLISH_ORDERS, args, NULL);
	feed_retention_orders();
	published = true;
}

/* It failed. */
void
feed_orders_later(TimestampTz now)
{
	published = false;
	again_at = TimestampTzPlusMilliseconds(now, AGAIN_MS);
}

/* Nobody wants to hear of it. */
void
feed_orders_drop(void)
{
	published = true;
}

void
feed_orders_commit(void)
{
	if (published)
	{
		forget();
		again_at = 0;
	}
	ncommitted = waiting();
	published = false;
}

/* The turn is undone: what it read it will read again. */
void
feed_orders_rollback(void)
{
	int i;

	if (ncommitted == 0)
		forget();
	for (i = 0; i < lengthof(columns) && columns[0] != NULL; i++)
		columns[i]->n = ncommitted;
	published = false;
}

/* As after a start. */
void
feed_orders_reset(void)
{
	forget();
	published = false;
	again_at = 0;
}
