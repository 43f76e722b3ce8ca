/*
 * launcher.c
 *	  Keeps one worker for each database in webchatt.databases.
 *
 * It is connected to no database, so it stands in nobody's way; pg_database is
 * all that it reads.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "shared/clock.h"
#include "shared/compat.h"
#include "shared/settings.h"
#include "shared/shmem.h"
#include "worker/launcher.h"

/* How often a database that is missing is looked for, in ms. */
#define MISSING_POLL_MS 1000

/* How long to sleep when there is nothing to look for, in ms. */
#define IDLE_MS 60000

/* datconnlimit of a database whose DROP was interrupted. */
#define DATABASE_IS_BROKEN (-2)

/* How often to see whether an earlier launcher's worker is gone, in ms. */
#define ORPHAN_POLL_MS 100

/* The pause before a worker that died is started again, in ms: doubled each time. */
#define PAUSE_FIRST_MS 500
#define PAUSE_MOST_MS  60000

/* A worker that ran this long was in order: the pause starts over, in ms. */
#define RAN_WELL_MS 60000

/* What the launcher knows of a slot's worker. */
typedef struct Keeper
{
	BackgroundWorkerHandle *handle;
	TimestampTz started_at;
	TimestampTz not_before;
	int pause_ms;
	bool wanted;
	bool warned;
} Keeper;

static Keeper keepers[WC_MAX_DATABASES];

void
launcher_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "webchatt");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "webchatt_launcher_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "webchatt launcher");
	snprintf(worker.bgw_type, BGW_MAXLEN, "webchatt launcher");
	RegisterBackgroundWorker(&worker);
}

static void
forget_launcher(int code, Datum arg)
{
	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	wc_shared->launcher_pid = 0;
	wc_shared->launcher_latch = NULL;
	LWLockRelease(wc_shared->lock);
}

/* A slot for a database: the one it has, or a free one; -1 when all are taken. */
static int
slot_for(Oid database, const char *name)
{
	int free_slot = -1;
	int i;

	for (i = 0; i < WC_MAX_DATABASES; i++)
	{
		WcSlot *slot = &wc_shared->slots[i];

		if (slot->database == database)
		{
			namestrcpy(&slot->name, name);
			return i;
		}
		if (free_slot < 0 && !OidIsValid(slot->database) && keepers[i].handle == NULL)
			free_slot = i;
	}
	if (free_slot >= 0)
	{
		WcSlot *slot = &wc_shared->slots[free_slot];

		slot->database = database;
		slot->held_by = 0;
		slot->restart_now = false;
		slot->ids_known = false;
		memset(&slot->hour, 0, sizeof(slot->hour));
		namestrcpy(&slot->name, name);
		memset(&keepers[free_slot], 0, sizeof(Keeper));
	}
	return free_slot;
}

/* A slot for a database that is wanted, if one is free. */
static void
want(Oid database, const char *name)
{
	int slot;

	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	slot = slot_for(database, name);
	LWLockRelease(wc_shared->lock);
	if (slot >= 0)
		keepers[slot].wanted = true;
}

/* What was found of a listed database. */
typedef struct Listed
{
	const char *name;
	bool there;
	char *alike; /* one that is written otherwise, in capitals say; or NULL */
} Listed;

/* Say which listed databases are not there: once, until the list of these changes. */
static void
report_missing(const Listed *listed, int n)
{
	static char *said = NULL;
	StringInfoData missing;
	const char *alike = NULL;
	int i;

	initStringInfo(&missing);
	for (i = 0; i < n; i++)
	{
		if (listed[i].there)
			continue;
		appendStringInfo(&missing, "%s\"%s\"", missing.len > 0 ? ", " : "", listed[i].name);
		if (listed[i].alike != NULL)
			alike = listed[i].alike;
	}
	if (said != NULL && strcmp(said, missing.data) == 0)
		return;
	if (said != NULL)
		pfree(said);
	said = MemoryContextStrdup(TopMemoryContext, missing.data);
	if (missing.len > 0)
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_DATABASE),
				 errmsg("webchatt.databases names what is no database that can be connected to: %s", missing.data),
				 alike != NULL ? errhint("There is a database \"%s\": names are folded to lower case unless they are "
										 "in double quotes, as in webchatt.databases = '\"%s\"'.",
										 alike, alike)
							   : errhint("It gets its worker as soon as it is there; or take it off the list.")));
}

/*
 * Mark the slots of the listed databases that exist; false when one is
 * missing.  pg_database is scanned without its index, which a process without
 * a database cannot open in a new cluster.
 */
static bool
mark_wanted(void)
{
	char *list = pstrdup(wc_databases);
	List *names = NIL;
	Listed *listed;
	ListCell *lc;
	int n = 0;
	int found = 0;
	int i;
	Relation rel;
	TableScanDesc scan;
	HeapTuple tuple;
	MemoryContext context = CurrentMemoryContext;

	for (i = 0; i < WC_MAX_DATABASES; i++)
		keepers[i].wanted = false;
	if (!SplitIdentifierString(list, ',', &names) || names == NIL)
	{
		report_missing(NULL, 0);
		return true; /* the check hook saw to what it says */
	}
	listed = palloc0(sizeof(Listed) * list_length(names));
	foreach (lc, names)
		listed[n++].name = lfirst(lc);

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database db = (Form_pg_database) GETSTRUCT(tuple);

		for (i = 0; i < n; i++)
		{
			if (pg_strcasecmp(NameStr(db->datname), listed[i].name) != 0 || !db->datallowconn ||
				db->datconnlimit == DATABASE_IS_BROKEN)
				continue;
			if (strcmp(NameStr(db->datname), listed[i].name) != 0)
			{
				listed[i].alike = MemoryContextStrdup(context, NameStr(db->datname));
				continue;
			}
			want(db->oid, NameStr(db->datname));
			found += !listed[i].there;
			listed[i].there = true;
		}
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context); /* PostgreSQL leaves TopMemoryContext current */
	report_missing(listed, n);
	return found == n;
}

/* A session that needed the database to itself and died leaves its hold. */
static void
drop_dead_hold(WcSlot *slot)
{
	if (slot->held_by != 0 && BackendPidGetProc(slot->held_by) == NULL)
		slot->held_by = 0;
}

static void
start_worker(int i, TimestampTz now)
{
	BackgroundWorker worker;
	Keeper *keeper = &keepers[i];
	MemoryContext old;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "webchatt");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "webchatt_worker_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "webchatt worker for database \"%s\"", NameStr(wc_shared->slots[i].name));
	snprintf(worker.bgw_type, BGW_MAXLEN, "webchatt worker");
	worker.bgw_main_arg = Int32GetDatum(i);
	worker.bgw_notify_pid = MyProcPid;

	old = MemoryContextSwitchTo(TopMemoryContext);
	if (RegisterDynamicBackgroundWorker(&worker, &keeper->handle))
	{
		keeper->started_at = now;
		keeper->warned = false;
	}
	else
	{
		keeper->handle = NULL;
		keeper->not_before = TimestampTzPlusMilliseconds(now, 5000);
		if (!keeper->warned)
			ereport(WARNING, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
							  errmsg("webchatt could not start its worker for database \"%s\"",
									 NameStr(wc_shared->slots[i].name)),
							  errhint("Raise max_worker_processes: all of them are taken.")));
		keeper->warned = true;
	}
	MemoryContextSwitchTo(old);
}

/* See whether a slot's worker is gone, and when the next may start. */
static void
note_stopped(int i, TimestampTz now)
{
	Keeper *keeper = &keepers[i];
	WcSlot *slot = &wc_shared->slots[i];
	pid_t pid;

	if (keeper->handle == NULL || GetBackgroundWorkerPid(keeper->handle, &pid) != BGWH_STOPPED)
		return;
	pfree(keeper->handle);
	keeper->handle = NULL;
	if (slot->restart_now || TimestampDifferenceExceeds(keeper->started_at, now, RAN_WELL_MS))
		keeper->pause_ms = 0;
	if (slot->restart_now)
		keeper->not_before = now;
	else
	{
		keeper->pause_ms = keeper->pause_ms == 0 ? PAUSE_FIRST_MS : Min(keeper->pause_ms * 2, PAUSE_MOST_MS);
		keeper->not_before = TimestampTzPlusMilliseconds(now, keeper->pause_ms);
	}
	slot->restart_now = false;
}

/*
 * A worker that a launcher before us started is none of ours: it goes, so that
 * there is one at a time and we know it.  True while there is such a one.
 */
static bool
end_orphan(WcSlot *slot)
{
	pid_t pid;

	LWLockAcquire(wc_shared->lock, LW_SHARED);
	pid = slot->worker_pid;
	if (pid != 0)
		(void) kill(pid, SIGTERM);
	LWLockRelease(wc_shared->lock);
	return pid != 0;
}

/* Bring every slot to what is wanted; returns the ms until the next look. */
static long
look_after_workers(void)
{
	TimestampTz now = wc_clock();
	long next = mark_wanted() ? IDLE_MS : MISSING_POLL_MS;
	int i;

	for (i = 0; i < WC_MAX_DATABASES; i++)
	{
		Keeper *keeper = &keepers[i];
		WcSlot *slot = &wc_shared->slots[i];
		bool held;

		if (!OidIsValid(slot->database))
			continue;
		note_stopped(i, now);
		LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
		drop_dead_hold(slot);
		held = slot->held_by != 0;
		if (!keeper->wanted && !held && keeper->handle == NULL && slot->worker_pid == 0)
			slot->database = InvalidOid;
		LWLockRelease(wc_shared->lock);

		if (held)
			next = Min(next, MISSING_POLL_MS);
		else if (!keeper->wanted && keeper->handle != NULL)
			TerminateBackgroundWorker(keeper->handle);
		else if (keeper->handle == NULL && end_orphan(slot))
			next = Min(next, ORPHAN_POLL_MS);
		else if (keeper->wanted && keeper->handle == NULL)
		{
			if (keeper->not_before <= now)
				start_worker(i, now);
			if (keeper->handle == NULL)
				next = Min(next, Max(1, TimestampDifferenceMilliseconds(now, keeper->not_before)));
		}
	}
	return next;
}

void
webchatt_launcher_main(Datum arg)
{
	MemoryContext loop_context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("webchatt launcher");

	before_shmem_exit(forget_launcher, (Datum) 0);
	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	wc_shared->launcher_pid = MyProcPid;
	wc_shared->launcher_latch = MyLatch;
	LWLockRelease(wc_shared->lock);

	loop_context = AllocSetContextCreate(TopMemoryContext, "webchatt launcher loop", ALLOCSET_DEFAULT_SIZES);
	while (!ShutdownRequestPending)
	{
		long wait;

		MemoryContextReset(loop_context);
		MemoryContextSwitchTo(loop_context);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		wait = look_after_workers();
		MemoryContextSwitchTo(loop_context);
		pgstat_report_activity(STATE_IDLE, NULL);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	/* not 0: a launcher that somebody terminated is started again */
	proc_exit(1);
}
