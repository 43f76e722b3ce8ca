/*
 * restores.c
 *	  Telling the loading of a dump from other work, and keeping the worker away
 *	  from it (see restore_wait.c for the worker's side).
 *
 * A session that loads a dump is marked in shared memory until it ends, so the
 * worker does not act on half of the rows.  It is known by its settings, and by
 * being the owner's: nobody else can load webchatt's tables, and nobody else stops
 * the worker.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "shared/compat.h"
#include "shared/restores.h"
#include "shared/shmem.h"

/* How long a worker may take to step aside, in ms. */
#define STEP_ASIDE_MS 10000

PG_FUNCTION_INFO_V1(webchatt_forget_restores);

static bool noted = false; /* this session was seen to load a dump */

/*
 * Does this session load a dump?  pg_dump and pg_restore, in every form, begin with
 * these two settings; nobody works with both of them.  They load by themselves, not by
 * a function that runs as its owner, whose caller may have set anything.
 */
bool
wc_loads_dump(void)
{
	return namespace_search_path != NULL && namespace_search_path[0] == '\0' && !check_function_bodies &&
		   !InLocalUserIdChange();
}

static void
forget_mine(int code, Datum arg)
{
	int i;

	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < WC_MAX_RESTORES; i++)
	{
		if (wc_shared->restores[i].pid == MyProcPid)
			wc_shared->restores[i].pid = 0;
	}
	LWLockRelease(wc_shared->lock);
}

/*
 * The process that loads a dump into a database; 0: none.  The caller holds the
 * lock exclusively.  One that died without a word is forgotten.
 */
pid_t
wc_restore_in(Oid database)
{
	int i;

	for (i = 0; i < WC_MAX_RESTORES; i++)
	{
		WcRestore *r = &wc_shared->restores[i];

		if (r->pid != 0 && BackendPidGetProc(r->pid) == NULL)
			r->pid = 0;
		if (r->pid != 0 && r->database == database)
			return r->pid;
	}
	return 0;
}

/* Mark this session; false when there is no place left, which the install script's row makes up for. */
static bool
mark_mine(void)
{
	bool marked = false;
	int i;

	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	(void) wc_restore_in(InvalidOid); /* drops the dead */
	for (i = 0; i < WC_MAX_RESTORES && !marked; i++)
	{
		if (wc_shared->restores[i].pid != 0)
			continue;
		wc_shared->restores[i].database = MyDatabaseId;
		wc_shared->restores[i].pid = MyProcPid;
		marked = true;
	}
	LWLockRelease(wc_shared->lock);
	return marked;
}

/* Wait until the worker has seen it and is not between two rows of anything. */
static void
wait_for_worker(void)
{
	int waited = 0;

	while (waited < STEP_ASIDE_MS)
	{
		WcSlot *slot;
		bool busy;

		LWLockAcquire(wc_shared->lock, LW_SHARED);
		slot = wc_slot_of_database(MyDatabaseId);
		busy = slot != NULL && slot->worker_pid != 0 && slot->at_work;
		if (busy && slot->worker_latch != NULL)
			SetLatch(slot->worker_latch);
		LWLockRelease(wc_shared->lock);
		if (!busy)
			return;
		CHECK_FOR_INTERRUPTS();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		waited += 10;
	}
}

/* Is it somebody who can load the tables of the extension, or make it? */
static bool
is_owner(void)
{
	Oid schema;
	Oid table;

	if (superuser())
		return true;
	schema = get_namespace_oid("webchatt", true);
	table = OidIsValid(schema) ? get_relname_relid("hubs", schema) : InvalidOid;
	return OidIsValid(table) && wc_owns_relation(table);
}

/* This session writes to our tables: if it loads a dump, the worker waits until it ends. */
void
wc_note_restore(void)
{
	static bool registered = false;

	if (noted || wc_shared == NULL || !wc_loads_dump() || !is_owner())
		return;
	noted = true;
	if (!registered)
		before_shmem_exit(forget_mine, (Datum) 0);
	registered = true;
	if (mark_mine())
		wait_for_worker();
}

/* Is it a command by which a dump is loaded into our schema? */
static bool
loads_us(Node *statement)
{
	RangeVar *relation = NULL;

	switch (nodeTag(statement))
	{
		case T_CreateExtensionStmt:
			return strcmp(((CreateExtensionStmt *) statement)->extname, "webchatt") == 0;
		case T_CopyStmt:
			if (((CopyStmt *) statement)->is_from)
				relation = ((CopyStmt *) statement)->relation;
			break;
		case T_AlterTableStmt: /* --disable-triggers */
			relation = ((AlterTableStmt *) statement)->relation;
			break;
		default:
			break;
	}
	return relation != NULL && relation->schemaname != NULL && strcmp(relation->schemaname, "webchatt") == 0;
}

/* A pooler gives the session, which goes on, to somebody else: who had it is gone. */
static bool
is_given_away(Node *statement)
{
	return IsA(statement, DiscardStmt) && ((DiscardStmt *) statement)->target == DISCARD_ALL && !IsTransactionBlock();
}

/* Called for each utility command, before it runs. */
void
wc_watch_restore(Node *statement)
{
	if (noted && is_given_away(statement))
	{
		forget_mine(0, (Datum) 0);
		noted = false;
	}
	if (wc_loads_dump() && !creating_extension && IsTransactionState() && loads_us(statement))
		wc_note_restore();
}

/* _forget_restores(): whoever loads a dump into this database is waited for no longer. */
Datum
webchatt_forget_restores(PG_FUNCTION_ARGS)
{
	int i;

	if (wc_shared == NULL)
		PG_RETURN_VOID();
	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < WC_MAX_RESTORES; i++)
	{
		if (wc_shared->restores[i].database == MyDatabaseId)
			wc_shared->restores[i].pid = 0;
	}
	LWLockRelease(wc_shared->lock);
	(void) wc_wake_worker(MyDatabaseId, false);
	PG_RETURN_VOID();
}
