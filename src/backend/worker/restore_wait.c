/*
 * restore_wait.c
 *	  When the worker must wait, because a dump is being loaded, and how it knows
 *	  that this is over.
 *
 * Three things say so.  A session that loads one is marked in shared memory
 * (restores.c).  The install script, when a dump runs it, leaves a row in
 * webchatt.restores, which no dump has: it covers what lies between the sessions
 * of one restore, and a server that has not loaded us.  And rows of
 * webchatt.z_installations come with a dump's data only.  Unsure means wait;
 * webchatt.finish_restore() is for people who know more.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/snapmgr.h"

#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/outbox_append.h"
#include "shared/restores.h"
#include "shared/shmem.h"
#include "shared/statements.h"
#include "turn/report.h"
#include "turn/transaction.h"
#include "worker/restore_wait.h"

/* How long the end of a restore waits for locks on the tables, in ms. */
#define LOCK_MS 1000

static bool waited = false; /* something was loaded since we last began to work */

/* Is there a row in one of our tables?  Without SPI: this is asked once a second. */
static bool
has_rows(const char *name)
{
	Relation rel = table_open(wc_relation(name), AccessShareLock);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	bool found = HeapTupleIsValid(systable_getnext(scan));

	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	return found;
}

/* A pg_restore, of somebody who may, that has not come to our tables yet; 0: none. */
static int
other_restore(void)
{
	bool isnull;

	if (wc_run(WC_OTHER_RESTORE, NULL, NULL) == 0)
		return 0;
	return DatumGetInt32(wc_field(0, 1, &isnull));
}

/* All is there: put back what was set aside. */
static void
end_restore(void)
{
	int lock_timeout = LockTimeout;

	report_state("a restore is over, but cannot be ended: see last_error");
	LockTimeout = LOCK_MS;
	wc_run(WC_END_RESTORE, NULL, NULL);
	waited = true;
	LockTimeout = lock_timeout;
	ereport(LOG, (errmsg("webchatt: a restore into database \"%s\" is over", NameStr(report_slot->name))));
}

/* The row of the install script is there.  True: wait, the state says why. */
static bool
pending(void)
{
	char text[WC_STATE_SIZE];
	int pid;
	bool wait = true;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	pid = other_restore();
	if (pid != 0)
	{
		snprintf(text, sizeof(text), "waits while process %d loads a dump, until that session ends", pid);
		report_state(text);
	}
	else if (!has_rows("z_installations"))
		report_state("waits for a dump's data; if none is to come: SELECT webchatt.finish_restore()");
	else
	{
		end_restore();
		wait = false;
	}
	SPI_finish();
	PopActiveSnapshot();
	return wait;
}

/* The process that is marked as loading a dump into our database; 0: none. */
static pid_t
marked(void)
{
	pid_t pid;

	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	pid = wc_restore_in(MyDatabaseId);
	if (pid != 0)
		report_slot->at_work = false;
	LWLockRelease(wc_shared->lock);
	return pid;
}

/*
 * Must the worker wait?  Asked before it begins to work, in a transaction, with the extension
 * there.  Raises what keeps a restore from being ended; it is asked again then.
 */
bool
restore_wait_is_due(void)
{
	pid_t pid = marked();
	char text[WC_STATE_SIZE];

	if (pid != 0)
	{
		snprintf(text, sizeof(text),
				 "waits while process %d loads a dump, until that session ends or webchatt.finish_restore()",
				 (int) pid);
		report_state(text);
	}
	else if (!has_rows("restores") || !pending())
		return false;
	waited = true;
	return true;
}

/*
 * The worker begins to work, unless somebody began to load a dump meanwhile: then
 * false.  What was loaded without its triggers is looked for.
 */
bool
restore_wait_allows_work(void)
{
	bool allowed;

	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	allowed = wc_restore_in(MyDatabaseId) == 0;
	report_slot->at_work = allowed;
	LWLockRelease(wc_shared->lock);
	if (allowed && waited)
	{
		transaction_begin();
		wc_outbox_append(0, 'd', NULL, NULL, NULL, NULL, NULL);
		transaction_commit();
		waited = false;
	}
	return allowed;
}

/* Has somebody begun to load a dump while the worker works?  Cheap: asked in every pass of the loop. */
bool
restore_wait_has_begun(void)
{
	int i;

	for (i = 0; i < WC_MAX_RESTORES; i++)
	{
		/* no lock: who writes here waits until we have seen it */
		if (((volatile WcRestore *) &wc_shared->restores[i])->pid != 0 &&
			((volatile WcRestore *) &wc_shared->restores[i])->database == MyDatabaseId)
			return waited = true;
	}
	return false;
}
