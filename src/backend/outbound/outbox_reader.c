/*
 * outbox_reader.c
 *	  Reads one hub's part of the outbox, in order, each row once.
 *
 * The outbox is append-only and rows carry their transaction's id.  What is
 * new is what became visible between two snapshots: the rows of transactions
 * that were under way at the first one and have ended since ("late"), and
 * those of transactions that began after it.  So neither a long history nor a
 * transaction left open elsewhere makes reading slower.
 *
 * The order is (xid, seq): of two transactions of which one began after the
 * other had committed, it is the order of commit.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"
#include "utils/xid8.h"

#include "outbound/outbox_reader.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/statements.h"

/* Own transactions remembered as read, so that they are not read again. */
#define OWN_READ 16

/* A snapshot's outline, in 64-bit transaction ids. */
typedef struct Horizon
{
	uint64 xmin;
	uint64 xmax;
	int nxip;
	uint64 *xip; /* sorted */
} Horizon;

typedef enum ReadPhase
{
	PHASE_DONE, /* everything visible in seen has been read */
	PHASE_LATE,
	PHASE_NEXT
} ReadPhase;

struct OutboxReader
{
	int hub_id;
	MemoryContext context;
	Horizon seen; /* committed: all visible in it is read */
	Horizon next; /* what the current pass reads up to */
	ReadPhase phase;
	uint64 at_xid; /* cursor in the phase */
	int64 at_seq;
	bool finished; /* seen becomes next at commit */
	int64 ahead;   /* rows of this pass not yet read, if counted */
	uint64 own[OWN_READ];
	int nown;
	uint64 own_now; /* read in this transaction, 0: none */
};

uint64 outbox_reader_rows_read = 0;

/* Widen a transaction id of this epoch's neighbourhood. */
static uint64
full_xid(TransactionId xid)
{
	uint64 next = U64FromFullTransactionId(ReadNextFullTransactionId());
	uint64 full = (next & ~UINT64CONST(0xffffffff)) | xid;

	return full > next ? full - (UINT64CONST(1) << 32) : full;
}

static int
compare_xids(const void *a, const void *b)
{
	uint64 x = *(const uint64 *) a;
	uint64 y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

static bool
in_progress(const Horizon *h, uint64 xid)
{
	return h->nxip > 0 && bsearch(&xid, h->xip, h->nxip, sizeof(uint64), compare_xids) != NULL;
}

static void
look_around(OutboxReader *reader, Horizon *h)
{
	Snapshot snapshot = GetTransactionSnapshot();
	uint64 own = U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
	uint32 i;

	if (h->xip != NULL)
		pfree(h->xip);
	h->xmin = full_xid(snapshot->xmin);
	h->xmax = full_xid(snapshot->xmax);
	h->nxip = snapshot->xcnt;
	h->xip = MemoryContextAlloc(reader->context, sizeof(uint64) * (snapshot->xcnt + 1));
	for (i = 0; i < snapshot->xcnt; i++)
		h->xip[i] = full_xid(snapshot->xip[i]);
	/* no snapshot names its own transaction, which is under way all the same */
	if (own != 0 && own < h->xmax)
		h->xip[h->nxip++] = own;
	qsort(h->xip, h->nxip, sizeof(uint64), compare_xids);
}

/* Nothing is read yet: the first pass reads all that is there. */
OutboxReader *
outbox_reader_new(int hub_id)
{
	OutboxReader *reader = MemoryContextAllocZero(TopMemoryContext, sizeof(OutboxReader));

	reader->hub_id = hub_id;
	reader->context = AllocSetContextCreate(TopMemoryContext, "webchatt outbox reader", ALLOCSET_SMALL_SIZES);
	reader->seen.xmin = reader->seen.xmax = FirstNormalTransactionId;
	reader->phase = PHASE_DONE;
	return reader;
}

void
outbox_reader_free(OutboxReader *reader)
{
	MemoryContextDelete(reader->context);
	pfree(reader);
}

static Datum
xid_datum(uint64 xid)
{
	return FullTransactionIdGetDatum(FullTransactionIdFromU64(xid));
}

/* The array of the transactions that were under way at seen and are not at next. */
static Datum
late_xids(const OutboxReader *reader, int *n)
{
	WcColumn *col = wc_column(XID8OID, reader->seen.nxip);
	int i;

	for (i = 0; i < reader->seen.nxip; i++)
	{
		if (!in_progress(&reader->next, reader->seen.xip[i]))
			wc_column_add(col, xid_datum(reader->seen.xip[i]));
	}
	*n = col->n;
	return wc_column_array(col);
}

static Datum
snapshot_text(const Horizon *h)
{
	StringInfoData s;
	int i;

	initStringInfo(&s);
	appendStringInfo(&s, UINT64_FORMAT ":" UINT64_FORMAT ":", h->xmin, h->xmax);
	for (i = 0; i < h->nxip; i++)
		appendStringInfo(&s, "%s" UINT64_FORMAT, i ? "," : "", h->xip[i]);
	return CStringGetTextDatum(s.data);
}

/* Hand out the rows of SPI_tuptable, which have the columns OUTBOX_COLUMNS. */
void
outbox_reader_rows(outbox_row_fn take, void *arg)
{
	SPITupleTable *table = SPI_tuptable;
	uint64 n = SPI_processed;
	uint64 i;

	for (i = 0; i < n; i++)
	{
		HeapTuple tuple = table->vals[i];
		TupleDesc desc = table->tupdesc;
		OutboxRow row;
		bool isnull;
		Datum d;
		text *visitor;

		memset(&row, 0, sizeof(row));
		d = SPI_getbinval(tuple, desc, 1, &isnull);
		row.xid = U64FromFullTransactionId(DatumGetFullTransactionId(d));
		row.seq = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
		row.op = DatumGetChar(SPI_getbinval(tuple, desc, 3, &isnull));
		d = SPI_getbinval(tuple, desc, 4, &isnull);
		row.channel = isnull ? NULL : DatumGetUUIDP(d);
		d = SPI_getbinval(tuple, desc, 5, &isnull);
		visitor = isnull ? NULL : DatumGetTextPP(d);
		row.visitor = visitor ? text_to_cstring(visitor) : NULL;
		d = SPI_getbinval(tuple, desc, 6, &isnull);
		row.message = isnull ? NULL : DatumGetUUIDP(d);
		d = SPI_getbinval(tuple, desc, 7, &isnull);
		row.expires = isnull ? 0 : DatumGetTimestampTz(d);
		d = SPI_getbinval(tuple, desc, 8, &isnull);
		row.note = isnull ? NULL : TextDatumGetCString(d);
		row.child = DatumGetInt32(SPI_getbinval(tuple, desc, 9, &isnull));
		take(arg, &row);
	}
	SPI_freetuptable(table);
}

typedef struct ReadPage
{
	OutboxReader *reader;
	outbox_row_fn take;
	void *arg;
	bool moves_cursor;
	int rows;
} ReadPage;

static bool
own_was_read(const OutboxReader *reader, uint64 xid)
{
	int i;

	for (i = 0; i < OWN_READ; i++)
	{
		if (reader->own[i] == xid)
			return true;
	}
	return false;
}

static void
page_row(void *arg, const OutboxRow *row)
{
	ReadPage *page = arg;

	page->rows++;
	outbox_reader_rows_read++;
	if (page->moves_cursor)
	{
		page->reader->at_xid = row->xid;
		page->reader->at_seq = row->seq;
		if (page->reader->ahead > 0)
			page->reader->ahead--;
		if (own_was_read(page->reader, row->xid))
			return;
	}
	page->take(page->arg, row);
}

/* Start a pass, if anything ended since the last one. */
static void
start_pass(OutboxReader *reader)
{
	int nlate;

	look_around(reader, &reader->next);
	(void) late_xids(reader, &nlate);
	reader->finished = false;
	reader->ahead = 0;
	reader->at_xid = 0;
	reader->at_seq = 0;
	if (nlate > 0)
		reader->phase = PHASE_LATE;
	else if (reader->next.xmax > reader->seen.xmax)
	{
		reader->phase = PHASE_NEXT;
		reader->at_xid = reader->seen.xmax - 1;
		reader->at_seq = PG_INT64_MAX;
	}
}

static void
read_late(OutboxReader *reader, Datum xids, ReadPage *page, int limit)
{
	Datum args[5];

	args[0] = Int32GetDatum(reader->hub_id);
	args[1] = xids;
	args[2] = xid_datum(page->moves_cursor ? reader->at_xid : 0);
	args[3] = Int64GetDatum(page->moves_cursor ? reader->at_seq : 0);
	args[4] = Int32GetDatum(limit);
	wc_run(WC_READ_LATE, args, NULL);
	outbox_reader_rows(page_row, page);
}

static void
read_next(OutboxReader *reader, ReadPage *page, int limit)
{
	Datum args[6];

	args[0] = Int32GetDatum(reader->hub_id);
	args[1] = xid_datum(reader->at_xid);
	args[2] = Int64GetDatum(reader->at_seq);
	args[3] = xid_datum(reader->next.xmax);
	args[4] = snapshot_text(&reader->next);
	args[5] = Int32GetDatum(limit);
	wc_run(WC_READ_NEXT, args, NULL);
	outbox_reader_rows(page_row, page);
	if (page->rows == limit && reader->ahead == 0)
	{
		bool isnull;
		Datum ahead[5] = {args[0], xid_datum(reader->at_xid), Int64GetDatum(reader->at_seq), args[3], args[4]};

		wc_run(WC_COUNT_AHEAD, ahead, NULL);
		reader->ahead = DatumGetInt64(wc_field(0, 1, &isnull));
	}
}

/*
 * What this very transaction appended: no snapshot shows it, so it is asked
 * for by name.  Only once everything before it is read, to keep the order.
 */
static void
read_own(OutboxReader *reader, int limit, outbox_row_fn take, void *arg)
{
	FullTransactionId own = GetTopFullTransactionIdIfAny();
	WcColumn *col;
	ReadPage page = {reader, take, arg, false, 0};

	if (!FullTransactionIdIsValid(own))
		return;
	col = wc_column(XID8OID, 1);
	wc_column_add(col, xid_datum(U64FromFullTransactionId(own)));
	read_late(reader, wc_column_array(col), &page, limit);
	reader->own_now = page.rows < limit ? U64FromFullTransactionId(own) : 0;
}

/*
 * Hand up to about limit rows to take().  The caller is connected to SPI; what
 * was handed out counts as read once outbox_reader_commit() says so.
 */
void
outbox_reader_read(OutboxReader *reader, int limit, outbox_row_fn take, void *arg)
{
	if (reader->phase == PHASE_DONE)
		start_pass(reader);
	while (reader->phase != PHASE_DONE && limit > 0)
	{
		ReadPage page = {reader, take, arg, true, 0};
		int n;

		if (reader->phase == PHASE_LATE)
			read_late(reader, late_xids(reader, &n), &page, limit);
		else
			read_next(reader, &page, limit);
		if (page.rows < limit)
		{
			if (reader->phase == PHASE_LATE && reader->next.xmax > reader->seen.xmax)
			{
				reader->phase = PHASE_NEXT;
				reader->at_xid = reader->seen.xmax - 1;
				reader->at_seq = PG_INT64_MAX;
			}
			else
			{
				reader->phase = PHASE_DONE;
				reader->finished = true;
			}
		}
		limit -= page.rows;
	}
	if (reader->phase == PHASE_DONE && limit > 0)
	{
		reader->finished = true;
		read_own(reader, limit, take, arg);
	}
}

bool
outbox_reader_has_more(const OutboxReader *reader)
{
	return reader->phase != PHASE_DONE;
}

/* Was everything read that was there when it was last read? */
bool
outbox_reader_is_current(const OutboxReader *reader)
{
	return reader->phase == PHASE_DONE && (reader->finished || reader->seen.xmax > FirstNormalTransactionId);
}

/* Rows of the current pass that are not read yet. */
int64
outbox_reader_ahead(const OutboxReader *reader)
{
	return reader->phase == PHASE_DONE ? 0 : reader->ahead;
}

static void
forget_xid(Horizon *h, uint64 xid)
{
	int n = 0;
	int i;

	for (i = 0; i < h->nxip; i++)
	{
		if (h->xip[i] != xid)
			h->xip[n++] = h->xip[i];
	}
	h->nxip = n;
}

/* What our own transaction appended and this reader did not get to comes with the next pass, as late. */
void
outbox_reader_commit(OutboxReader *reader)
{
	if (reader->own_now != 0 && reader->finished)
		forget_xid(&reader->next, reader->own_now);
	if (reader->own_now != 0)
		reader->own[reader->nown++ % OWN_READ] = reader->own_now;
	reader->own_now = 0;
	if (reader->finished)
	{
		uint64 *old = reader->seen.xip;

		reader->seen = reader->next;
		reader->next.xip = old;
	}
	reader->finished = false;
}

/* The transaction is undone: the pass begins again; takers know what they have. */
void
outbox_reader_rollback(OutboxReader *reader)
{
	reader->own_now = 0;
	reader->finished = false;
	reader->phase = PHASE_DONE;
	reader->ahead = 0;
}

/* Is there a row in a child that this reader has not handed out? */
bool
outbox_reader_unread(OutboxReader *reader, int child)
{
	WcColumn *col = wc_column(XID8OID, reader->seen.nxip);
	Datum args[WC_UNREAD_0_PARAMETERS];
	int i;

	StaticAssertStmt(WC_UNREAD_1 == WC_UNREAD_0 + 1 && WC_UNREAD_2 == WC_UNREAD_0 + 2, "one for each child");
	if (reader->phase != PHASE_DONE)
		return true;
	for (i = 0; i < reader->seen.nxip; i++)
		wc_column_add(col, xid_datum(reader->seen.xip[i]));
	args[0] = Int32GetDatum(reader->hub_id);
	args[1] = xid_datum(reader->seen.xmax);
	args[2] = wc_column_array(col);
	return wc_run_any(WC_UNREAD_0 + child, args, NULL) > 0;
}
