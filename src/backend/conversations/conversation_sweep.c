/*
 * conversation_sweep.c
 *	  Conversations that are made anew out of their messages: those where more
 *	  happened than a note says, and all of them, a piece in a turn.
 *
 * All are looked through when the worker starts (slowly: nothing is known to be missing), and when it is told of messages
 * that were inserted, or visitors deleted, by other means than ours; with pauses,
 * as whoever waits for an acknowledgement waits for the turn.  So what was to be
 * made anew need not outlive the worker.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "common/event_rules.h"
#include "turn/conversation_set.h"
#include "conversations/conversation_sweep.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/statements.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* Single ones that memory has room for; beyond that all are looked through. */
#define SINGLE_MOST 4096

/* Of these, made in one turn. */
#define SINGLE_PIECE 256

/* Visitors that a piece has: it is made smaller or larger by the time that one took. */
#define PIECE_FIRST 64
#define PIECE_MOST	512

/* A piece that takes longer than this was too large, in us. */
#define PIECE_US 1000

/* How much longer than a piece the pause behind it is: by itself, and when told. */
#define PAUSE_ALONE 50
#define PAUSE_TOLD	4

/* When to go on after an error, in ms. */
#define LATER_MS 1000

/* A pass through all; what a turn did of it is undone with the turn. */
typedef struct Pass
{
	bool running;
	uint32 for_order;  /* orders up to this one are served by it */
	pg_uuid_t channel; /* the last visitor that it saw */
	char visitor[WC_MAX_VISITOR_ID + 1];
} Pass;

static ConversationSet singles = {"webchatt conversations to be made", NULL, NULL};
static TimestampTz singles_due = 0;
static Pass pass;
static Pass saved;		  /* as of the last commit */
static uint32 orders = 0; /* to look through all, so far */
static bool by_word = false;
static int piece = PIECE_FIRST;
static bool pass_over = false; /* the next visitor: theirs cannot be made */
static TimestampTz pass_due = 0;

/* A step: make these anew, so that nothing is known of them.  Raises what the tables raise. */
void
conversation_sweep_make(const WcColumn *channels, const WcColumn *visitors)
{
	Datum args[2] = {wc_column_array(channels), wc_column_array(visitors)};
	int i;

	wc_run(WC_MAKE_CONVERSATIONS, args, NULL);
	for (i = 0; i < channels->n; i++)
	{
		text *visitor = DatumGetTextPP(visitors->values[i]);
		Conversation *one = conversation_set_find(&conversation_set_waiting, DatumGetUUIDP(channels->values[i]),
												  VARDATA_ANY(visitor), VARSIZE_ANY_EXHDR(visitor));

		if (one != NULL)
			conversation_set_remove(&conversation_set_waiting, one);
	}
}

/* More happened to it than a note says. */
void
conversation_sweep_add(const pg_uuid_t *channel, const char *visitor, size_t len)
{
	bool found;

	if (conversation_set_count(&singles) >= SINGLE_MOST)
		conversation_sweep_all(true);
	else
	{
		Conversation *one = conversation_set_add(&singles, channel, visitor, len, &found);

		if (one != NULL)
			one->sure = false;
	}
}

/* Look through all; told: somebody waits for it. */
void
conversation_sweep_all(bool told)
{
	orders++;
	by_word |= told;
	if (!pass.running)
		pass_due = 0;
}

/* Those that are made in this turn are marked, and let go of at its commit. */
static void
make_singles(void *arg)
{
	WcColumn *channels = wc_column(UUIDOID, SINGLE_PIECE);
	WcColumn *visitors = wc_column(TEXTOID, SINGLE_PIECE);
	HASH_SEQ_STATUS all;
	Conversation *one;

	hash_seq_init(&all, singles.table);
	while ((one = hash_seq_search(&all)) != NULL)
	{
		wc_column_add(channels, conversation_set_channel(one));
		wc_column_add(visitors, conversation_set_visitor(one));
		one->sure = true;
		if (channels->n == SINGLE_PIECE)
		{
			hash_seq_term(&all);
			break;
		}
	}
	conversation_sweep_make(channels, visitors);
}

static void
let_go(bool made)
{
	HASH_SEQ_STATUS all;
	Conversation *one;

	if (conversation_set_count(&singles) == 0)
		return;
	hash_seq_init(&all, singles.table);
	while ((one = hash_seq_search(&all)) != NULL)
	{
		if (one->sure && made)
			conversation_set_remove(&singles, one);
		else
			one->sure = false;
	}
}

static void
run_piece(void *arg)
{
	Datum args[3];
	WcColumn *channels = wc_column(UUIDOID, piece);
	WcColumn *visitors = wc_column(TEXTOID, piece);
	uint64 n;
	uint64 i;
	bool isnull;

	if (!pass.running)
	{
		memset(&pass, 0, sizeof(pass));
		pass.running = true;
		pass.for_order = orders;
	}
	args[0] = UUIDPGetDatum(&pass.channel);
	args[1] = CStringGetTextDatum(pass.visitor);
	args[2] = Int32GetDatum(piece);
	n = wc_run(WC_VISITORS_BEHIND, args, NULL);
	for (i = 0; i < n; i++)
	{
		wc_column_add(channels, wc_field(i, 1, &isnull));
		wc_column_add(visitors, wc_field(i, 2, &isnull));
	}
	if (n > 0)
	{
		char *last = TextDatumGetCString(visitors->values[n - 1]);

		pass.channel = *DatumGetUUIDP(channels->values[n - 1]);
		strlcpy(pass.visitor, last, sizeof(pass.visitor));
		if (!pass_over)
			conversation_sweep_make(channels, visitors);
	}
	pass.running = n == (uint64) piece;
	by_word &= pass.running || pass.for_order != orders;
}

static bool
pass_wanted(void)
{
	return pass.running || pass.for_order != orders;
}

static void
apply_pass(TimestampTz now)
{
	Pass before = pass;
	TimestampTz began = wc_clock();
	TimestampTz took;
	ErrorData *error = savepoint_try_for(run_piece, NULL, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);

	if (error != NULL)
	{
		pass = before;
		if (!savepoint_error_is_transient(error))
		{
			pass_over = piece == 1;
			report_error(error->message);
		}
		piece = 1;
		pass_due = TimestampTzPlusMilliseconds(now, LATER_MS);
		return;
	}
	took = wc_clock() - began;
	pass_over = false;
	piece = took > PIECE_US ? Max(piece / 2, 1) : Min(piece + piece / 4 + 1, PIECE_MOST);
	pass_due = wc_clock() + Max(took * (by_word ? PAUSE_TOLD : PAUSE_ALONE), 1000);
}

/* Some of what is to be made; the pass's next piece if it was due then. */
void
conversation_sweep_apply(TimestampTz now, TimestampTz due)
{
	if (conversation_set_count(&singles) > 0 && singles_due <= now)
	{
		ErrorData *error = savepoint_try_for(make_singles, NULL, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);

		singles_due = 0;
		if (error != NULL && savepoint_error_is_transient(error))
		{
			let_go(false);
			singles_due = TimestampTzPlusMilliseconds(now, LATER_MS);
		}
		else if (error != NULL)
		{
			/* the pass finds out which of them it is */
			report_error(error->message);
			conversation_sweep_all(true);
		}
	}
	if (pass_wanted() && pass_due <= due)
		apply_pass(now);
}

void
conversation_sweep_commit(void)
{
	let_go(true);
	saved = pass;
}

void
conversation_sweep_rollback(void)
{
	let_go(false);
	pass = saved;
}

void
conversation_sweep_reset(void)
{
	conversation_set_clear(&singles);
	memset(&pass, 0, sizeof(pass));
	memset(&saved, 0, sizeof(saved));
	orders = 0;
	by_word = false;
	pass_over = false;
	piece = PIECE_FIRST;
	singles_due = pass_due = 0;
}

/* When there is something to be made; 0: there is nothing. */
TimestampTz
conversation_sweep_due(void)
{
	TimestampTz due = 0;

	if (conversation_set_count(&singles) > 0)
		due = Max(singles_due, 1);
	if (pass_wanted() && (due == 0 || pass_due < due))
		due = Max(pass_due, 1);
	return due;
}
