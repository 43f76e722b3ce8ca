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
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/xid8.h"

#include "common/uuid7.h"
#include "outbound/outbox_reader.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/statements.h"

/* Own transactions remembered as read, so that they are not read again. */
#define OWN_READ 16

/* Messages of a first pass that have more than one order, remembered at most. */
#define REORDERED_MOST 65536

/* A snapshot's outline, in 64-bit transaction ids. */
typedef struct Horizon
{
	uint64 look; /* which one it is, of all that the reader took; 0: it is before all */
	TimestampTz at;
	uint64 xmin;
	uint64 xmax;
	int nxip;
	int size;
	uint64 *xip; /* sorted */
} Horizon;

typedef enum ReadPhase
{
	PHASE_DONE, /* everything visible in seen has been read */
	PHASE_LATE,
	PHASE_NEXT
} ReadPhase;

/* How far the outbox is read. */
typedef struct Cursor
{
	Horizon seen; /* all visible in it is read */
	Horizon next; /* what the current pass reads up to */
	ReadPhase phase;
	uint64 at_xid; /* the last row of the phase */
	int64 at_seq;
} Cursor;

/* What a row of a first pass is: some were dealt with before the worker started. */
typedef enum Worth
{
	WORTH_NOTHING, /* its message is not queued */
	WORTH_AGAIN,   /* another row of its message is counted */
	WORTH_ONE
} Worth;

typedef struct OwnRead
{
	uint64 xid;
	int64 upto; /* rows up to this one are read */
} OwnRead;

/* The parts of a reader that a turn which is undone leaves as they were. */
typedef struct ReaderState
{
	Cursor main;
	Cursor scout;
	bool scouting;
	int64 unread;		/* rows that the scout counted and that are not read yet */
	TimestampTz oldest; /* the scout's: since when these wait, 0: none */
	int64 nworths;		/* rows of the first pass that the scout has judged */
	int64 at_worth;		/* and of them, those that are read */
	OwnRead own[OWN_READ];
	int nown;
} ReaderState;

struct OutboxReader
{
	int hub_id;
	MemoryContext context;
	bool of_messages; /* else of work orders for the worker itself */
	ReaderState now;
	ReaderState saved; /* as of the last commit */
	uint64 looks;
	OwnRead own_now; /* what is read of this transaction, xid 0: nothing */
	bool own_all;	 /* all there is of it */
	bool changed;	 /* since the last commit */
	uint8 *worths;	 /* the scout's, two bits a row */
	Size worths_size;
	HTAB *reordered;	   /* by message: Reordered; both lanes' are with the first of them */
	OutboxReader *pair[2]; /* the readers of a hub's lanes; NULL: it has one only */
};

/* The first row of a message that may have several. */
typedef struct Reordered
{
	pg_uuid_t message;
	uint64 xid;
	int64 seq;
} Reordered;

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
horizon_room(const OutboxReader *reader, Horizon *h, int n)
{
	if (h->size >= n)
		return;
	if (h->xip != NULL)
		pfree(h->xip);
	h->xip = NULL;
	h->size = 0;
	h->xip = MemoryContextAlloc(reader->context, sizeof(uint64) * n);
	h->size = n;
}

static void
horizon_copy(const OutboxReader *reader, Horizon *to, const Horizon *from)
{
	uint64 *xip;
	int size;

	if (to->look == from->look && to->nxip == from->nxip)
		return; /* xip changes only by losing some: see forget_xid() */
	horizon_room(reader, to, from->nxip);
	xip = to->xip;
	size = to->size;
	*to = *from;
	to->xip = xip;
	to->size = size;
	if (from->nxip > 0)
		memcpy(to->xip, from->xip, sizeof(uint64) * from->nxip);
}

static void
cursor_copy(const OutboxReader *reader, Cursor *to, const Cursor *from)
{
	horizon_copy(reader, &to->seen, &from->seen);
	horizon_copy(reader, &to->next, &from->next);
	to->phase = from->phase;
	to->at_xid = from->at_xid;
	to->at_seq = from->at_seq;
}

static void
state_copy(const OutboxReader *reader, ReaderState *to, const ReaderState *from)
{
	Cursor main = to->main;
	Cursor scout = to->scout;

	cursor_copy(reader, &main, &from->main);
	if (from->scouting)
		cursor_copy(reader, &scout, &from->scout);
	*to = *from;
	to->main = main;
	to->scout = scout;
}

static void
look_around(OutboxReader *reader, Horizon *h)
{
	Snapshot snapshot = GetTransactionSnapshot();
	uint64 own = U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
	uint32 i;

	horizon_room(reader, h, (int) snapshot->xcnt + 1);
	h->look = ++reader->looks;
	h->at = GetCurrentTimestamp();
	h->xmin = full_xid(snapshot->xmin);
	h->xmax = full_xid(snapshot->xmax);
	h->nxip = snapshot->xcnt;
	for (i = 0; i < snapshot->xcnt; i++)
		h->xip[i] = full_xid(snapshot->xip[i]);
	/* no snapshot names its own transaction, which is under way all the same */
	if (own != 0 && own < h->xmax)
		h->xip[h->nxip++] = own;
	qsort(h->xip, h->nxip, sizeof(uint64), compare_xids);
}

static bool
is_visible(const Horizon *h, uint64 xid)
{
	return xid < h->xmax && !in_progress(h, xid);
}

/* Has the cursor been at this row? */
static bool
cursor_passed(const Cursor *c, uint64 xid, int64 seq)
{
	bool late;

	if (is_visible(&c->seen, xid))
		return true;
	if (c->phase == PHASE_DONE || !is_visible(&c->next, xid))
		return false;
	late = xid < c->seen.xmax;
	if (late != (c->phase == PHASE_LATE))
		return late;
	return xid < c->at_xid || (xid == c->at_xid && seq <= c->at_seq);
}

/* Is this the first pass, which finds what was dealt with before the worker started? */
static bool
is_first(const OutboxReader *reader, const Cursor *c)
{
	return reader->of_messages && c->seen.look == 0;
}

/* Nothing is read yet: the first pass reads all that is there. */
OutboxReader *
outbox_reader_new(int hub_id)
{
	OutboxReader *reader = MemoryContextAllocZero(TopMemoryContext, sizeof(OutboxReader));

	reader->hub_id = hub_id;
	reader->of_messages = hub_id != 0;
	reader->context = AllocSetContextCreate(TopMemoryContext, "webchatt outbox reader", ALLOCSET_SMALL_SIZES);
	reader->now.main.seen.xmin = reader->now.main.seen.xmax = FirstNormalTransactionId;
	state_copy(reader, &reader->saved, &reader->now);
	reader->saved.main.seen.xmin = reader->saved.main.seen.xmax = FirstNormalTransactionId;
	return reader;
}

/* The two lanes of one hub: a message that was queued again may have a row in each. */
void
outbox_reader_pair(OutboxReader *one, OutboxReader *two)
{
	one->pair[0] = two->pair[0] = one;
	one->pair[1] = two->pair[1] = two;
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

/* The transactions that were under way at seen and are not at next. */
static uint64 *
late_xids(const Cursor *c, int *n)
{
	uint64 *xids = palloc(sizeof(uint64) * Max(c->seen.nxip, 1));
	int i;

	*n = 0;
	for (i = 0; i < c->seen.nxip; i++)
	{
		if (!in_progress(&c->next, c->seen.xip[i]))
			xids[(*n)++] = c->seen.xip[i];
	}
	return xids;
}

/* Hand out the rows of SPI_tuptable, as the statements of sql/worker/outbox.sql give them. */
void
outbox_reader_rows(outbox_row_fn take, void *arg)
{
	SPITupleTable *table = SPI_tuptable;
	OutboxRows found = outbox_rows_fetched();
	int i;

	for (i = 0; i < found.n; i++)
		take(arg, &found.rows[i]);
	SPI_freetuptable(table);
}

static bool
own_was_read(const OutboxReader *reader, uint64 xid, int64 seq)
{
	int i;

	if (reader->own_now.xid == xid && seq <= reader->own_now.upto)
		return true;
	for (i = 0; i < OWN_READ; i++)
	{
		if (reader->now.own[i].xid == xid)
			return seq <= reader->now.own[i].upto;
	}
	return false;
}

/* Was this row handed out?  Of rows that were come by in another way. */
bool
outbox_reader_passed(const OutboxReader *reader, const OutboxRow *row)
{
	return cursor_passed(&reader->now.main, row->xid, row->seq) || own_was_read(reader, row->xid, row->seq);
}

/* A page of one cursor. */
typedef struct ReadPage
{
	OutboxReader *reader;
	Cursor *cursor;
	outbox_row_fn take;
	void *arg;
	Worth *worths;		/* of a first pass's rows; NULL: all are worth one */
	TimestampTz *since; /* since when they are queued */
	OutboxRows found;
} ReadPage;

/* Which of a first pass's rows are there for a message that is queued still? */
static void
judge(ReadPage *page)
{
	WcColumn *cols[WC_STILL_QUEUED_ARRAYS];
	Datum args[WC_STILL_QUEUED_PARAMETERS];
	int n = page->found.n;
	uint64 found;
	uint64 i;

	page->worths = palloc0(sizeof(Worth) * Max(n, 1));
	page->since = palloc0(sizeof(TimestampTz) * Max(n, 1));
	wc_columns(WC_STILL_QUEUED, cols, n);
	for (i = 0; i < (uint64) n; i++)
	{
		const OutboxRow *row = &page->found.rows[i];

		if (row->channel == NULL || row->message == NULL)
			wc_column_add_null(cols[0]), wc_column_add_null(cols[1]);
		else
			wc_column_add(cols[0], UUIDPGetDatum(row->channel)), wc_column_add(cols[1], UUIDPGetDatum(row->message));
	}
	wc_columns_arrays(cols, lengthof(cols), args);
	found = wc_run(WC_STILL_QUEUED, args, NULL);
	for (i = 0; i < found; i++)
	{
		bool isnull;
		int at = DatumGetInt32(wc_field(i, 1, &isnull)) - 1;

		page->since[at] = DatumGetTimestampTz(wc_field(i, 2, &isnull));
		page->worths[at] = DatumGetBool(wc_field(i, 3, &isnull)) ? WORTH_AGAIN : WORTH_ONE;
	}
	SPI_freetuptable(SPI_tuptable);
}

/* A message that was queued anew may have several rows in a first pass: the first one counts. */
static Worth
worth_of_reordered(OutboxReader *reader, const OutboxRow *row)
{
	HASHCTL ctl;
	Reordered *entry;
	bool found;

	if (reader->pair[0] != NULL)
		reader = reader->pair[0];
	if (reader->reordered == NULL)
	{
		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = sizeof(pg_uuid_t);
		ctl.entrysize = sizeof(Reordered);
		ctl.hcxt = reader->context;
		reader->reordered = hash_create("webchatt reordered", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	found = hash_get_num_entries(reader->reordered) >= REORDERED_MOST;
	entry = hash_search(reader->reordered, row->message, found ? HASH_FIND : HASH_ENTER, &found);
	if (found)
		return entry->xid == row->xid && entry->seq == row->seq ? WORTH_ONE : WORTH_AGAIN;
	if (entry != NULL)
	{
		entry->xid = row->xid;
		entry->seq = row->seq;
	}
	return WORTH_ONE;
}

static void
worth_put(OutboxReader *reader, Worth worth)
{
	int64 n = reader->now.nworths++;
	Size at = (Size) n / 4;
	int shift = (int) (n % 4) * 2;

	if (at >= reader->worths_size)
	{
		Size size = Max(reader->worths_size * 2, 4096);

		reader->worths = reader->worths == NULL ? MemoryContextAllocHuge(reader->context, size)
												: repalloc_huge(reader->worths, size);
		reader->worths_size = size;
	}
	reader->worths[at] = (uint8) ((reader->worths[at] & ~(3 << shift)) | (int) worth << shift);
}

static Worth
worth_next(OutboxReader *reader)
{
	int64 n = reader->now.at_worth++;

	return n < reader->now.nworths ? (Worth) (reader->worths[n / 4] >> (n % 4) * 2 & 3) : WORTH_ONE;
}

/* A row that nobody has seen yet: what is it worth in a first pass? */
static Worth
first_worth(ReadPage *page, const OutboxRow *row, int i)
{
	if (page->worths == NULL)
		return WORTH_ONE;
	if (!outbox_reader_is_send(row))
		return WORTH_NOTHING;
	return page->worths[i] == WORTH_AGAIN ? worth_of_reordered(page->reader, row) : page->worths[i];
}

/* Does it queue a message? */
bool
outbox_reader_is_send(const OutboxRow *row)
{
	return row->op == 's' || row->op == 'n' || row->op == 'r';
}

/* When was a message queued first?  Its id says. */
TimestampTz
outbox_reader_queued_at(const pg_uuid_t *message)
{
	return wc_uuid7_time_us(message->data) - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
}

/*
 * Since when is it queued?  Its id's time, but where it was queued anew later:
 * not before the last pass looked around, and did not see it.
 */
static void
note_since(ReadPage *page, OutboxRow *row, int i)
{
	if (row->message == NULL)
		return;
	row->since = outbox_reader_queued_at(row->message);
	if (page->since != NULL)
		row->since = page->since[i] ? page->since[i] : row->since;
	else
		row->since = Max(row->since, page->cursor ? page->cursor->seen.at : GetCurrentTransactionStartTimestamp());
}

/* The scout counts: a row that is worth something waits, and one that says that a message was cancelled is told on. */
static void
scout_row(ReadPage *page, OutboxRow *row, int i)
{
	ReaderState *now = &page->reader->now;
	Worth worth;

	if (cursor_passed(&now->main, row->xid, row->seq))
		return; /* there was room for it meanwhile */
	worth = first_worth(page, row, i);
	if (page->worths != NULL)
		worth_put(page->reader, worth);
	if (own_was_read(page->reader, row->xid, row->seq))
		return;
	row->worth = (int) worth - WORTH_AGAIN;
	if (row->worth >= 0 && outbox_reader_is_send(row))
	{
		now->unread += row->worth;
		if (now->oldest == 0 || row->since < now->oldest)
			now->oldest = row->since;
	}
	page->take(page->arg, row);
}

static void
main_row(ReadPage *page, OutboxRow *row, int i)
{
	OutboxReader *reader = page->reader;
	ReaderState *now = &reader->now;
	Worth worth = WORTH_ONE;

	row->scouted = now->scouting && page->cursor != NULL && cursor_passed(&now->scout, row->xid, row->seq);
	if (page->cursor != NULL && is_first(reader, page->cursor))
		worth = row->scouted ? worth_next(reader) : first_worth(page, row, i);
	if (page->cursor != NULL && own_was_read(reader, row->xid, row->seq))
		return;
	row->worth = (int) worth - WORTH_AGAIN;
	if (row->scouted && row->worth >= 0 && outbox_reader_is_send(row))
		now->unread -= row->worth;
	page->take(page->arg, row);
}

/* Are there rows that the scout has not judged, in a first pass? */
static bool
needs_judging(const ReadPage *page)
{
	const ReaderState *now = &page->reader->now;
	const OutboxRow *last;

	if (page->cursor == NULL || page->found.n == 0 || !is_first(page->reader, page->cursor))
		return false;
	if (page->cursor == &now->scout || !now->scouting)
		return true;
	last = &page->found.rows[page->found.n - 1];
	return !cursor_passed(&now->scout, last->xid, last->seq);
}

/* What was found, in order; a row counts as read when it was handed out. */
static void
page_rows(ReadPage *page)
{
	bool scouts = page->cursor == &page->reader->now.scout;
	int i;

	outbox_reader_rows_read += page->found.n;
	page->reader->changed |= page->found.n > 0;
	if (needs_judging(page))
		judge(page);
	for (i = 0; i < page->found.n; i++)
	{
		OutboxRow *row = &page->found.rows[i];

		note_since(page, row, i);
		if (scouts)
			scout_row(page, row, i);
		else
			main_row(page, row, i);
		if (page->cursor != NULL)
		{
			page->cursor->at_xid = row->xid;
			page->cursor->at_seq = row->seq;
		}
		else
			page->reader->own_now.upto = row->seq;
	}
}

static void
begin_next(Cursor *c)
{
	c->phase = PHASE_NEXT;
	c->at_xid = c->seen.xmax - 1;
	c->at_seq = PG_INT64_MAX;
}

static void
end_pass(OutboxReader *reader, Cursor *c)
{
	Horizon seen = c->seen;

	c->phase = PHASE_DONE;
	c->seen = c->next;
	c->next = seen;
	reader->changed = true;
}

/* Start a pass, if anything ended since the last one. */
static void
start_pass(OutboxReader *reader, Cursor *c)
{
	int nlate;

	look_around(reader, &c->next);
	reader->changed = true;
	(void) late_xids(c, &nlate);
	c->at_xid = 0;
	c->at_seq = 0;
	if (nlate > 0)
		c->phase = PHASE_LATE;
	else if (c->next.xmax > c->seen.xmax)
		begin_next(c);
	else
		end_pass(reader, c);
}

static void
read_page(ReadPage *page, const OutboxPart *part, int limit)
{
	page->found = outbox_rows_read(part, limit);
	page_rows(page);
}

/* Read on with a cursor; how many of the limit are left. */
static int
read_on(OutboxReader *reader, Cursor *c, int limit, outbox_row_fn take, void *arg)
{
	while (c->phase != PHASE_DONE && limit > 0)
	{
		ReadPage page = {.reader = reader, .cursor = c, .take = take, .arg = arg};
		OutboxPart part = {reader->hub_id, c->at_xid, c->at_seq};

		if (c->phase == PHASE_LATE)
			part.xids = late_xids(c, &part.nxids);
		else
		{
			part.xids = c->next.xip;
			part.nxids = c->next.nxip;
			part.before = c->next.xmax;
		}
		read_page(&page, &part, limit);
		if (page.found.n < limit)
		{
			if (c->phase == PHASE_LATE && c->next.xmax > c->seen.xmax)
				begin_next(c);
			else
				end_pass(reader, c);
		}
		limit -= page.found.n;
	}
	return limit;
}

/*
 * What this very transaction appended: no snapshot shows it, so it is asked
 * for by name.  Only once everything before it is read, to keep the order.
 */
static void
read_own(OutboxReader *reader, int limit, outbox_row_fn take, void *arg)
{
	FullTransactionId own = GetTopFullTransactionIdIfAny();
	uint64 xid = U64FromFullTransactionId(own);
	OutboxPart part = {.hub_id = reader->hub_id, .xid = xid, .xids = &xid, .nxids = 1};
	ReadPage page = {.reader = reader, .take = take, .arg = arg};

	if (!FullTransactionIdIsValid(own))
		return;
	if (reader->own_now.xid != xid)
	{
		reader->own_now.xid = xid;
		reader->own_now.upto = 0;
		reader->own_all = false;
	}
	part.seq = reader->own_now.upto;
	read_page(&page, &part, limit);
	reader->own_all = page.found.n < limit;
}

/* What the scout has seen is all read: it is not needed any more. */
static void
dismiss_scout(OutboxReader *reader)
{
	const ReaderState *now = &reader->now;

	if (!now->scouting || now->main.phase != PHASE_DONE || now->main.seen.look < now->scout.seen.look ||
		(now->scout.phase != PHASE_DONE && now->main.seen.look < now->scout.next.look))
		return;
	reader->now.scouting = false;
	reader->now.unread = 0;
	reader->now.oldest = 0;
}

/*
 * Hand up to about limit rows to take().  The caller is connected to SPI; what
 * was handed out counts as read once outbox_reader_commit() says so.
 */
void
outbox_reader_read(OutboxReader *reader, int limit, outbox_row_fn take, void *arg)
{
	Cursor *c = &reader->now.main;

	if (c->phase == PHASE_DONE)
		start_pass(reader, c);
	limit = read_on(reader, c, limit, take, arg);
	dismiss_scout(reader);
	if (c->phase == PHASE_DONE && limit > 0)
		read_own(reader, limit, take, arg);
}

/*
 * Look at what is not read yet, for which memory has no room, only to count it:
 * up to limit rows go to take(), each once, and are handed out by
 * outbox_reader_read() all the same when there is room, as scouted.  look:
 * something may have been appended since the last time.
 */
void
outbox_reader_scout(OutboxReader *reader, bool look, int limit, outbox_row_fn take, void *arg)
{
	ReaderState *now = &reader->now;
	uint64 before = outbox_reader_rows_read;
	bool begun = !now->scouting;

	if (begun && now->main.phase == PHASE_DONE && !look)
		return;
	if (begun)
	{
		cursor_copy(reader, &now->scout, &now->main);
		now->scouting = true;
		now->unread = 0;
		now->oldest = 0;
		reader->changed = true;
	}
	if (now->scout.phase == PHASE_DONE && look)
		start_pass(reader, &now->scout);
	(void) read_on(reader, &now->scout, limit, take, arg);
	/* nothing is there that memory should have had room for */
	if (begun && outbox_reader_rows_read == before && now->main.phase == PHASE_DONE && now->scout.phase == PHASE_DONE)
	{
		cursor_copy(reader, &now->main, &now->scout);
		now->scouting = false;
	}
}

/* Are there rows to be scouted, whether or not anything is new? */
bool
outbox_reader_wants_scout(const OutboxReader *reader)
{
	return reader->now.scouting ? reader->now.scout.phase != PHASE_DONE : reader->now.main.phase != PHASE_DONE;
}

bool
outbox_reader_has_more(const OutboxReader *reader)
{
	return reader->now.main.phase != PHASE_DONE;
}

/* Was everything read that was there when it was last read? */
bool
outbox_reader_is_current(const OutboxReader *reader)
{
	return reader->now.main.phase == PHASE_DONE && reader->now.main.seen.look > 0 && !reader->now.scouting;
}

/* Messages that are counted and not handed out yet; since when the first of them waits, 0: there is none. */
int64
outbox_reader_unread_messages(const OutboxReader *reader, TimestampTz *oldest)
{
	*oldest = reader->now.unread > 0 ? reader->now.oldest : 0;
	return reader->now.unread;
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

/* What a first pass needed. */
static void
forget_first_pass(OutboxReader *reader)
{
	size_t i;

	if (reader->worths != NULL)
		pfree(reader->worths);
	reader->worths = NULL;
	reader->worths_size = 0;
	reader->now.nworths = reader->now.at_worth = 0;
	for (i = 0; i < lengthof(reader->pair) && reader->pair[i] != NULL; i++)
	{
		if (reader->pair[i]->now.main.seen.look == 0)
			return; /* it may meet messages that the other has met */
	}
	if (reader->pair[0] != NULL)
		reader = reader->pair[0];
	if (reader->reordered != NULL)
		hash_destroy(reader->reordered);
	reader->reordered = NULL;
}

/* What our own transaction appended and this reader did not get to comes with the next pass, as late. */
void
outbox_reader_commit(OutboxReader *reader)
{
	if (reader->own_now.xid != 0)
	{
		if (reader->own_all && reader->now.main.phase == PHASE_DONE)
			forget_xid(&reader->now.main.seen, reader->own_now.xid);
		if (reader->own_all)
			reader->own_now.upto = PG_INT64_MAX;
		reader->now.own[reader->now.nown++ % OWN_READ] = reader->own_now;
		reader->changed = true;
	}
	reader->own_now.xid = 0;
	if (!reader->changed)
		return;
	if (reader->now.main.seen.look > 0)
		forget_first_pass(reader);
	state_copy(reader, &reader->saved, &reader->now);
	reader->changed = false;
}

/* The transaction is undone: what it read is read again. */
void
outbox_reader_rollback(OutboxReader *reader)
{
	state_copy(reader, &reader->now, &reader->saved);
	reader->own_now.xid = 0;
	reader->changed = false;
}

/* Is there a row in a child that this reader has not handed out? */
bool
outbox_reader_unread(OutboxReader *reader, int child)
{
	const Cursor *c = &reader->now.main;
	WcColumn *col = wc_column(XID8OID, c->seen.nxip);
	Datum args[WC_UNREAD_0_PARAMETERS];
	int i;

	StaticAssertStmt(WC_UNREAD_1 == WC_UNREAD_0 + 1 && WC_UNREAD_2 == WC_UNREAD_0 + 2, "one for each child");
	if (c->phase != PHASE_DONE)
		return true;
	for (i = 0; i < c->seen.nxip; i++)
		wc_column_add(col, xid_datum(c->seen.xip[i]));
	args[0] = Int32GetDatum(reader->hub_id);
	args[1] = xid_datum(c->seen.xmax);
	args[2] = wc_column_array(col);
	return wc_run_any(WC_UNREAD_0 + child, args, NULL) > 0;
}
