/*
 * joins.c
 *	  Who was joined to whom is decided in SQL (webchatt._identify()), and what is
 *	  to be moved stands in the table webchatt.joins: so nothing has to outlive the worker.
 *
 * A message to the one who is gone may be committed later, by a transaction that was
 * under way, or by somebody who only knows the old id.  It finds nobody there, is held, and
 * is moved then: to a conversation it comes in the order of its id.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "common/event_rules.h"
#include "conversations/conversation_sweep.h"
#include "outbound/joins.h"
#include "shared/clock.h"
#include "shared/statements.h"
#include "turn/changes.h"
#include "turn/config.h"
#include "turn/connected.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* Messages that are moved at once: when somebody is joined, and later. */
#define FIRST_ROWS 200
#define PIECE_ROWS 100

/* Pieces of a turn, and the time in ms after which it takes no more. */
#define PIECES_MOST 8
#define PIECES_MS	20

/* When it is tried again after an error, in ms. */
#define LATER_MS 1000

static TimestampTz due = 1;	   /* when to look next; 0: nobody was joined lately */
static bool any_joined = true; /* false: nobody ever was */
static wc_buf pushes;		   /* this turn's, for visitors' sessions */

typedef struct Piece
{
	pg_uuid_t channel;
	char *gone;
	char *error; /* why it could not be done the last time, or NULL */
	int rows;
	char *stays; /* NULL: nobody is joined, or not any more */
	int moved;
	bool again;
	bool released;
	bool late;
} Piece;

static void
move_step(void *arg)
{
	Piece *piece = arg;
	Datum args[3] = {UUIDPGetDatum(&piece->channel), CStringGetTextDatum(piece->gone), Int32GetDatum(piece->rows)};
	bool isnull;

	(void) wc_run(WC_MOVE_JOINED, args, NULL);
	piece->stays = wc_field_text(0, 1);
	piece->moved = DatumGetInt32(wc_field(0, 2, &isnull));
	piece->again = DatumGetBool(wc_field(0, 3, &isnull));
	piece->released = DatumGetBool(wc_field(0, 4, &isnull));
	piece->late = DatumGetBool(wc_field(0, 5, &isnull));
}

/* How both conversations stand follows from their messages, and who looks at them wants to know. */
static void
note_moved(const Piece *piece)
{
	conversation_sweep_add(&piece->channel, piece->stays, strlen(piece->stays));
	conversation_sweep_add(&piece->channel, piece->gone, strlen(piece->gone));
	changes_add(&piece->channel, piece->stays, strlen(piece->stays));
	changes_add(&piece->channel, piece->gone, strlen(piece->gone));
}

bool
joins_begin(const pg_uuid_t *channel, const char *gone, bool at_once)
{
	Piece piece = {.channel = *channel, .gone = pstrdup(gone), .rows = FIRST_ROWS};

	any_joined = true;
	due = 1;
	if (!at_once)
		return true;
	move_step(&piece);
	if (piece.stays == NULL)
		return false;
	note_moved(&piece);
	return piece.again;
}

/* Sessions that are open have not been told of what came from elsewhere. */
static void
push_again(const Piece *piece)
{
	wc_visitor_again m = {.but = 0};

	if (!wc_uuid_parse(piece->stays, strlen(piece->stays), m.visitor))
		return;
	memcpy(m.channel, piece->channel.data, sizeof(m.channel));
	(void) wc_write_visitor_again(&pushes, &m);
}

static void
later_step(void *arg)
{
	Piece *piece = arg;
	Datum args[2] = {UUIDPGetDatum(&piece->channel), CStringGetTextDatum(piece->gone)};

	(void) wc_run(WC_JOINS_LATER, args, NULL);
}

/* The status says it once, and not at each try. */
static void
failed_step(void *arg)
{
	Piece *piece = arg;
	Datum args[3] = {UUIDPGetDatum(&piece->channel), CStringGetTextDatum(piece->gone),
					 CStringGetTextDatum(piece->error)};
	bool isnull;

	if (wc_run(WC_JOINS_FAILED, args, NULL) > 0 && DatumGetInt32(wc_field(0, 1, &isnull)) == 1)
		report_error(piece->error);
}

static void
put_off(Piece *piece, const ErrorData *error)
{
	if (savepoint_error_is_transient(error))
	{
		(void) savepoint_try(later_step, piece, LOCK_WAIT_BLOCKED_MS);
		return;
	}
	piece->error = error->message;
	(void) savepoint_try(failed_step, piece, LOCK_WAIT_BLOCKED_MS);
}

static void
move(Piece *piece, WcShowedUp *showed_up)
{
	ErrorData *error = savepoint_try_for(move_step, piece, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);

	if (error != NULL)
	{
		put_off(piece, error);
		return;
	}
	if (piece->error != NULL)
		report_error_is_over(piece->error);
	if (piece->stays == NULL || (piece->moved == 0 && !piece->released))
		return;
	note_moved(piece);
	if (!connected_is(&piece->channel, piece->stays))
		return;
	if (piece->released)
	{
		wc_column_add(showed_up->channels, UUIDPGetDatum(&piece->channel));
		wc_column_add(showed_up->visitors, CStringGetTextDatum(piece->stays));
	}
	if (piece->late)
		push_again(piece);
}

static void
next_step(void *arg)
{
	TimestampTz *next = arg;
	bool isnull;
	Datum ms;

	(void) wc_run(WC_JOINS_NEXT, NULL, NULL);
	ms = wc_field(0, 1, &isnull);
	*next = isnull ? 0 : TimestampTzPlusMilliseconds(wc_clock(), Max(DatumGetInt32(ms), 1));
}

typedef struct Due
{
	Piece *pieces;
	int n;
	bool look; /* whether anybody was ever joined */
	bool any;
} Due;

static void
due_step(void *arg)
{
	Due *all = arg;
	Datum most[1] = {Int32GetDatum(PIECES_MOST)};
	uint64 n;
	uint64 i;

	all->any = !all->look || wc_run(WC_ANY_JOINED, NULL, NULL) > 0;
	if (!all->any)
		return;
	n = wc_run(WC_JOINS_DUE, most, NULL);
	for (i = 0; i < n; i++)
	{
		bool isnull;

		all->pieces[i].channel = *DatumGetUUIDP(wc_field(i, 1, &isnull));
		all->pieces[i].gone = wc_field_text(i, 2);
		all->pieces[i].error = wc_field_text(i, 3);
		all->pieces[i].rows = PIECE_ROWS;
	}
	all->n = (int) n;
}

void
joins_apply(TimestampTz now, WcShowedUp *showed_up)
{
	Due all = {.look = due == 1, .any = true};
	TimestampTz began = wc_clock();
	int i;

	if (due == 0 || due > now || !config_is_read())
		return;
	all.pieces = palloc0(sizeof(Piece) * PIECES_MOST);
	due = TimestampTzPlusMilliseconds(now, LATER_MS);
	if (savepoint_try(due_step, &all, LOCK_WAIT_BLOCKED_MS) != NULL)
		return;
	any_joined = all.any;
	if (!any_joined)
	{
		due = 0;
		return;
	}
	for (i = 0; i < all.n && !TimestampDifferenceExceeds(began, wc_clock(), PIECES_MS); i++)
		move(&all.pieces[i], showed_up);
	(void) savepoint_try(next_step, &due, LOCK_WAIT_BLOCKED_MS);
}

static void
again_step(void *arg)
{
	Datum *args = arg;

	if (wc_run_any(WC_JOINS_AGAIN, args, NULL) > 0)
		due = 1;
}

void
joins_held(const WcColumn *channels, const WcColumn *visitors)
{
	Datum args[2];

	if (!any_joined || channels->n == 0)
		return;
	args[0] = wc_column_array(channels);
	args[1] = wc_column_array(visitors);
	(void) savepoint_try(again_step, args, LOCK_WAIT_BLOCKED_MS);
}

void
joins_commit(wc_buf *out)
{
	if (report_stats.corridor_open)
		wc_buf_append(out, pushes.data, pushes.len);
	wc_buf_reset(&pushes);
}

static bool
joins_ready(TimestampTz now)
{
	return due != 0 && due <= now && config_is_read();
}

static TimestampTz
joins_next_due(void)
{
	return due;
}

static void
joins_rollback(const ErrorData *error)
{
	wc_buf_reset(&pushes);
	if (any_joined)
		due = 1;
}

static void
joins_reset(void)
{
	wc_buf_reset(&pushes);
	any_joined = true;
	due = 1;
}

const TurnPart joins_part = {
	.ready = joins_ready,
	.next_due = joins_next_due,
	.rollback = joins_rollback,
	.reset = joins_reset,
};
