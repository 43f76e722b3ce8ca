/*
 * search_index.c
 *	  The index of texts, kept up by the search worker between calls: in pieces of some
 *	  20 ms, and a fifth of the time at most, so that whoever searches and whoever writes
 *	  hardly notices.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "desk/search_index.h"
#include "shared/columns.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "turn/transaction.h"

/* Messages in a piece, and how long one may take, in ms, before the next is smaller. */
#define PIECE_MOST	500
#define PIECE_LEAST 25
#define PIECE_MS	100

/* The pause behind a piece is so many times as long as that took; in ms: at least, when nothing was to be done, after an error. */
#define PAUSE_TIMES	 4
#define PAUSE_LEAST	 5
#define PAUSE_IDLE	 2000
#define PAUSE_FAILED 60000

static int piece = PIECE_MOST;
static TimestampTz next_piece = 0;

/* How long until there is something to do, in ms; 0: now. */
long
search_index_pause(void)
{
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next_piece);
}

/* How many messages were indexed. */
static int
index_piece(void)
{
	Datum arg = Int32GetDatum(piece);
	bool isnull;
	int n;

	transaction_begin();
	transaction_time_limit(wc_desk_statement_timeout);
	wc_run(WC_INDEX_TEXTS, &arg, NULL);
	n = DatumGetInt32(wc_field(0, 1, &isnull));
	transaction_time_limit(0);
	transaction_commit();
	return n;
}

/* A lock of somebody's, or too much at once, is not worth a word: it is tried again. */
static long
note_failure(MemoryContext context)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	transaction_abort();
	MemoryContextSwitchTo(context);
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED || error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE)
	{
		FreeErrorData(error);
		return PAUSE_IDLE;
	}
	ereport(LOG,
			(errcode(error->sqlerrcode), errmsg("webchatt could not index texts for the search: %s", error->message),
			 error->detail ? errdetail("%s", error->detail) : 0,
			 error->context ? errcontext("%s", error->context) : 0));
	FreeErrorData(error);
	return PAUSE_FAILED;
}

/* Index a piece, and see when the next is due.  Never an error. */
void
search_index_work(void)
{
	MemoryContext context = CurrentMemoryContext;
	TimestampTz begun = GetCurrentTimestamp();
	volatile long pause = PAUSE_IDLE;
	volatile int n = 0;
	long took;

	PG_TRY();
	{
		n = index_piece();
	}
	PG_CATCH();
	{
		pause = note_failure(context);
	}
	PG_END_TRY();
	took = TimestampDifferenceMilliseconds(begun, GetCurrentTimestamp());
	if (n > 0)
		pause = Max(PAUSE_LEAST, took * PAUSE_TIMES);
	if (took > PIECE_MS)
		piece = Max(PIECE_LEAST, piece / 2);
	else if (n > 0 && took < PIECE_MS / 2)
		piece = Min(PIECE_MOST, piece * 2);
	next_piece = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pause);
}
