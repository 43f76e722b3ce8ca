/*
 * retention_work.c
 *	  Conversations leave (webchatt.set_retention()), a piece at a time, in a process of
 *	  their own, and in pieces; so visitors do not notice, and an archive that is slow holds nobody up.
 *	  What is to be erased or redacted in archives is done by the same process, so behind what it
 *	  moved there.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "desk/pieces.h"
#include "desk/retention_work.h"
#include "shared/columns.h"
#include "shared/statements.h"
#include "shared/visitor_seen.h"
#include "turn/transaction.h"

/* Messages in a piece. */
#define PIECE_MOST	1000
#define PIECE_LEAST 20

/* How long a piece may take, in ms, an archive far away included. */
#define LIMIT_MS 30000

/*
 * How long archives may take to erase somebody: one without an index is read as a whole.  And the longest pause behind
 * it, and behind a transaction that failed in its commit; in ms.
 */
#define TASK_LIMIT_MS	600000
#define TASK_PAUSE_MOST 2000
#define TASK_FAILED		60000

/* While the worker does nothing but turns, a piece falls in fewer than a hundredth of its visitors' messages. */
#define BUSY_TIMES 120

/*
 * Visitors' rows that leave at a time, and between two such times, in ms: every session and the worker plan anew behind
 * it.
 */
#define VISITORS_MOST 5000
#define VISITORS_MS	  30000

static Pieces pieces = {.size = PIECE_MOST / 4, .least = PIECE_LEAST, .most = PIECE_MOST, .busy_times = BUSY_TIMES};
static TimestampTz visitors_due = 0;
static TimestampTz tasks_due = 0;

/* How long until there is something to do, in ms; 0: now. */
long
retention_work_pause(void)
{
	return pieces_pause(&pieces);
}

/* What was looked at, 0: there is nothing to do now.  problem: what went wrong, or NULL. */
static int
run_piece(int visitors, MemoryContext context, char **problem)
{
	Datum args[2] = {Int32GetDatum(pieces.size), Int32GetDatum(visitors)};
	bool isnull;
	int n;

	transaction_begin();
	transaction_time_limit(LIMIT_MS);
	wc_run(WC_RETAIN, args, NULL);
	transaction_time_limit(0);
	n = DatumGetInt32(wc_field(0, 1, &isnull));
	(void) wc_field(0, 2, &isnull);
	*problem = isnull ? NULL : MemoryContextStrdup(context, wc_field_text(0, 2));
	transaction_commit();
	return n;
}

/* Is there something to be done in archives?  It is done, then.  problem: as above. */
static int
run_task(MemoryContext context, char **problem)
{
	bool isnull;
	int n;

	transaction_begin();
	transaction_time_limit(TASK_LIMIT_MS);
	wc_run(WC_ARCHIVE_TASK, NULL, NULL);
	transaction_time_limit(0);
	n = DatumGetInt32(wc_field(0, 1, &isnull));
	(void) wc_field(0, 2, &isnull);
	*problem = isnull ? NULL : MemoryContextStrdup(context, wc_field_text(0, 2));
	transaction_commit();
	return n;
}

/* A lock of somebody's is not worth a word: it is tried again. */
static long
note_failure(MemoryContext context, const char *what, char **problem)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	transaction_abort();
	MemoryContextSwitchTo(context);
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE || error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE)
		return PAUSE_IDLE;
	*problem = psprintf("%s: %s", what, error->message);
	return PAUSE_FAILED;
}

static void
log_problem(const char *problem)
{
	if (problem != NULL)
		ereport(LOG, (errmsg("webchatt: %s", problem),
					  errhint("It is tried again; SELECT * FROM webchatt.retention, and webchatt.archive_tasks.")));
}

/* In archives; false: there was nothing to do. */
static bool
do_task(TimestampTz begun, char **problem)
{
	MemoryContext context = CurrentMemoryContext;
	volatile int n = 0;

	if (tasks_due > begun)
		return false;
	PG_TRY();
	{
		n = run_task(context, problem);
	}
	PG_CATCH();
	{
		(void) note_failure(context, "what is to be erased in an archive cannot be", problem);
		tasks_due = TimestampTzPlusMilliseconds(begun, TASK_FAILED);
	}
	PG_END_TRY();
	if (n > 0)
	{
		long rest = pieces_rest(&pieces, TimestampDifferenceMilliseconds(begun, GetCurrentTimestamp()));

		pieces_due_in(&pieces, Min(rest, TASK_PAUSE_MOST));
	}
	log_problem(*problem);
	return n > 0;
}

/* A piece leaves, or something is done in archives.  What went wrong and had not before, or NULL; never an error. */
const char *
retention_work_do(void)
{
	MemoryContext context = CurrentMemoryContext;
	TimestampTz begun = GetCurrentTimestamp();
	static bool idle = false;
	bool visitors = idle && visitors_due <= begun;
	volatile long pause = PAUSE_IDLE;
	volatile int n = 0;
	volatile bool failed = false;
	char *problem = NULL;
	long took;

	if (do_task(begun, &problem) || problem != NULL)
		return problem;
	PG_TRY();
	{
		wc_visitors_leave_empty = visitors;
		n = run_piece(visitors ? VISITORS_MOST : 0, context, &problem);
	}
	PG_CATCH();
	{
		pause = note_failure(context, "conversations cannot leave", &problem);
		failed = true;
	}
	PG_END_TRY();
	wc_visitors_leave_empty = false;
	if (visitors)
		visitors_due = TimestampTzPlusMilliseconds(begun, n > 0 ? VISITORS_MS : PAUSE_IDLE);
	took = TimestampDifferenceMilliseconds(begun, GetCurrentTimestamp());
	idle = n == 0;
	if (!failed && (n > 0 || visitors))
		pause = pieces_rest(&pieces, took);
	else if (!failed && visitors_due <= begun)
		pause = 0;
	pieces_size(&pieces, took, n > 0);
	pieces_due_in(&pieces, pause);
	log_problem(problem);
	return problem;
}
