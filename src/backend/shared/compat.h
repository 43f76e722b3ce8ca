/*
 * compat.h
 *	  What differs between PostgreSQL 14 and 19, in one place.
 */
#ifndef WC_COMPAT_H
#define WC_COMPAT_H

#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "optimizer/pathnode.h"
#include "optimizer/plancat.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/jsonb.h"
#if PG_VERSION_NUM >= 150000
#include "common/pg_prng.h"
#endif
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_proc.h"
#include "varatt.h"
#endif
#include "replication/walsender_private.h"
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif

#if PG_VERSION_NUM >= 170000
#define wc_create_wait_event_set(n) CreateWaitEventSet(NULL, (n))
#else
#define wc_create_wait_event_set(n) CreateWaitEventSet(TopMemoryContext, (n))
#endif

#if PG_VERSION_NUM >= 160000
#define wc_owns_database(oid) object_ownercheck(DatabaseRelationId, (oid), GetUserId())
#define wc_owns_relation(oid) object_ownercheck(RelationRelationId, (oid), GetUserId())
#else
#define wc_owns_database(oid) pg_database_ownercheck((oid), GetUserId())
#define wc_owns_relation(oid) pg_class_ownercheck((oid), GetUserId())
#endif

/* May the role call the function? */
#if PG_VERSION_NUM >= 160000
#define wc_may_execute(function, role)                                                                                 \
	(object_aclcheck(ProcedureRelationId, (function), (role), ACL_EXECUTE) == ACLCHECK_OK)
#else
#define wc_may_execute(function, role) (pg_proc_aclcheck((function), (role), ACL_EXECUTE) == ACLCHECK_OK)
#endif

/* For who includes storage/shm_mq.h: what is sent is seen at once. */
#if PG_VERSION_NUM >= 150000
#define wc_shm_mq_send(handle, size, data, nowait) shm_mq_send((handle), (size), (data), (nowait), true)
#else
#define wc_shm_mq_send(handle, size, data, nowait) shm_mq_send((handle), (size), (data), (nowait))
#endif

/* The session's number of its transaction, which it has before it writes anything; for who includes storage/proc.h. */
#if PG_VERSION_NUM >= 170000
#define WC_LOCAL_TRANSACTION (MyProc->vxid.lxid)
#else
#define WC_LOCAL_TRANSACTION (MyProc->lxid)
#endif

/* A row's index entries; what a caller has included: executor/executor.h, access/genam.h. */
#if PG_VERSION_NUM >= 190000
#define wc_insert_index_tuples(result, slot, estate)                                                                   \
	((result)->ri_NumIndices > 0 ? ExecInsertIndexTuples((result), (estate), 0, (slot), NIL, NULL) : NIL)
#elif PG_VERSION_NUM >= 160000
#define wc_insert_index_tuples(result, slot, estate)                                                                   \
	((result)->ri_NumIndices > 0 ? ExecInsertIndexTuples((result), (slot), (estate), false, false, NULL, NIL, false)   \
								 : NIL)
#else
#define wc_insert_index_tuples(result, slot, estate)                                                                   \
	((result)->ri_NumIndices > 0 ? ExecInsertIndexTuples((result), (slot), (estate), false, false, NULL, NIL) : NIL)
#endif

/* The same where another row with one of the arbiters' keys may have come meanwhile. */
#if PG_VERSION_NUM >= 190000
#define wc_insert_index_tuples_unless(result, slot, estate, conflict, arbiters)                                        \
	ExecInsertIndexTuples((result), (estate), EIIT_NO_DUPE_ERROR, (slot), (arbiters), (conflict))
#elif PG_VERSION_NUM >= 160000
#define wc_insert_index_tuples_unless(result, slot, estate, conflict, arbiters)                                        \
	ExecInsertIndexTuples((result), (slot), (estate), false, true, (conflict), (arbiters), false)
#else
#define wc_insert_index_tuples_unless(result, slot, estate, conflict, arbiters)                                        \
	ExecInsertIndexTuples((result), (slot), (estate), false, true, (conflict), (arbiters))
#endif
#if PG_VERSION_NUM >= 180000
#define wc_check_index_constraints(result, slot, estate, conflict, arbiters)                                           \
	ExecCheckIndexConstraints((result), (slot), (estate), (conflict), &(ItemPointerData){0}, (arbiters))
#else
#define wc_check_index_constraints(result, slot, estate, conflict, arbiters)                                           \
	ExecCheckIndexConstraints((result), (slot), (estate), (conflict), (arbiters))
#endif

/* Begin to read a table by an index; what a caller has included: access/genam.h. */
#if PG_VERSION_NUM >= 190000
#define wc_index_beginscan(table, index, snapshot, nkeys)                                                              \
	index_beginscan((table), (index), (snapshot), NULL, (nkeys), 0, SO_NONE)
#elif PG_VERSION_NUM >= 180000
#define wc_index_beginscan(table, index, snapshot, nkeys)                                                              \
	index_beginscan((table), (index), (snapshot), NULL, (nkeys), 0)
#else
#define wc_index_beginscan(table, index, snapshot, nkeys) index_beginscan((table), (index), (snapshot), (nkeys), 0)
#endif

/* What an update says of the new row's index entries, and how those that it needs are made. */
#if PG_VERSION_NUM >= 160000
typedef TU_UpdateIndexes wc_update_indexes;
#define wc_update_needs_entries(which) ((which) != TU_None)
#if PG_VERSION_NUM >= 190000
#define wc_insert_index_tuples_of_update(result, slot, estate, which)                                                  \
	list_free(ExecInsertIndexTuples((result), (estate), (which) == TU_Summarizing ? EIIT_ONLY_SUMMARIZING : 0, (slot), \
									NIL, NULL))
#else
#define wc_insert_index_tuples_of_update(result, slot, estate, which)                                                  \
	list_free(ExecInsertIndexTuples((result), (slot), (estate), false, false, NULL, NIL, (which) == TU_Summarizing))
#endif
#else
typedef bool wc_update_indexes;
#define wc_update_needs_entries(which) (which)
#define wc_insert_index_tuples_of_update(result, slot, estate, which)                                                  \
	list_free(ExecInsertIndexTuples((result), (slot), (estate), false, false, NULL, NIL))
#endif

/* A row's next version, for whoever waits for others' of it. */
#if PG_VERSION_NUM >= 190000
#define wc_table_tuple_update(table, place, slot, command, snapshot, failure, lock, which)                             \
	table_tuple_update((table), (place), (slot), (command), 0, (snapshot), InvalidSnapshot, true, (failure), (lock),   \
					   (which))
#else
#define wc_table_tuple_update(table, place, slot, command, snapshot, failure, lock, which)                             \
	table_tuple_update((table), (place), (slot), (command), (snapshot), InvalidSnapshot, true, (failure), (lock),      \
					   (which))
#endif

/* A slot of a list of them; what a caller has included: executor/executor.h. */
#if PG_VERSION_NUM >= 190000
#define wc_alloc_table_slot(list, desc, ops) ExecAllocTableSlot((list), (desc), (ops), 0)
#else
#define wc_alloc_table_slot(list, desc, ops) ExecAllocTableSlot((list), (desc), (ops))
#endif

/* What inserting left in an index's info, from 17 on. */
#if PG_VERSION_NUM >= 170000
#define wc_index_insert_cleanup(index, info) index_insert_cleanup((index), (info))
#else
#define wc_index_insert_cleanup(index, info) ((void) 0)
#endif

/* Prepare to return a set of rows through a tuplestore. */
#if PG_VERSION_NUM >= 150000
#define wc_init_materialized_srf(fcinfo) InitMaterializedSRF((fcinfo), 0)
#else
#define wc_init_materialized_srf(fcinfo)                                                                               \
	do                                                                                                                 \
	{                                                                                                                  \
		ReturnSetInfo *rsi = (ReturnSetInfo *) (fcinfo)->resultinfo;                                                   \
		MemoryContext old;                                                                                             \
		if (rsi == NULL || !IsA(rsi, ReturnSetInfo) || !(rsi->allowedModes & SFRM_Materialize))                        \
			elog(ERROR, "this function returns a set, where none is accepted");                                        \
		old = MemoryContextSwitchTo(rsi->econtext->ecxt_per_query_memory);                                             \
		if (get_call_result_type((fcinfo), NULL, &rsi->setDesc) != TYPEFUNC_COMPOSITE)                                 \
			elog(ERROR, "return type must be a row type");                                                             \
		rsi->returnMode = SFRM_Materialize;                                                                            \
		rsi->setResult = tuplestore_begin_heap(true, false, work_mem);                                                 \
		MemoryContextSwitchTo(old);                                                                                    \
	} while (0)
#endif

/* How far the WAL is flushed. */
#if PG_VERSION_NUM >= 150000
#define wc_flush_ptr() GetFlushRecPtr(NULL)
#else
#define wc_flush_ptr() GetFlushRecPtr()
#endif

/*
 * Are there synchronous standbys, as SyncRepWaitForLSN() sees it?  Minor versions
 * changed what it looks at.
 */
#ifdef SYNC_STANDBY_DEFINED
#define wc_sync_standbys_defined()                                                                                     \
	((WalSndCtl->sync_standbys_status & SYNC_STANDBY_INIT) != 0                                                        \
		 ? (WalSndCtl->sync_standbys_status & SYNC_STANDBY_DEFINED) != 0                                               \
		 : SyncRepStandbyNames != NULL && SyncRepStandbyNames[0] != '\0')
#else
#define wc_sync_standbys_defined() (WalSndCtl->sync_standbys_defined)
#endif

/* A random number from 0 to 1, for jitter. */
#if PG_VERSION_NUM >= 150000
#define wc_random_fraction() pg_prng_double(&pg_global_prng_state)
#else
#define wc_random_fraction() ((double) random() / ((double) MAX_RANDOM_VALUE + 1))
#endif

/*
 * The planner's door, and where it is told of a table's size: what the functions behind these
 * hooks take, and what they pass on.  For who includes optimizer/planner.h.
 */
#if PG_VERSION_NUM >= 190000
#define WC_PLANNER_ARGS	 Query *query, const char *text, int options, ParamListInfo params, ExplainState *explain
#define WC_PLANNER_GIVEN query, text, options, params, explain
#define WC_TABLE_ARGS	 PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *entry
#define WC_TABLE_GIVEN	 root, rel, entry
#define wc_table_hook	 build_simple_rel_hook
typedef build_simple_rel_hook_type wc_table_hook_type;
#else
#define WC_PLANNER_ARGS	 Query *query, const char *text, int options, ParamListInfo params
#define WC_PLANNER_GIVEN query, text, options, params
#define WC_TABLE_ARGS	 PlannerInfo *root, Oid relation, bool inherited, RelOptInfo *rel
#define WC_TABLE_GIVEN	 root, relation, inherited, rel
#define wc_table_hook	 get_relation_info_hook
typedef get_relation_info_hook_type wc_table_hook_type;
#endif

/* What die() takes of the handler that calls it. */
#if PG_VERSION_NUM >= 190000
#define WC_SIGNAL_GIVEN postgres_signal_arg, pg_siginfo
#else
#define WC_SIGNAL_GIVEN postgres_signal_arg
#endif

/* A jsonb value under way, zeroed at first; its result is there when it is whole. */
#if PG_VERSION_NUM >= 190000
typedef JsonbInState wc_jsonb_build;
#define wc_jsonb_push(build, token, value) pushJsonbValue((build), (token), (value))
#else
typedef struct wc_jsonb_build
{
	JsonbValue *result;
	JsonbParseState *stack;
} wc_jsonb_build;
#define wc_jsonb_push(build, token, value)                                                                             \
	((void) ((build)->result = pushJsonbValue(&(build)->stack, (token), (value))))
#endif

#endif /* WC_COMPAT_H */
