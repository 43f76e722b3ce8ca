/*
 * unread.c
 *	  Every few seconds, where a channel wants it: for whom has a message waited long enough
 *	  since the last look?  So nothing is looked through but what became due, and after a start
 *	  what is held, once.  That it is noted once is what the table says, not this memory.
 *
 * Each is noted in a savepoint of its own, with the functions that are called for it: one that
 * raises is tried again at the next look, and others are noted all the same.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/uuid.h"

#include "outbound/unread.h"
#include "shared/columns.h"
#include "shared/statements.h"
#include "turn/config.h"
#include "turn/frame_memory.h"
#include "turn/report.h"
#include "turn/savepoint.h"

#define LOOK_MS 5000

/* At a look, of each channel. */
#define NOTES_MOST 64

static TimestampTz looked = DT_NOBEGIN; /* everything that was due then is noted */
static TimestampTz looks = DT_NOBEGIN;	/* the same, when this turn is committed */
static TimestampTz due = 0;

static bool
unread_ready(TimestampTz now)
{
	return due <= now && config_notes_unread();
}

/* 0: nobody wants to know. */
static TimestampTz
unread_next_due(void)
{
	return config_notes_unread() ? Max(due, 1) : 0;
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
} Look;

static void
look_step(void *arg)
{
	Look *look = arg;
	Datum args[WC_UNREAD_DUE_PARAMETERS] = {TimestampTzGetDatum(looked), Int32GetDatum(NOTES_MOST)};
	uint64 i;

	look->n = wc_run(WC_UNREAD_DUE, args, NULL);
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
	Datum args[WC_NOTE_UNREAD_PARAMETERS] = {UUIDPGetDatum(&away->channel), CStringGetTextDatum(away->visitor)};

	(void) wc_run(WC_NOTE_UNREAD, args, NULL);
}

/* Note for whom a message has waited long enough. */
void
unread_apply(TimestampTz now)
{
	Look look = {NULL, 0};
	ErrorData *error;
	bool all = true;
	uint64 i;

	looks = looked;
	if (!unread_ready(now))
		return;
	due = TimestampTzPlusMilliseconds(now, LOOK_MS);
	error = savepoint_try_for(look_step, &look, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
	all = error == NULL && look.n < NOTES_MOST;
	for (i = 0; error == NULL && i < look.n; i++)
	{
		ErrorData *alone = savepoint_try_for(note_step, &look.found[i], LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);

		if (alone == NULL)
			continue;
		all = false;
		if (!savepoint_error_is_transient(alone))
			report_error(alone->message);
	}
	if (all)
		looks = now;
}

void
unread_commit(void)
{
	looked = looks;
}

static void
unread_forget(void)
{
	looked = looks = DT_NOBEGIN;
	due = 0;
}

const TurnPart unread_part = {
	.ready = unread_ready,
	.next_due = unread_next_due,
	.reset = unread_forget,
};
