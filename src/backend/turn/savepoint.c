/*
 * savepoint.c
 *	  Steps of a turn whose failure is their own: each in a savepoint, in so much time.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "shared/settings.h"
#include "shared/statements.h"
#include "turn/report.h"
#include "turn/savepoint.h"
#include "turn/transaction.h"

/* A lock that was not to be had: it is worth another try. */
bool
savepoint_error_is_transient(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE || error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		   error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

/*
 * Not the event's fault: a full disk, an I/O error, a shutdown.  What a trigger
 * can raise by itself is not among them.
 */
bool
savepoint_error_is_systemic(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_DISK_FULL || error->sqlerrcode == ERRCODE_IO_ERROR ||
		   error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN || error->sqlerrcode == ERRCODE_CRASH_SHUTDOWN ||
		   error->sqlerrcode == ERRCODE_READ_ONLY_SQL_TRANSACTION || error->elevel >= FATAL;
}

/*
 * Run a step in a savepoint, in time_ms.  NULL: it is done.  Otherwise it is
 * undone and the error says why; systemic ones go on up.
 */
ErrorData *
savepoint_try_for(savepoint_step step, void *arg, int lock_wait_ms, int time_ms)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	LockTimeout = lock_wait_ms;
	PG_TRY();
	{
		transaction_time_limit(time_ms);
		step(arg);
		transaction_time_limit(0);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		transaction_time_limit(0);
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_END_TRY();
	LockTimeout = LOCK_WAIT_MS;
	if (error != NULL && (savepoint_error_is_systemic(error) || ProcDiePending))
		ReThrowError(error);
	return error;
}

/* The same, in the time that triggers have. */
ErrorData *
savepoint_try(savepoint_step step, void *arg, int lock_wait_ms)
{
	return savepoint_try_for(step, arg, lock_wait_ms, wc_trigger_timeout);
}

static void
run_step(void *arg)
{
	wc_run_any(*(WcStatement *) arg, NULL, NULL);
}

/* Run a step of the upkeep: should it fail, the status shows why. */
void
savepoint_do(savepoint_step step, void *arg)
{
	ErrorData *error = savepoint_try(step, arg, LOCK_WAIT_BLOCKED_MS);

	if (error != NULL && !savepoint_error_is_transient(error))
		report_error(error->message);
}

/* The same of a statement that takes no parameters. */
void
savepoint_run(WcStatement which)
{
	savepoint_do(run_step, &which);
}
