/*
 * outbox_rows.c
 *	  Rows of the outbox, in order: by its index, or those that a statement found.
 *
 * Most looks at the outbox find little or nothing, and then starting a statement
 * over its three tables costs several times what there is to read.  So its index
 * is read as the catalogs' are: nothing hangs on the outbox that an executor would
 * have to look after (see also shared/outbox_append.c).
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/itup.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"

#include "outbound/outbox_rows.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/outbox_append.h"
#include "shared/statements.h"

/* The index: hub_id, xid, seq. */
static const AttrNumber order[] = {WC_OUTBOX_HUB + 1, WC_OUTBOX_XID + 1, WC_OUTBOX_SEQ + 1};

/* A table's rows of a part, as they are found. */
typedef struct PartScan
{
	const OutboxPart *part;
	int child;
	int most; /* rows that are wanted of it */
	Relation rel;
	Relation order;
	Snapshot snapshot;
	IndexScanDesc index; /* NULL: none is begun */
	TupleTableSlot *slot;
	OutboxRow *rows;
	int n;
	int size;
} PartScan;

static bool
is_order(Relation index)
{
	int i;

	if (index->rd_rel->relam != BTREE_AM_OID || !index->rd_index->indisvalid ||
		RelationGetIndexPredicate(index) != NIL || IndexRelationGetNumberOfKeyAttributes(index) < (int) lengthof(order))
		return false;
	for (i = 0; i < (int) lengthof(order); i++)
	{
		if (index->rd_index->indkey.values[i] != order[i] || index->rd_indoption[i] != 0)
			return false;
	}
	return true;
}

/* The index by which a table is read, opened; NULL: somebody has dropped it. */
static Relation
open_order(Relation rel)
{
	List *oids = RelationGetIndexList(rel);
	Relation index = NULL;
	ListCell *lc;

	foreach (lc, oids)
	{
		index = index_open(lfirst_oid(lc), AccessShareLock);
		if (is_order(index))
			break;
		index_close(index, NoLock);
		index = NULL;
	}
	list_free(oids);
	return index;
}

/* The first transaction of the part that is not before this one; 0: none is. */
static uint64
next_wanted(const OutboxPart *part, uint64 xid)
{
	int low = 0;
	int high = part->nxids;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (part->xids[middle] < xid)
			low = middle + 1;
		else
			high = middle;
	}
	if (part->before == 0)
		return low < part->nxids ? part->xids[low] : 0;
	for (; low < part->nxids && part->xids[low] == xid; low++)
		xid++;
	return xid < part->before ? xid : 0;
}

static Datum
value_of(const PartScan *scan, int column, bool *isnull)
{
	return slot_getattr(scan->slot, column + 1, isnull);
}

static const pg_uuid_t *
uuid_of(const PartScan *scan, int column)
{
	bool isnull;
	Datum d = value_of(scan, column, &isnull);
	pg_uuid_t *uuid;

	if (isnull)
		return NULL;
	uuid = palloc(sizeof(pg_uuid_t));
	*uuid = *DatumGetUUIDP(d);
	return uuid;
}

static const char *
text_of(const PartScan *scan, int column)
{
	bool isnull;
	Datum d = value_of(scan, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(d);
}

/* The slot's row, which leaves with the next. */
static void
add_row(PartScan *scan, uint64 xid)
{
	OutboxRow *row;
	bool isnull;
	Datum d;

	if (scan->n == scan->size)
	{
		scan->size = scan->size == 0 ? 16 : scan->size * 2;
		scan->rows = scan->rows == NULL ? palloc(sizeof(OutboxRow) * scan->size)
										: repalloc(scan->rows, sizeof(OutboxRow) * scan->size);
	}
	row = &scan->rows[scan->n++];
	memset(row, 0, sizeof(*row));
	row->worth = 1;
	row->child = scan->child;
	row->bulk = scan->part->hub_id < 0;
	row->xid = xid;
	row->seq = DatumGetInt64(value_of(scan, WC_OUTBOX_SEQ, &isnull));
	row->op = DatumGetChar(value_of(scan, WC_OUTBOX_OP, &isnull));
	row->channel = uuid_of(scan, WC_OUTBOX_CHANNEL);
	row->visitor = text_of(scan, WC_OUTBOX_VISITOR);
	row->message = uuid_of(scan, WC_OUTBOX_MESSAGE);
	d = value_of(scan, WC_OUTBOX_EXPIRES, &isnull);
	row->expires = isnull ? 0 : DatumGetTimestampTz(d);
	row->note = text_of(scan, WC_OUTBOX_NOTE);
}

static Datum
xid_datum(uint64 xid)
{
	return FullTransactionIdGetDatum(FullTransactionIdFromU64(xid));
}

static void
end_scan(PartScan *scan)
{
	if (scan->index != NULL)
		index_endscan(scan->index);
	scan->index = NULL;
}

/* Begin with the lane's rows of this transaction behind seq, or those from it on (not one). */
static void
seek(PartScan *scan, uint64 xid, int64 seq, bool one)
{
	ScanKeyData keys[lengthof(order)];
	int nkeys = one ? 3 : 2;

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(scan->part->hub_id));
	ScanKeyInit(&keys[1], 2, one ? BTEqualStrategyNumber : BTGreaterEqualStrategyNumber, one ? F_XID8EQ : F_XID8GE,
				xid_datum(xid));
	ScanKeyInit(&keys[2], 3, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(seq));
	/* a scan has as many keys as it was begun with */
	if (scan->index != NULL && scan->index->numberOfKeys != nkeys)
		end_scan(scan);
	if (scan->index == NULL)
		scan->index = wc_index_beginscan(scan->rel, scan->order, scan->snapshot, nkeys);
	scan->index->xs_want_itup = true;
	index_rescan(scan->index, keys, nkeys, NULL, 0);
}

/*
 * The next row's transaction; 0: there is none.  The row is in the slot if that is wanted; else
 * nobody has looked whether it is there: of one that is under way there may be a million.
 */
static uint64
next_row(PartScan *scan)
{
	while (index_getnext_tid(scan->index, ForwardScanDirection) != NULL)
	{
		bool isnull;
		Datum d = index_getattr(scan->index->xs_itup, 2, scan->index->xs_itupdesc, &isnull);
		uint64 xid = U64FromFullTransactionId(DatumGetFullTransactionId(d));

		if (next_wanted(scan->part, xid) != xid || index_fetch_heap(scan->index, scan->slot))
			return xid;
	}
	return 0;
}

/*
 * From wanted transaction to wanted transaction: what lies between two that have rows
 * is passed over, and those that have none cost nothing.
 */
static void
scan_part(PartScan *scan)
{
	const OutboxPart *part = scan->part;
	uint64 wanted = next_wanted(part, part->xid);
	uint64 at;

	if (wanted == part->xid)
	{
		if (part->seq < PG_INT64_MAX)
		{
			seek(scan, wanted, part->seq, true);
			while (scan->n < scan->most && next_row(scan) != 0)
				add_row(scan, wanted);
		}
		wanted = next_wanted(part, wanted + 1);
	}
	while (wanted != 0 && scan->n < scan->most)
	{
		seek(scan, wanted, 0, false);
		while ((at = next_row(scan)) != 0 && (wanted = next_wanted(part, at)) == at)
		{
			add_row(scan, at);
			if (scan->n == scan->most)
				return;
		}
		if (at == 0)
			return;
	}
}

/* False: it has not the index. */
static bool
scan_child(PartScan *scan, Snapshot snapshot)
{
	static const char *const children[] = {"outbox_0", "outbox_1", "outbox_2"};
	Relation rel = table_open(wc_relation(children[scan->child]), AccessShareLock);
	bool is_empty = RelationGetNumberOfBlocks(rel) == 0; /* truncated, as two of the three mostly are */
	Relation index = is_empty ? NULL : open_order(rel);

	if (index != NULL)
	{
		scan->rel = rel;
		scan->order = index;
		scan->snapshot = snapshot;
		scan->slot = table_slot_create(rel, NULL);
		scan_part(scan);
		end_scan(scan);
		ExecDropSingleTupleTableSlot(scan->slot);
		index_close(index, NoLock);
	}
	table_close(rel, NoLock);
	return is_empty || index != NULL;
}

static int
compare_rows(const void *a, const void *b)
{
	const OutboxRow *x = a;
	const OutboxRow *y = b;

	if (x->xid != y->xid)
		return x->xid < y->xid ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void
row_of(HeapTuple tuple, TupleDesc desc, OutboxRow *row)
{
	bool isnull;
	Datum d;
	text *visitor;

	memset(row, 0, sizeof(*row));
	row->worth = 1;
	d = SPI_getbinval(tuple, desc, 1, &isnull);
	row->xid = U64FromFullTransactionId(DatumGetFullTransactionId(d));
	row->seq = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
	row->op = DatumGetChar(SPI_getbinval(tuple, desc, 3, &isnull));
	d = SPI_getbinval(tuple, desc, 4, &isnull);
	row->channel = isnull ? NULL : DatumGetUUIDP(d);
	d = SPI_getbinval(tuple, desc, 5, &isnull);
	visitor = isnull ? NULL : DatumGetTextPP(d);
	row->visitor = visitor ? text_to_cstring(visitor) : NULL;
	d = SPI_getbinval(tuple, desc, 6, &isnull);
	row->message = isnull ? NULL : DatumGetUUIDP(d);
	d = SPI_getbinval(tuple, desc, 7, &isnull);
	row->expires = isnull ? 0 : DatumGetTimestampTz(d);
	d = SPI_getbinval(tuple, desc, 8, &isnull);
	row->note = isnull ? NULL : TextDatumGetCString(d);
	row->child = DatumGetInt32(SPI_getbinval(tuple, desc, 9, &isnull));
	row->bulk = DatumGetInt32(SPI_getbinval(tuple, desc, 10, &isnull)) < 0;
}

/* The rows of SPI_tuptable, as the statements of sql/worker/outbox.sql give them, for as long as that is there. */
OutboxRows
outbox_rows_fetched(void)
{
	OutboxRows found = {palloc(sizeof(OutboxRow) * Max(SPI_processed, 1)), (int) SPI_processed};
	int i;

	for (i = 0; i < found.n; i++)
		row_of(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, &found.rows[i]);
	return found;
}

/* False: a table has not the index. */
static bool
scan_children(const OutboxPart *part, int limit, OutboxRows *found)
{
	PartScan scan = {.part = part};
	Snapshot snapshot;
	bool whole = true;
	bool sorted = true;

	CommandCounterIncrement(); /* we may have appended ourselves */
	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	for (scan.child = 0; scan.child < 3 && whole; scan.child++)
	{
		int before = scan.n;

		scan.most = before + limit;
		whole = scan_child(&scan, snapshot);
		sorted = sorted && (before == 0 || scan.n == before);
	}
	UnregisterSnapshot(snapshot);
	if (!sorted)
		qsort(scan.rows, scan.n, sizeof(OutboxRow), compare_rows);
	found->rows = scan.rows;
	found->n = Min(scan.n, limit);
	return whole;
}

static void
run_late(const OutboxPart *part, int limit)
{
	WcColumn *late = wc_column(XID8OID, part->nxids);
	Datum args[WC_READ_LATE_PARAMETERS];
	int i;

	for (i = 0; i < part->nxids; i++)
		wc_column_add(late, xid_datum(part->xids[i]));
	args[0] = Int32GetDatum(part->hub_id);
	args[1] = wc_column_array(late);
	args[2] = xid_datum(part->xid);
	args[3] = Int64GetDatum(part->seq);
	args[4] = Int32GetDatum(limit);
	wc_run(WC_READ_LATE, args, NULL);
}

static void
run_next(const OutboxPart *part, int limit)
{
	Datum args[WC_READ_NEXT_PARAMETERS];
	StringInfoData snapshot;
	int i;

	initStringInfo(&snapshot);
	appendStringInfo(&snapshot, UINT64_FORMAT ":" UINT64_FORMAT ":", part->nxids > 0 ? part->xids[0] : part->before,
					 part->before);
	for (i = 0; i < part->nxids; i++)
		appendStringInfo(&snapshot, "%s" UINT64_FORMAT, i ? "," : "", part->xids[i]);
	args[0] = Int32GetDatum(part->hub_id);
	args[1] = xid_datum(part->xid);
	args[2] = Int64GetDatum(part->seq);
	args[3] = xid_datum(part->before);
	args[4] = CStringGetTextDatum(snapshot.data);
	args[5] = Int32GetDatum(limit);
	wc_run(WC_READ_NEXT, args, NULL);
}

/*
 * The first rows of a part, limit at most, in order; of what this transaction appended as
 * well.  The caller is connected to SPI, and they are there until it is not.
 */
OutboxRows
outbox_rows_read(const OutboxPart *part, int limit)
{
	OutboxRows found;

	if (scan_children(part, limit, &found))
		return found;
	if (part->before == 0)
		run_late(part, limit);
	else
		run_next(part, limit);
	return outbox_rows_fetched();
}
