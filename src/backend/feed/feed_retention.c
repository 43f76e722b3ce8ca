/*
 * feed_retention.c
 *	  Dropping what is old: events that everybody has, or that were kept long
 *	  enough, and the log of deliveries.
 *
 * A page at a time, so that a turn stays short; and from where the last page
 * ended, so that the index entries of what was dropped are not walked again.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "feed/feed_retention.h"
#include "feed/link_feed.h"
#include "feed/webhooks.h"
#include "shared/columns.h"
#include "shared/settings.h"
#include "shared/statements.h"

/* Rows dropped at a time. */
#define PAGE 2000

/* Between two rounds, and two pages of one, in ms. */
#define ROUND_MS 60000
#define PAGE_MS	 20

typedef struct Upkeep
{
	int64 dropped;		/* events up to this one are gone */
	pg_uuid_t log_from; /* of the log all before this is gone */
	bool orders;		/* there may be some in feed_orders */
	TimestampTz events_due;
	TimestampTz log_due;
} Upkeep;

static Upkeep state = {0, {{0}}, true, 0, 0};
static Upkeep fresh;
static bool running = false; /* this turn: fresh is another */

/* Is a page due? */
bool
feed_retention_ready(TimestampTz now)
{
	return state.events_due <= now || state.log_due <= now;
}

TimestampTz
feed_retention_next_due(void)
{
	return Min(state.events_due, state.log_due);
}

/* Something was written into feed_orders. */
void
feed_retention_orders(void)
{
	state.orders = true;
}

static void
drop_events(TimestampTz now)
{
	Datum args[4];
	Datum last;
	bool none;
	bool isnull;
	int64 rows;

	args[0] = Int64GetDatum(state.dropped);
	args[1] = Int32GetDatum(PAGE);
	args[2] = Int32GetDatum(wc_feed_retention);
	/* a webhook's log says what can be tried again, and for that it must be there */
	args[3] = Int64GetDatum(webhooks_exist() ? 0 : link_feed_acknowledged());
	wc_run(WC_DROP_EVENTS, args, NULL);
	last = wc_field(0, 1, &none);
	rows = DatumGetInt64(wc_field(0, 2, &isnull));
	if (!none)
		fresh.dropped = DatumGetInt64(last);
	fresh.events_due = TimestampTzPlusMilliseconds(now, !none && rows == PAGE ? PAGE_MS : ROUND_MS);
}

static void
drop_log(TimestampTz now)
{
	TimestampTz before = GetCurrentTimestamp() - (int64) wc_feed_retention * USECS_PER_SEC;
	uint64 ms = (uint64) Max(0, (before + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY) / 1000);
	pg_uuid_t until;
	Datum args[3];
	uint64 rows;
	int i;

	memset(&until, 0, sizeof(until));
	for (i = 0; i < 6; i++)
		until.data[i] = (uint8) (ms >> (8 * (5 - i)));
	args[0] = UUIDPGetDatum(&until);
	args[1] = Int32GetDatum(PAGE);
	args[2] = UUIDPGetDatum(&state.log_from);
	rows = wc_run(WC_DROP_LOG, args, NULL);
	if (rows < PAGE)
		fresh.log_from = until;
	fresh.log_due = TimestampTzPlusMilliseconds(now, rows < PAGE ? ROUND_MS : PAGE_MS);
	if (rows < PAGE && state.orders)
		fresh.orders = wc_run(WC_DROP_ORDERS, NULL, NULL) > 0;
}

/* Drop a page of what is due; the caller has a savepoint. */
void
feed_retention_run(TimestampTz now)
{
	fresh = state;
	if (state.events_due <= now)
		drop_events(now);
	if (state.log_due <= now)
		drop_log(now);
	running = true;
}

/* The turn is committed: nobody waits for what is dropped. */
void
feed_retention_commit(void)
{
	if (!running)
		return;
	if (fresh.dropped != state.dropped)
	{
		link_feed_dropped(fresh.dropped);
		webhooks_dropped(fresh.dropped);
	}
	state = fresh;
	running = false;
}

/* It is undone; another round, later. */
void
feed_retention_rollback(void)
{
	running = false;
}

/* It could not be done. */
void
feed_retention_later(TimestampTz now)
{
	running = false;
	state.events_due = state.log_due = TimestampTzPlusMilliseconds(now, ROUND_MS);
}

void
feed_retention_reset(void)
{
	memset(&state, 0, sizeof(state));
	state.orders = true;
	running = false;
}
