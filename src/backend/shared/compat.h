/*
 * compat.h
 *	  What differs between PostgreSQL 14 and 18, in one place.
 */
#ifndef WC_COMPAT_H
#define WC_COMPAT_H

#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "storage/latch.h"
#include "utils/acl.h"
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
#if PG_VERSION_NUM >= 160000
#define wc_insert_index_tuples(result, slot, estate)                                                                   \
	((result)->ri_NumIndices > 0 ? ExecInsertIndexTuples((result), (slot), (estate), false, false, NULL, NIL, false)   \
								 : NIL)
#else
#define wc_insert_index_tuples(result, slot, estate)                                                                   \
	((result)->ri_NumIndices > 0 ? ExecInsertIndexTuples((result), (slot), (estate), false, false, NULL, NIL) : NIL)
#endif

/* The same where another row with one of the arbiters' keys may have come meanwhile. */
#if PG_VERSION_NUM >= 160000
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
#if PG_VERSION_NUM >= 180000
#define wc_index_beginscan(table, index, snapshot, nkeys)                                                              \
	index_beginscan((table), (index), (snapshot), NULL, (nkeys), 0)
#else
#define wc_index_beginscan(table, index, snapshot, nkeys) index_beginscan((table), (index), (snapshot), (nkeys), 0)
#endif

/* What an update says of the new row's index entries, and how those that it needs are made. */
#if PG_VERSION_NUM >= 160000
typedef TU_UpdateIndexes wc_update_indexes;
#define wc_update_needs_entries(which) ((which) != TU_None)
#define wc_insert_index_tuples_of_update(result, slot, estate, which)                                                  \
	list_free(ExecInsertIndexTuples((result), (slot), (estate), false, false, NULL, NIL, (which) == TU_Summarizing))
#else
typedef bool wc_update_indexes;
#define wc_update_needs_entries(which) (which)
#define wc_insert_index_tuples_of_update(result, slot, estate, which)                                                  \
	list_free(ExecInsertIndexTuples((result), (slot), (estate), false, false, NULL, NIL))
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

#endif /* WC_COMPAT_H */
