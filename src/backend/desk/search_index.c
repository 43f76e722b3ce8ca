/*
 * search_index.c
 *	  The index of texts, kept up by the search worker between calls, in pieces of some
 *	  20 ms; so whoever searches and whoever writes hardly notices.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "desk/pieces.h"
#include "desk/search_index.h"
#include "shared/columns.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "turn/transaction.h"

/* Messages in a piece. */
#define PIECE_MOST	500
#define PIECE_LEAST 25

/* While the worker does nothing but turns, some thousand messages a second are indexed, and the others later. */
#define BUSY_TIMES 10

static Pieces pieces = {.size = PIECE_MOST, .least = PIECE_LEAST, .most = PIECE_MOST, .busy_times = BUSY_TIMES};

/* How long until there is something to do, in ms; 0: now. */
long
search_index_pause(void)
{
	return pieces_pause(&pieces);
}

/* How many messages were indexed. */
static int
index_piece(void)
{
	Datum arg = Int32GetDatum(pieces.size);
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
		pause = pieces_rest(&pieces, took);
	pieces_size(&pieces, took, n > 0);
	pieces_due_in(&pieces, pause);
}
