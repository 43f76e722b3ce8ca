/*
 * unread.c
 *	  Where a channel wants it, webchatt.unread_waits has a row for each visitor for whom
 *	  something is held, with the time at which it is looked at whether they came back.  Rows
 *	  come with what is held; and after a start, or when channels want it otherwise than before,
 *	  by a walk over what is held already.
 *
 * Each is noted in a savepoint of its own, with the functions that are called for it: one that
 * raises is tried again later, and others are noted all the same.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "outbound/unread.h"
#include "shared/columns.h"
#include "shared/feed_wanted.h"
#include "shared/statements.h"
#include "turn/config.h"
#include "turn/frame_memory.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* Between two looks, while there is more to be noted, and while it is walked, in ms. */
#define LOOK_MS 5000
#define MORE_MS 100
#define WALK_MS 20

/* Noted at one look; and one that could not be is tried again after so many seconds. */
#define NOTES_MOST	  64
#define AGAIN_SECONDS 10

/* Rows of what is held, read in one step of the walk. */
#define WALK_ROWS 1024

/* How far the walk is. */
typedef struct Walk
{
	uint64 mark; /* what channels want, as it was when it began */
	uint64 misses;
	bool over;
	pg_uuid_t channel; /* where it goes on: behind this conversation */
	char visitor[256];
} Walk;

static Walk walk;		  /* as committed */
static Walk fresh;		  /* the same, when this turn is committed */
static uint64 misses = 0; /* how often something was held and could not be written down: each asks for a walk */
static TimestampTz due = 0;

static bool
unread_ready(TimestampTz now)
{
	return due <= now && config_unread_mark() != 0;
}

/* 0: nobody wants to know. */
static TimestampTz
unread_next_due(void)
{
	return config_unread_mark() != 0 ? Max(due, 1) : 0;
}

typedef struct Waits
{
	Datum args[WC_AWAIT_UNREAD_PARAMETERS];
} Waits;

static void
await_step(void *arg)
{
	Waits *waits = arg;

	wc_run(WC_AWAIT_UNREAD, waits->args, NULL);
}

/* Messages to these visitors are held. */
void
unread_held(const WcColumn *channels, const WcColumn *visitors)
{
	Waits waits;

	if (channels->n == 0 || config_unread_mark() == 0)
		return;
	waits.args[0] = wc_column_array(channels);
	waits.args[1] = wc_column_array(visitors);
	if (savepoint_try(await_step, &waits, LOCK_WAIT_BLOCKED_MS) != NULL)
		misses++;
}

static void
walk_step(void *arg)
{
	Walk *at = arg;
	Datum args[WC_WALK_UNREAD_PARAMETERS] = {UUIDPGetDatum(&at->channel), CStringGetTextDatum(at->visitor),
											 Int32GetDatum(WALK_ROWS)};
	bool isnull;

	at->over = wc_run(WC_WALK_UNREAD, args, NULL) == 0;
	if (at->over)
		return;
	at->channel = *DatumGetUUIDP(wc_field(0, 1, &isnull));
	strlcpy(at->visitor, wc_field_text(0, 2), sizeof(at->visitor));
	at->over = DatumGetInt32(wc_field(0, 3, &isnull)) < WALK_ROWS;
}

/* Is it to begin anew? */
static bool
is_stale(const Walk *at)
{
	return at->mark != config_unread_mark() || at->misses != misses;
}

/* A step of the walk; false: it could not be done now. */
static bool
walk_on(void)
{
	Walk next = fresh;

	if (is_stale(&next))
	{
		memset(&next, 0, sizeof(next));
		next.mark = config_unread_mark();
		next.misses = misses;
	}
	if (savepoint_try_for(walk_step, &next, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS) != NULL)
		return false;
	fresh = next;
	return true;
}

typedef struct Away
{
	pg_uuid_t channel;
	char *visitor;
} Away;

typedef struct Look
{
	Away *found;
	uint64 n;
	WcColumn *channels; /* of those that could not be noted */
	WcColumn *visitors;
} Look;

static void
look_step(void *arg)
{
	Look *look = arg;
	Datum most = Int32GetDatum(NOTES_MOST);
	uint64 i;

	look->n = wc_run(WC_UNREAD_DUE, &most, NULL);
	look->found = MemoryContextAlloc(frame_memory_of_turn, sizeof(Away) * Max(1, look->n));
	for (i = 0; i < look->n; i++)
	{
		bool isnull;
		Away *away = &look->found[i];

		away->channel = *DatumGetUUIDP(wc_field(i, 1, &isnull));
		away->visitor = MemoryContextStrdup(frame_memory_of_turn, wc_field_text(i, 2));
	}
}

static void
note_step(void *arg)
{
	Away *away = arg;
	Datum args[WC_NOTE_UNREAD_PARAMETERS] = {UUIDPGetDatum(&away->channel), CStringGetTextDatum(away->visitor),
											 BoolGetDatum(wc_feed_wanted())};

	(void) wc_run(WC_NOTE_UNREAD, args, NULL);
}

static void
postpone_step(void *arg)
{
	Look *look = arg;
	Datum args[WC_POSTPONE_UNREAD_PARAMETERS] = {wc_column_array(look->channels), wc_column_array(look->visitors),
												 Int32GetDatum(AGAIN_SECONDS)};

	wc_run(WC_POSTPONE_UNREAD, args, NULL);
}

/* Note who did not come back in time; true: there may be more. */
static bool
note(void)
{
	Look look = {NULL, 0, wc_column(UUIDOID, 8), wc_column(TEXTOID, 8)};
	uint64 i;

	if (savepoint_try_for(look_step, &look, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS) != NULL)
		return false;
	for (i = 0; i < look.n; i++)
	{
		ErrorData *error = savepoint_try_for(note_step, &look.found[i], LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);

		if (error == NULL)
			continue;
		wc_column_add(look.channels, UUIDPGetDatum(&look.found[i].channel));
		wc_column_add(look.visitors, CStringGetTextDatum(look.found[i].visitor));
		if (!savepoint_error_is_transient(error))
			report_error(error->message);
	}
	if (look.channels->n > 0 && savepoint_try(postpone_step, &look, LOCK_WAIT_BLOCKED_MS) != NULL)
		return false;
	return look.n == NOTES_MOST;
}

/* See to it that all are known who are waited for, then note those for whom it is time. */
void
unread_apply(TimestampTz now)
{
	fresh = walk;
	if (!unread_ready(now))
		return;
	due = TimestampTzPlusMilliseconds(now, LOOK_MS);
	if (!fresh.over || is_stale(&fresh))
	{
		if (walk_on())
			due = TimestampTzPlusMilliseconds(now, WALK_MS);
	}
	else if (note())
		due = TimestampTzPlusMilliseconds(now, MORE_MS);
}

void
unread_commit(void)
{
	walk = fresh;
}

static void
unread_forget(void)
{
	memset(&walk, 0, sizeof(walk));
	fresh = walk;
	misses = 0;
	due = 0;
}

const TurnPart unread_part = {
	.ready = unread_ready,
	.next_due = unread_next_due,
	.reset = unread_forget,
};
