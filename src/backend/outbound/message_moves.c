/*
 * message_moves.c
 *	  Messages move on by the places of their rows, as they were read when the
 *	  messages were taken: no row is looked for again.
 *
 * A row that is not at its place any more as it was, queued, was changed by somebody, or
 * VACUUM gave its place away.  That is rare: the statement finds it by its key.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "outbound/message_moves.h"
#include "shared/compat.h"
#include "shared/outbox_append.h"

/* The columns by which a row is known, and those that change. */
typedef enum Part
{
	PART_CHANNEL,
	PART_ID,
	PART_STATUS,
	PART_STATUS_AT,
	PART_ERROR_CODE,
	PART_ERROR_MESSAGE,
	PARTS
} Part;

static const char *const part_names[PARTS] = {[PART_CHANNEL] = "channel_id",	[PART_ID] = "id",
											  [PART_STATUS] = "status",			[PART_STATUS_AT] = "status_at",
											  [PART_ERROR_CODE] = "error_code", [PART_ERROR_MESSAGE] = "error_message"};

typedef struct Moves
{
	Relation rel;
	AttrNumber parts[PARTS];
	Oid status_type;
	Oid queued;
	const char *means; /* the last row's, and its label */
	Oid label;
	TupleTableSlot *was;
	TupleTableSlot *is;
	BlockNumber blocks; /* it has: nobody shortens it while we have its lock */
	EState *estate;		/* with the table's indexes open; NULL: no row needed them yet */
	ResultRelInfo *result;
} Moves;

/* May rows of this table be changed so, by this role?  Whether it has triggers, the caller knows. */
static bool
is_plain(Relation rel)
{
	const TupleConstr *constr = RelationGetDescr(rel)->constr;
	Oid relation = RelationGetRelid(rel);

	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relam != HEAP_TABLE_AM_OID ||
		rel->rd_rel->relispartition || rel->rd_rules != NULL)
		return false;
	if (constr != NULL && (constr->num_check > 0 || constr->has_generated_stored))
		return false;
	if (XactReadOnly || IsInParallelMode() || ExecutorCheckPerms_hook != NULL ||
		pg_class_aclcheck(relation, GetUserId(), ACL_UPDATE) != ACLCHECK_OK)
		return false;
	return !rel->rd_rel->relrowsecurity || check_enable_rls(relation, GetUserId(), true) != RLS_ENABLED;
}

static Oid
label_of(Oid type, const char *word)
{
	return GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(type), CStringGetDatum(word));
}

/* False: the table is not as we know it. */
static bool
find_parts(Moves *m)
{
	TupleDesc desc = RelationGetDescr(m->rel);
	int i;

	for (i = 0; i < PARTS; i++)
	{
		m->parts[i] = get_attnum(RelationGetRelid(m->rel), part_names[i]);
		if (m->parts[i] <= 0)
			return false;
	}
	if (TupleDescAttr(desc, m->parts[PART_ERROR_CODE] - 1)->attnotnull ||
		TupleDescAttr(desc, m->parts[PART_ERROR_MESSAGE] - 1)->attnotnull)
		return false;
	m->status_type = TupleDescAttr(desc, m->parts[PART_STATUS] - 1)->atttypid;
	m->queued = label_of(m->status_type, "queued");
	return OidIsValid(m->queued);
}

/* The label of what follows "queued"; InvalidOid: that is not certain. */
static Oid
label_behind_queued(Moves *m, const char *means)
{
	static const char *const behind[] = {"enqueued", "sent", "delivered", "read"};
	size_t i;

	if (m->means != NULL && strcmp(m->means, means) == 0)
		return m->label;
	m->means = means;
	m->label = InvalidOid;
	for (i = 0; i < lengthof(behind); i++)
	{
		if (strcmp(means, behind[i]) == 0)
			m->label = label_of(m->status_type, means);
	}
	return m->label;
}

/* Is the row that was read a moment ago the message's, and is that still queued? */
static bool
is_queued(const Moves *m, const EndRow *row)
{
	bool isnull;
	Datum channel = slot_getattr(m->was, m->parts[PART_CHANNEL], &isnull);
	Datum id = slot_getattr(m->was, m->parts[PART_ID], &isnull);

	return memcmp(DatumGetUUIDP(channel), row->channel, UUID_LEN) == 0 &&
		   memcmp(DatumGetUUIDP(id), row->message, UUID_LEN) == 0 &&
		   DatumGetObjectId(slot_getattr(m->was, m->parts[PART_STATUS], &isnull)) == m->queued;
}

/* The row as it is to be, in m->is. */
static void
fill_new(Moves *m, Oid label)
{
	TupleTableSlot *slot = m->is;
	Datum *values = slot->tts_values;
	bool *nulls = slot->tts_isnull;
	int natts = RelationGetDescr(m->rel)->natts;

	ExecClearTuple(slot);
	slot_getallattrs(m->was);
	memcpy(values, m->was->tts_values, sizeof(Datum) * natts);
	memcpy(nulls, m->was->tts_isnull, sizeof(bool) * natts);
	values[m->parts[PART_STATUS] - 1] = ObjectIdGetDatum(label);
	values[m->parts[PART_STATUS_AT] - 1] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	nulls[m->parts[PART_ERROR_CODE] - 1] = nulls[m->parts[PART_ERROR_MESSAGE] - 1] = true;
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(m->rel);
}

/* Its page had no room, or an index has what changed: the new row has entries of its own. */
static void
add_entries(Moves *m, wc_update_indexes which)
{
	if (m->estate == NULL)
	{
		m->estate = CreateExecutorState();
		m->result = makeNode(ResultRelInfo);
		InitResultRelInfo(m->result, m->rel, 0, NULL, 0);
		ExecOpenIndices(m->result, false);
	}
	wc_insert_index_tuples_of_update(m->result, m->is, m->estate, which);
	ResetPerTupleExprContext(m->estate);
}

static bool
move(Moves *m, const EndRow *row, Snapshot snapshot, CommandId command)
{
	Oid label = label_behind_queued(m, row->means);
	ItemPointerData place = row->place;
	wc_update_indexes which;
	TM_FailureData failure;
	LockTupleMode lock;
	TM_Result done;

	/* a table that was written anew, or truncated, may end before the place */
	if (!OidIsValid(label) || !ItemPointerIsValid(&place) || ItemPointerGetBlockNumber(&place) >= m->blocks ||
		!table_tuple_fetch_row_version(m->rel, &place, snapshot, m->was) || !is_queued(m, row))
		return false;
	fill_new(m, label);
	done = wc_table_tuple_update(m->rel, &place, m->is, command, snapshot, &failure, &lock, &which);
	if (done != TM_Ok)
		return false;
	if (wc_update_needs_entries(which))
		add_entries(m, which);
	return true;
}

static void
close_moves(Moves *m)
{
	ExecDropSingleTupleTableSlot(m->is);
	ExecDropSingleTupleTableSlot(m->was);
	if (m->estate == NULL)
		return;
	ExecCloseIndices(m->result);
	FreeExecutorState(m->estate);
}

void
message_moves_write(const EndRow *rows, int n, bool *moved)
{
	Moves m = {.rel = table_open(wc_relation("messages"), RowExclusiveLock)};
	CommandId command;
	int i;

	memset(moved, 0, sizeof(bool) * n);
	if (is_plain(m.rel) && find_parts(&m))
	{
		CheckCmdReplicaIdentity(m.rel, CMD_UPDATE);
		CommandCounterIncrement(); /* what this turn has changed is to be seen */
		command = GetCurrentCommandId(true);
		PushActiveSnapshot(GetTransactionSnapshot());
		m.blocks = RelationGetNumberOfBlocks(m.rel);
		m.was = table_slot_create(m.rel, NULL);
		m.is = MakeSingleTupleTableSlot(RelationGetDescr(m.rel), &TTSOpsVirtual);
		for (i = 0; i < n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			moved[i] = move(&m, &rows[i], GetActiveSnapshot(), command);
			ExecClearTuple(m.was);
		}
		close_moves(&m);
		PopActiveSnapshot();
		CommandCounterIncrement();
	}
	table_close(m.rel, NoLock);
}
