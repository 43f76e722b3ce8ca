/*
 * message_reads.c
 *	  Messages that are queued still, read by their keys without a statement:
 *	  hundreds in each turn, for which an executor's nodes cost more than the rows.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "outbound/message_reads.h"
#include "shared/compat.h"
#include "shared/outbox_append.h"

typedef struct Reader
{
	Relation rel;
	Relation key;
	AttrNumber content;
	AttrNumber status;
	AttrNumber author;
	Oid queued; /* the status */
	IndexScanDesc scan;
	TupleTableSlot *slot;
} Reader;

/* May we, with nobody and no policy to be asked, read what we know how to read? */
static bool
is_plain(Relation rel)
{
	Oid relation = RelationGetRelid(rel);

	return rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_rel->relam == HEAP_TABLE_AM_OID &&
		   rel->rd_rules == NULL && !rel->rd_rel->relhassubclass && !IsInParallelMode() &&
		   ExecutorCheckPerms_hook == NULL && pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		   (!rel->rd_rel->relrowsecurity || check_enable_rls(relation, InvalidOid, true) != RLS_ENABLED);
}

/* False: the columns are not as we know them. */
static bool
find_columns(Reader *r)
{
	Oid relation = RelationGetRelid(r->rel);

	r->content = get_attnum(relation, "content");
	r->status = get_attnum(relation, "status");
	r->author = get_attnum(relation, "author");
	if (r->content <= 0 || r->status <= 0 || r->author <= 0 || get_atttype(relation, r->content) != JSONBOID ||
		get_atttype(relation, r->author) != TEXTOID)
		return false;
	r->queued = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(get_atttype(relation, r->status)),
								CStringGetDatum("queued"));
	return OidIsValid(r->queued);
}

/* Is it the primary key as we know it: a channel, and an id? */
static bool
is_key(Relation rel, Relation index)
{
	const FormData_pg_index *form = index->rd_index;

	return form->indrelid == RelationGetRelid(rel) && index->rd_rel->relam == BTREE_AM_OID && form->indisvalid &&
		   form->indisunique && form->indnkeyatts == 2 &&
		   form->indkey.values[0] == get_attnum(form->indrelid, "channel_id") &&
		   form->indkey.values[1] == get_attnum(form->indrelid, "id") && index->rd_opcintype[0] == UUIDOID &&
		   index->rd_opcintype[1] == UUIDOID;
}

/* Of the row in the slot.  Somebody who wants it away may have allowed it to be null: then there is nothing to be sent. */
static void
take_content(Reader *r, MessageRead *read)
{
	bool isnull;
	Datum content = slot_getattr(r->slot, r->content, &isnull);
	Jsonb *json;

	if (isnull)
		return;
	json = DatumGetJsonbP(content);
	read->content = JsonbToCString(NULL, &json->root, VARSIZE(json));
	read->place = r->slot->tts_tid;
	if ((void *) json != DatumGetPointer(content))
		pfree(json);
}

static void
take_author(Reader *r, MessageRead *read)
{
	bool isnull;
	Datum author = slot_getattr(r->slot, r->author, &isnull);

	if (!isnull)
		read->author = TextDatumGetCString(author);
}

static void
read_one(Reader *r, MessageRead *read)
{
	ScanKeyData keys[2];
	bool isnull;

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(read->channel));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(read->id));
	index_rescan(r->scan, keys, 2, NULL, 0);
	if (index_getnext_slot(r->scan, ForwardScanDirection, r->slot) &&
		DatumGetObjectId(slot_getattr(r->slot, r->status, &isnull)) == r->queued)
	{
		take_content(r, read);
		if (read->with_author)
			take_author(r, read);
	}
	ExecClearTuple(r->slot);
}

static void
read_all(Reader *r, MessageRead *reads, int n)
{
	int i;

	CommandCounterIncrement(); /* what this turn has written is to be seen */
	PushActiveSnapshot(GetTransactionSnapshot());
	r->slot = table_slot_create(r->rel, NULL);
	r->scan = wc_index_beginscan(r->rel, r->key, GetActiveSnapshot(), 2);
	for (i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		read_one(r, &reads[i]);
	}
	index_endscan(r->scan);
	ExecDropSingleTupleTableSlot(r->slot);
	PopActiveSnapshot();
}

bool
message_reads(MessageRead *reads, int n)
{
	Reader r = {.rel = table_open(wc_relation("messages"), AccessShareLock)};
	bool done = false;
	Oid key = InvalidOid;

	if (is_plain(r.rel) && find_columns(&r))
		key = get_relname_relid("messages_pkey", RelationGetNamespace(r.rel));
	if (OidIsValid(key))
	{
		r.key = index_open(key, AccessShareLock);
		done = is_key(r.rel, r.key);
		if (done)
			read_all(&r, reads, n);
		index_close(r.key, NoLock);
	}
	table_close(r.rel, NoLock);
	return done;
}
