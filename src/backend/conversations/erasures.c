/*
 * erasures.c
 *	  What is erased, and in which pieces, is decided in SQL (webchatt._erase_some()),
 *	  and how far it is stands in the table webchatt.erasures: so nothing has to outlive the worker.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "conversations/erasures.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/statements.h"
#include "turn/config.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* Messages of a piece. */
#define PIECE_ROWS 200

/* Pieces of a turn, and the time in ms after which it takes no more. */
#define PIECES_MOST 4
#define PIECES_MS	20

/* When it is tried again after an error, in ms. */
#define LATER_MS 1000

static TimestampTz due = 1; /* when to look next; 0: nobody is to be erased */

typedef struct Piece
{
	pg_uuid_t erasure;
	char *error; /* why it could not be done the last time, or NULL */
} Piece;

static void
erase_step(void *arg)
{
	Piece *piece = arg;
	Datum args[2] = {UUIDPGetDatum(&piece->erasure), Int32GetDatum(PIECE_ROWS)};

	(void) wc_run(WC_ERASE_SOME, args, NULL);
}

static void
later_step(void *arg)
{
	Piece *piece = arg;
	Datum args[1] = {UUIDPGetDatum(&piece->erasure)};

	(void) wc_run(WC_ERASURES_LATER, args, NULL);
}

/* The status says it once, and not at each try. */
static void
failed_step(void *arg)
{
	Piece *piece = arg;
	Datum args[2] = {UUIDPGetDatum(&piece->erasure), CStringGetTextDatum(piece->error)};
	bool isnull;

	if (wc_run(WC_ERASURES_FAILED, args, NULL) > 0 && DatumGetInt32(wc_field(0, 1, &isnull)) == 1)
		report_error(psprintf("somebody could not be erased: %s", piece->error));
}

static void
erase(Piece *piece)
{
	ErrorData *error = savepoint_try_for(erase_step, piece, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);

	if (error == NULL)
	{
		if (piece->error != NULL)
			report_error_is_over(psprintf("somebody could not be erased: %s", piece->error));
		return;
	}
	if (savepoint_error_is_transient(error))
	{
		(void) savepoint_try(later_step, piece, LOCK_WAIT_BLOCKED_MS);
		return;
	}
	piece->error = error->message;
	(void) savepoint_try(failed_step, piece, LOCK_WAIT_BLOCKED_MS);
}

typedef struct Due
{
	Piece pieces[PIECES_MOST];
	int n;
} Due;

static void
due_step(void *arg)
{
	Due *all = arg;
	Datum most[1] = {Int32GetDatum(PIECES_MOST)};
	uint64 n = wc_run(WC_ERASURES_DUE, most, NULL);
	uint64 i;

	for (i = 0; i < n; i++)
	{
		bool isnull;

		all->pieces[i].erasure = *DatumGetUUIDP(wc_field(i, 1, &isnull));
		all->pieces[i].error = wc_field_text(i, 2);
	}
	all->n = (int) n;
}

static void
next_step(void *arg)
{
	TimestampTz *next = arg;
	bool isnull;
	Datum ms;

	(void) wc_run(WC_ERASURES_NEXT, NULL, NULL);
	ms = wc_field(0, 1, &isnull);
	*next = isnull ? 0 : TimestampTzPlusMilliseconds(wc_clock(), Max(DatumGetInt32(ms), 1));
}

void
erasures_apply(TimestampTz now)
{
	Due all = {.n = 0};
	TimestampTz began = wc_clock();
	int i;

	if (due == 0 || due > now || !config_is_read())
		return;
	due = TimestampTzPlusMilliseconds(now, LATER_MS);
	if (savepoint_try(due_step, &all, LOCK_WAIT_BLOCKED_MS) != NULL)
		return;
	for (i = 0; i < all.n && !TimestampDifferenceExceeds(began, wc_clock(), PIECES_MS); i++)
		erase(&all.pieces[i]);
	(void) savepoint_try(next_step, &due, LOCK_WAIT_BLOCKED_MS);
}

void
erasures_look(void)
{
	due = 1;
}

static bool
erasures_ready(TimestampTz now)
{
	return due != 0 && due <= now && config_is_read();
}

static TimestampTz
erasures_next_due(void)
{
	return due;
}

static void
erasures_rollback(const ErrorData *error)
{
	due = 1;
}

static void
erasures_reset(void)
{
	due = 1;
}

const TurnPart erasures_part = {
	.ready = erasures_ready,
	.next_due = erasures_next_due,
	.rollback = erasures_rollback,
	.reset = erasures_reset,
};
