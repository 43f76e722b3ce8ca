/*
 * drop_database.c
 *	  Commands that need a database without sessions: our worker steps aside.
 *
 * DROP DATABASE and its like would otherwise wait for the worker, and fail.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "tcop/utility.h"

#include "session/drop_database.h"
#include "shared/compat.h"
#include "shared/restores.h"
#include "shared/shmem.h"

/* How long a worker may take to step aside, in ms. */
#define STEP_ASIDE_MS 10000

static ProcessUtility_hook_type prev_process_utility = NULL;
static bool holding = false; /* this session holds a database */

/* The database that the command needs without sessions, or NULL. */
static const char *
database_needed_alone(Node *parsetree)
{
	ListCell *lc;

	switch (nodeTag(parsetree))
	{
		case T_DropdbStmt:
			return ((DropdbStmt *) parsetree)->dbname;
		case T_RenameStmt:
			if (((RenameStmt *) parsetree)->renameType == OBJECT_DATABASE)
				return ((RenameStmt *) parsetree)->subname;
			return NULL;
		case T_CreatedbStmt:
			foreach (lc, ((CreatedbStmt *) parsetree)->options)
			{
				DefElem *def = lfirst(lc);

				if (strcmp(def->defname, "template") == 0 && def->arg != NULL)
					return defGetString(def);
			}
			return NULL;
		case T_AlterDatabaseStmt:
			foreach (lc, ((AlterDatabaseStmt *) parsetree)->options)
			{
				DefElem *def = lfirst(lc);

				if (strcmp(def->defname, "tablespace") == 0)
					return ((AlterDatabaseStmt *) parsetree)->dbname;
			}
			return NULL;
		default:
			return NULL;
	}
}

/* Ask the database's worker to go, and keep the launcher from starting another. */
static void
hold_database(Oid database)
{
	WcSlot *slot;
	int waited = 0;

	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	slot = wc_slot_of_database(database);
	if (slot != NULL)
	{
		slot->held_by = MyProcPid;
		holding = true;
	}
	LWLockRelease(wc_shared->lock);
	while (slot != NULL && waited < STEP_ASIDE_MS)
	{
		pid_t pid;

		LWLockAcquire(wc_shared->lock, LW_SHARED);
		pid = slot->worker_pid;
		if (pid != 0)
			(void) kill(pid, SIGTERM);
		LWLockRelease(wc_shared->lock);
		if (pid == 0)
			return;
		CHECK_FOR_INTERRUPTS();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		waited += 10;
	}
}

/* Only when the transaction has ended is the database gone, renamed or copied. */
static void
release_databases(XactEvent event, void *arg)
{
	int i;

	if (!holding || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	holding = false;
	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < WC_MAX_DATABASES; i++)
	{
		if (wc_shared->slots[i].held_by == MyProcPid)
			wc_shared->slots[i].held_by = 0;
	}
	LWLockRelease(wc_shared->lock);
	wc_wake_launcher();
}

/* The database to clear for this command; a user without the right to it moves nobody. */
static Oid
database_to_clear(Node *parsetree)
{
	const char *name;
	Oid database;

	if (wc_shared == NULL)
		return InvalidOid;
	name = database_needed_alone(parsetree);
	if (name == NULL)
		return InvalidOid;
	database = get_database_oid(name, true);
	if (!OidIsValid(database) || database == MyDatabaseId || !wc_owns_database(database))
		return InvalidOid;
	return database;
}

static void
process_utility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree, ProcessUtilityContext context,
				ParamListInfo params, QueryEnvironment *query_env, DestReceiver *dest, QueryCompletion *qc)
{
	Oid database = database_to_clear(pstmt->utilityStmt);
	static bool registered = false;
	ProcessUtility_hook_type next = prev_process_utility ? prev_process_utility : standard_ProcessUtility;

	wc_watch_restore(pstmt->utilityStmt);
	if (!OidIsValid(database))
	{
		next(pstmt, query_string, read_only_tree, context, params, query_env, dest, qc);
		return;
	}
	if (!registered)
	{
		RegisterXactCallback(release_databases, NULL);
		registered = true;
	}
	hold_database(database);
	next(pstmt, query_string, read_only_tree, context, params, query_env, dest, qc);
}

void
drop_database_install_hook(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
