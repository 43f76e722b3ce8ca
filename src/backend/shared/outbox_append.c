/*
 * outbox_append.c
 *	  Appending work orders to the outbox (doc/decisions/0003-outbox.md).
 *
 * The clock says which child is written to.  A session whose clock or
 * transaction lags behind writes to another one, which is harmless: the
 * worker reads them all, and truncates one only while nobody can write to it
 * and nothing in it is left to do.
 */
#include "postgres.h"

#include <time.h>

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"
#include "utils/xid8.h"

#include "shared/compat.h"
#include "shared/extension_version.h"
#include "shared/outbox_append.h"
#include "shared/restores.h"
#include "shared/shmem.h"

/* How long one child is written to, in seconds. */
#define CHILD_SECONDS 60

bool wc_own_insert = false;
bool wc_outbox_touched = false;

int
wc_outbox_current(void)
{
	return (int) ((uint64) time(NULL) / CHILD_SECONDS % 3);
}

/* Our relations as this process has looked them up, until one changes. */
typedef struct KnownRelation
{
	NameData name;
	Oid oid;
} KnownRelation;

#define KNOWN_RELATIONS 16

static KnownRelation known[KNOWN_RELATIONS];
static int nknown = 0;

static void
relation_changed(Datum arg, Oid relation)
{
	int i;

	for (i = nknown - 1; i >= 0; i--)
	{
		if (relation == InvalidOid || known[i].oid == relation)
			known[i] = known[--nknown];
	}
}

static void
schema_changed(Datum arg, int cache_id, uint32 hash)
{
	nknown = 0;
}

static void
know_relation(const char *name, Oid oid)
{
	static bool watching = false;

	if (!watching)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, schema_changed, (Datum) 0);
		watching = true;
	}
	if (nknown == KNOWN_RELATIONS)
		nknown = 0;
	namestrcpy(&known[nknown].name, name);
	known[nknown++].oid = oid;
}

/* One of webchatt's relations; an error when it is not there. */
Oid
wc_relation(const char *name)
{
	Oid oid;
	int i;

	for (i = 0; i < nknown; i++)
	{
		if (strcmp(NameStr(known[i].name), name) == 0)
			return known[i].oid;
	}
	oid = get_relname_relid(name, get_namespace_oid("webchatt", false));
	if (!OidIsValid(oid))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("webchatt.%s is missing", name),
						errhint("Is the extension webchatt created in this database?")));
	know_relation(name, oid);
	return oid;
}

/* Does the index take a row's columns as they are?  Ours do; somebody may have added others. */
static bool
is_plain(Relation index)
{
	int i;

	if (index->rd_rel->relam != BTREE_AM_OID || index->rd_index->indisunique || !index->rd_index->indisready ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		return false;
	for (i = 0; i < IndexRelationGetNumberOfAttributes(index); i++)
	{
		if (index->rd_index->indkey.values[i] <= 0)
			return false;
	}
	return true;
}

/* Nor can we keep one that does not take columns alone. */
static void
check_index(Relation index)
{
	if (heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, NULL) &&
		heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("index %s of the outbox has an expression or a condition", RelationGetRelationName(index)),
			 errhint("The outbox is webchatt's own, and its indexes can be on columns only: DROP INDEX webchatt.%s.",
					 quote_identifier(RelationGetRelationName(index)))));
}

static void
insert_key(Relation rel, Relation index, HeapTuple tuple, const Datum *values, const bool *nulls)
{
	Datum key[INDEX_MAX_KEYS];
	bool key_nulls[INDEX_MAX_KEYS];
	IndexInfo info;
	int i;

	memset(&info, 0, sizeof(info));
	info.type = T_IndexInfo;
	info.ii_NumIndexAttrs = IndexRelationGetNumberOfAttributes(index);
	info.ii_NumIndexKeyAttrs = IndexRelationGetNumberOfKeyAttributes(index);
	info.ii_ReadyForInserts = true;
	info.ii_Am = index->rd_rel->relam;
	info.ii_Context = CurrentMemoryContext;
	for (i = 0; i < info.ii_NumIndexAttrs; i++)
	{
		AttrNumber at = index->rd_index->indkey.values[i];

		info.ii_IndexAttrNumbers[i] = at;
		key[i] = values[at - 1];
		key_nulls[i] = nulls[at - 1];
	}
	index_insert(index, key, key_nulls, &tuple->t_self, rel, UNIQUE_CHECK_NO, false, &info);
}

/*
 * The row goes into table and indexes directly: nothing hangs on the outbox
 * that an executor would have to look after.
 */
static void
insert_row(Relation rel, const Datum *values, const bool *nulls)
{
	HeapTuple tuple = heap_form_tuple(RelationGetDescr(rel), unconstify(Datum *, values), unconstify(bool *, nulls));
	List *oids = RelationGetIndexList(rel);
	List *indexes = NIL;
	bool all_plain = true;
	ListCell *lc;

	foreach (lc, oids)
	{
		Relation index = index_open(lfirst_oid(lc), RowExclusiveLock);

		indexes = lappend(indexes, index);
		if (!is_plain(index))
		{
			check_index(index);
			all_plain = false;
		}
	}
	if (all_plain)
		heap_insert(rel, tuple, GetCurrentCommandId(true), 0, NULL);
	else
		CatalogTupleInsert(rel, tuple);
	foreach (lc, indexes)
	{
		if (all_plain)
			insert_key(rel, lfirst(lc), tuple, values, nulls);
		index_close(lfirst(lc), NoLock);
	}
	list_free(indexes);
	list_free(oids);
	heap_freetuple(tuple);
}

/* Append one work order and wake the worker at commit.  seq NULL: the next one. */
void
wc_outbox_append(int hub_id, char op, const pg_uuid_t *channel, const char *visitor, const pg_uuid_t *message,
				 const int64 *seq, const TimestampTz *expires)
{
	wc_outbox_append_note(hub_id, op, channel, visitor, message, seq, expires, NULL);
}

/* The same with a text that goes with it (NULL: none). */
void
wc_outbox_append_note(int hub_id, char op, const pg_uuid_t *channel, const char *visitor, const pg_uuid_t *message,
					  const int64 *seq, const TimestampTz *expires, const char *note)
{
	static const char *const children[] = {"outbox_0", "outbox_1", "outbox_2"};
	Datum values[WC_OUTBOX_COLUMNS];
	bool nulls[WC_OUTBOX_COLUMNS] = {false};
	Relation rel;

	/* no statement has asked: on a standby, say */
	PreventCommandIfReadOnly("INSERT");
	rel = table_open(wc_relation(children[wc_outbox_current()]), RowExclusiveLock);
	values[WC_OUTBOX_XID] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	values[WC_OUTBOX_SEQ] = Int64GetDatum(seq ? *seq : nextval_internal(wc_relation("outbox_seq"), false));
	values[WC_OUTBOX_HUB] = Int32GetDatum(hub_id);
	values[WC_OUTBOX_OP] = CharGetDatum(op);
	values[WC_OUTBOX_CHANNEL] = UUIDPGetDatum(channel);
	values[WC_OUTBOX_VISITOR] = visitor ? CStringGetTextDatum(visitor) : (Datum) 0;
	values[WC_OUTBOX_MESSAGE] = UUIDPGetDatum(message);
	values[WC_OUTBOX_EXPIRES] = expires ? TimestampTzGetDatum(*expires) : (Datum) 0;
	values[WC_OUTBOX_NOTE] = note ? CStringGetTextDatum(note) : (Datum) 0;
	nulls[WC_OUTBOX_NOTE] = note == NULL;
	nulls[WC_OUTBOX_CHANNEL] = channel == NULL;
	nulls[WC_OUTBOX_VISITOR] = visitor == NULL;
	nulls[WC_OUTBOX_MESSAGE] = message == NULL;
	nulls[WC_OUTBOX_EXPIRES] = expires == NULL;
	insert_row(rel, values, nulls);
	table_close(rel, NoLock);
	wc_outbox_touched = true;
	wc_wake_at_commit(hub_id == 0);
}

/* Statement trigger on hubs, channels and webhooks. */
WC_FUNCTION(webchatt_config_changed)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("webchatt._config_changed() is a trigger function")));
	wc_note_restore();
	/* sessions remember channels: see send.c */
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	wc_outbox_append(0, 'c', NULL, NULL, NULL, NULL, NULL);
	return PointerGetDatum(NULL);
}

/*
 * Statement trigger on messages: what a restore or a person inserted has no
 * work order, so the worker is asked to look for it.
 */
WC_FUNCTION(webchatt_messages_inserted)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("webchatt._messages_inserted() is a trigger function")));
	wc_note_restore();
	if (!wc_own_insert)
		wc_outbox_append(0, 'd', NULL, NULL, NULL, NULL, NULL);
	return PointerGetDatum(NULL);
}

/* Statement trigger on webhook_retries: the worker is to make them. */
WC_FUNCTION(webchatt_retries_asked)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("webchatt._retries_asked() is a trigger function")));
	wc_outbox_append(0, 'w', NULL, NULL, NULL, NULL, NULL);
	return PointerGetDatum(NULL);
}

/* Statement trigger on agent_sessions: who has a desk open in one that is gone is to hear it at once. */
WC_FUNCTION(webchatt_desk_sessions_ended)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("webchatt._desk_sessions_ended() is a trigger function")));
	/* a DELETE that found none */
	if (trigger->tg_oldtable == NULL || tuplestore_tuple_count(trigger->tg_oldtable) > 0)
		wc_outbox_append(0, 'u', NULL, NULL, NULL, NULL, NULL);
	return PointerGetDatum(NULL);
}
