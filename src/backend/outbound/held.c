/*
 * held.c
 *	  Messages held for visitors who have no session at the hub, until they show
 *	  up or the message expires.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "outbound/held.h"
#include "outbound/hub_queue.h"
#include "outbound/joins.h"
#include "outbound/unread.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/event_writer.h"
#include "shared/outbox_append.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "turn/changes.h"
#include "turn/config.h"
#include "turn/savepoint.h"

/* False: no message is held, so nobody needs to look; until a look says so, true. */
static bool any_held = true;

/* Is any message held?  Asked of the table only where one may be. */
bool
held_any(void)
{
	return any_held && wc_run(WC_ANY_HELD, NULL, NULL) > 0;
}

/* Hold messages: channel, visitor, seq, id and expiry (or null) of each. */
void
held_add(WcColumn *const columns[5])
{
	Datum args[WC_HOLD_PARAMETERS];

	any_held = true;
	wc_columns_arrays(columns, WC_HOLD_ARRAYS, args);
	args[5] = Int32GetDatum(wc_hold_for);
	wc_run(WC_HOLD, args, NULL);
	joins_held(columns[0], columns[1]);
	unread_held(columns[0], columns[1]);
}

typedef struct Holding
{
	Datum args[WC_HOLD_NOW_PARAMETERS];
	const char *nulls;
} Holding;

static void
hold_step(void *arg)
{
	Holding *h = arg;

	wc_run(WC_HOLD_NOW, h->args, h->nulls);
}

/*
 * Hold messages that are queued, and say so: as held_add(), and what a hub would
 * have said (or NULL).  False: it could not be done now, and nothing is.
 */
bool
held_now(WcColumn *const columns[5], const char *error_code, const char *error_message)
{
	Holding h = {.nulls = error_code ? "        " : "      nn"};

	any_held = true;
	wc_columns_arrays(columns, WC_HOLD_NOW_ARRAYS, h.args);
	h.args[5] = Int32GetDatum(wc_hold_for);
	h.args[6] = error_code ? CStringGetTextDatum(error_code) : (Datum) 0;
	h.args[7] = error_message ? CStringGetTextDatum(error_message) : (Datum) 0;
	if (savepoint_try(hold_step, &h, LOCK_WAIT_BLOCKED_MS) != NULL)
		return false;
	joins_held(columns[0], columns[1]);
	unread_held(columns[0], columns[1]);
	return true;
}

/* Visitors whose release has to be tried again, at most. */
#define AGAIN_MOST 1024

/* Visitors that one turn waits for. */
#define FAILURES_MOST 8

/* The pause before that, in ms. */
#define AGAIN_MS 500

/* A visitor who showed up while somebody held the rows of what is held for them. */
typedef struct Again
{
	pg_uuid_t channel;
	char *visitor;
} Again;

static Again again[AGAIN_MOST];
static int nagain = 0;
static int nadded = 0;	/* of them, those tried in this turn */
static int nbefore = 0; /* how many there were when the turn began */
static TimestampTz again_due = 0;

static void
release_step(void *arg)
{
	const WcShowedUp *showed_up = arg;
	Datum args[2];
	SPITupleTable *table;
	uint64 n;
	uint64 i;

	args[0] = wc_column_array(showed_up->channels);
	args[1] = wc_column_array(showed_up->visitors);
	n = wc_run(WC_RELEASE, args, NULL);
	table = SPI_tuptable;
	for (i = 0; i < n; i++)
	{
		HeapTuple t = table->vals[i];
		TupleDesc d = table->tupdesc;
		bool isnull;
		bool no_expiry;
		int hub_id = DatumGetInt32(SPI_getbinval(t, d, 1, &isnull));
		pg_uuid_t *channel = DatumGetUUIDP(SPI_getbinval(t, d, 2, &isnull));
		char *visitor = SPI_getvalue(t, d, 3);
		int64 seq = DatumGetInt64(SPI_getbinval(t, d, 5, &isnull));
		TimestampTz expires = DatumGetTimestampTz(SPI_getbinval(t, d, 6, &no_expiry));

		wc_outbox_append(hub_id, 'r', channel, visitor, DatumGetUUIDP(SPI_getbinval(t, d, 4, &isnull)), &seq,
						 no_expiry ? NULL : &expires);
		/* newer ones may be in the outbox that are not read yet, and would be before these are */
		hub_queue_requeued(hub_queue_of(hub_id, true), channel, visitor);
	}
}

static void
remember(Datum channel, Datum visitor)
{
	if (nagain == AGAIN_MOST)
		return; /* they show up again */
	again[nagain].channel = *DatumGetUUIDP(channel);
	again[nagain].visitor = MemoryContextStrdup(TopMemoryContext, TextDatumGetCString(visitor));
	nagain++;
}

/* Add those who are to be tried again; they stay on the list until commit. */
static void
add_again(TimestampTz now, WcShowedUp *all)
{
	if (nagain == 0 || again_due > now)
		return;
	for (nadded = 0; nadded < nagain; nadded++)
	{
		wc_column_add(all->channels, UUIDPGetDatum(&again[nadded].channel));
		wc_column_add(all->visitors, CStringGetTextDatum(again[nadded].visitor));
	}
}

/* Forget the list's entries from one to before another. */
static void
forget(int from, int to)
{
	int i;

	for (i = from; i < to; i++)
		pfree(again[i].visitor);
	memmove(again + from, again + to, sizeof(Again) * (nagain - to));
	nagain -= to - from;
}

void
held_commit(void)
{
	forget(0, nadded);
	nadded = 0;
	nbefore = nagain;
}

void
held_rollback(void)
{
	any_held = true; /* what released the last of them may be undone */
	forget(nbefore, nagain);
	nadded = 0;
}

/*
 * Whose message is under way just now, or about to be recorded as held: if the
 * hub says that they have no session, it said so before they showed up.
 */
static void
note_shown(const WcShowedUp *all)
{
	int i;

	for (i = 0; i < all->channels->n; i++)
	{
		const pg_uuid_t *id = DatumGetUUIDP(all->channels->values[i]);
		const ConfigChannel *channel = config_channel(id->data);
		HubQueue *queue = channel ? hub_queue_of(channel->hub_id, false) : NULL;

		if (queue != NULL)
			hub_queue_shown(queue, id, TextDatumGetCString(all->visitors->values[i]));
	}
}

/*
 * Queue what is held for visitors who showed up, with the place it had.  Where
 * somebody holds the rows, that visitor's are tried again later.
 */
void
held_release(TimestampTz now, const WcShowedUp *showed_up)
{
	WcShowedUp all = *showed_up;
	int failures = 0;
	int i;

	nbefore = nagain;
	add_again(now, &all);
	note_shown(&all);
	if (!any_held || all.channels->n == 0)
		return;
	if (savepoint_try(release_step, &all, LOCK_WAIT_BLOCKED_MS) == NULL)
		return;
	for (i = 0; i < all.channels->n; i++)
	{
		WcShowedUp one = {wc_column(UUIDOID, 1), wc_column(TEXTOID, 1)};

		wc_column_add(one.channels, all.channels->values[i]);
		wc_column_add(one.visitors, all.visitors->values[i]);
		if (failures < FAILURES_MOST && savepoint_try(release_step, &one, LOCK_WAIT_BLOCKED_MS) == NULL)
			continue;
		failures++;
		remember(all.channels->values[i], all.visitors->values[i]);
		again_due = TimestampTzPlusMilliseconds(now, AGAIN_MS);
	}
}

static void
expire_step(void *arg)
{
	uint64 rows = wc_run(WC_EXPIRE_HELD, NULL, NULL);
	uint64 i;

	for (i = 0; i < rows; i++)
	{
		bool isnull;
		text *visitor = DatumGetTextPP(wc_field(i, 2, &isnull));

		changes_add(DatumGetUUIDP(wc_field(i, 1, &isnull)), VARDATA_ANY(visitor), VARSIZE_ANY_EXHDR(visitor));
	}
}

/* Expire what is held for too long; look: see whether any is held at all. */
void
held_upkeep(bool look)
{
	if (any_held)
		savepoint_do(expire_step, NULL);
	if (look)
		any_held = wc_run(WC_ANY_HELD, NULL, NULL) > 0;
}

void
held_reset(void)
{
	forget(0, nagain);
	nadded = nbefore = 0;
	any_held = true;
}
