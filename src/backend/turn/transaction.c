/*
 * transaction.c
 *	  The worker's transactions: all begin and end here.
 *
 * A turn's runs as webchatt_worker, locked in: an application's trigger cannot get back to
 * the role that the process was started as.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "shared/step_down.h"
#include "turn/standbys.h"
#include "turn/transaction.h"

volatile sig_atomic_t transaction_interruptible = false;

static Oid outer_user = InvalidOid;
static int outer_context = 0;
static int guc_level = 0;
static MemoryContext outside = NULL; /* what was current before the transaction */

/*
 * Start a transaction of our own.  All of the worker's begin here and end in
 * transaction_close(): PostgreSQL leaves TopMemoryContext current behind a transaction,
 * and what is allocated there stays until the process ends.
 */
void
transaction_open(void)
{
	outside = CurrentMemoryContext;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
}

/* Commit it, and be where it was begun. */
void
transaction_close(void)
{
	CommitTransactionCommand();
	MemoryContextSwitchTo(outside);
}

/* Start a transaction as webchatt_worker; the caller saw that the role is there. */
void
transaction_begin(void)
{
	Oid role;

	transaction_open();
	role = get_role_oid(WC_WORKER_ROLE, false);
	GetUserIdAndSecContext(&outer_user, &outer_context);
	SetUserIdAndSecContext(role, outer_context | SECURITY_LOCAL_USERID_CHANGE);
	guc_level = NewGUCNestLevel();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	LockTimeout = LOCK_WAIT_MS;

	/* whatever a deferred trigger does, it does with the statement that it belongs to */
	AfterTriggerSetState(makeNode(ConstraintsSetStmt));
}

/* Commit, and return when the standbys that commits wait for have it. */
void
transaction_commit(void)
{
	bool writes = TransactionIdIsValid(GetTopTransactionIdIfAny());

	SPI_finish();
	PopActiveSnapshot();
	/* what triggers SET ends here */
	AtEOXact_GUC(false, guc_level);
	/* it may wait for a standby, and a shutdown must not wait with it */
	transaction_interruptible = true;
	standbys_heed_shutdown();
	transaction_close();
	if (writes)
		standbys_wait(XactLastCommitEnd);
	transaction_interruptible = false;
	SetUserIdAndSecContext(outer_user, outer_context);
}

/* After an error: undo, and be ourselves again (the abort does that). */
void
transaction_abort(void)
{
	transaction_time_limit(0);
	transaction_interruptible = false;
	AbortCurrentTransaction();
	LockTimeout = LOCK_WAIT_MS;
}

/*
 * Cancel what runs longer than this from now on; 0: no limit.  What has a limit
 * runs an application's triggers, so a shutdown need not wait for it.
 */
void
transaction_time_limit(int ms)
{
	transaction_interruptible = ms > 0;
	if (ms > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, ms);
	else
	{
		if (get_timeout_active(STATEMENT_TIMEOUT))
			disable_timeout(STATEMENT_TIMEOUT, true);
		/* it fired as the statement ended: the next one is not to blame */
		if (get_timeout_indicator(STATEMENT_TIMEOUT, true))
			QueryCancelPending = false;
	}
}
