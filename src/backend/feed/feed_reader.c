/*
 * feed_reader.c
 *	  Reads webchatt.feed for everybody who gets them: at the end of a turn, what
 *	  is new once for all who have the rest, and what others lack in pages.
 *
 * A feed that is far behind gets its page when it is its turn, and a turn reads
 * so much and no more.  Bodies come some rows at a time: a page of long ones is
 * never in memory as a whole.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "executor/spi.h"
#include "lib/ilist.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "feed/feed_list.h"
#include "feed/feed_reader.h"
#include "feed/webhook.h"
#include "shared/compat.h"
#include "shared/statements.h"
#include "turn/net_process.h"

/* Rows of a page, and rows that are fetched at a time. */
#define PAGE  1024
#define FETCH 64

/* Pages read in one turn, and bytes of bodies after which no more are begun. */
#define PAGES_MOST 4
#define BYTES_MOST (4 * 1024 * 1024)

static uint64 pages_read = 0; /* ever */

typedef void (*row_fn)(void *arg, const EventRow *row);

/* Hand out rows that were fetched.  Only good until the next statement. */
static void
hand_out(SPITupleTable *table, uint64 n, row_fn take, void *arg)
{
	TupleDesc desc = table->tupdesc;
	uint64 i;

	for (i = 0; i < n; i++)
	{
		HeapTuple tuple = table->vals[i];
		EventRow row;
		bool isnull;
		pg_uuid_t *channel;
		text *t;

		memset(&row, 0, sizeof(row));
		row.seq = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull));
		row.kind = feed_list_kind(SPI_getvalue(tuple, desc, 2));
		channel = DatumGetUUIDP(SPI_getbinval(tuple, desc, 3, &isnull));
		t = DatumGetTextPP(SPI_getbinval(tuple, desc, 4, &isnull));
		row.conversation = hash_bytes_extended((unsigned char *) VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t),
											   hash_bytes_extended(channel->data, UUID_LEN, 0));
		row.channel = channel;
		row.message = DatumGetUUIDP(SPI_getbinval(tuple, desc, 5, &isnull));
		t = (text *) DatumGetPointer(SPI_getbinval(tuple, desc, 6, &isnull));
		if (!isnull)
		{
			t = DatumGetTextPP(PointerGetDatum(t));
			row.body = VARDATA_ANY(t);
			row.len = VARSIZE_ANY_EXHDR(t);
		}
		take(arg, &row);
	}
}

static Portal
open_events(int64 after, int limit)
{
	Datum args[2] = {Int64GetDatum(after), Int32GetDatum(limit)};

	return wc_open(WC_READ_EVENTS, args);
}

/* Look through events behind a number, at most so many. */
void
feed_reader_scan(int64 after, int limit, row_fn take, void *arg)
{
	Portal portal = open_events(after, limit);
	uint64 n;

	do
	{
		SPI_cursor_fetch(portal, true, FETCH);
		n = SPI_processed;
		hand_out(SPI_tuptable, n, take, arg);
		SPI_freetuptable(SPI_tuptable);
	} while (n == FETCH);
	SPI_cursor_close(portal);
}

/* Does the log have to be asked what of that was delivered before? */
static bool
is_known(const Feed *feed)
{
	return feed->upto < feed->known_upto;
}

static bool
wants_page(Feed *feed)
{
	return feed->more && !feed->reading && feed->has_room(feed);
}

/*
 * Who is next: those who have the most come first, since all that is new is for
 * them; then whoever has waited longest.
 */
static Feed *
choose(bool first)
{
	Feed *best = NULL;
	dlist_iter iter;

	dlist_foreach(iter, &feed_list)
	{
		Feed *feed = dlist_container(Feed, node, iter.cur);

		if (wants_page(feed) && (best == NULL || (first ? feed->upto > best->upto : feed->served < best->served)))
			best = feed;
	}
	return best;
}

static bool
gets_channel(const Feed *feed, const pg_uuid_t *channel)
{
	int i;

	for (i = 0; i < feed->channels.n; i++)
	{
		if (memcmp(&feed->channels.ids[i], channel, sizeof(*channel)) == 0)
			return true;
	}
	return feed->channels.ids == NULL;
}

typedef struct EventPage
{
	Feed **feeds; /* that it is read for */
	int nfeeds;
	int nfull; /* of them, those that take no more */
	int rows;
	size_t bytes;
	SPITupleTable *known; /* what the log says of these rows, in order */
	uint64 nknown;
	uint64 at;
} EventPage;

/* Who reads along. */
static void
gather(EventPage *page, Feed *first)
{
	dlist_iter iter;
	int n = 0;

	dlist_foreach(iter, &feed_list) n++;
	page->feeds = palloc(sizeof(Feed *) * n);
	dlist_foreach(iter, &feed_list)
	{
		Feed *feed = dlist_container(Feed, node, iter.cur);

		if (feed != first && (feed->upto != first->upto || !wants_page(feed) || is_known(feed) || is_known(first)))
			continue;
		page->feeds[page->nfeeds++] = feed;
		feed->reading = true;
		feed->full = false;
		feed->fresh_upto = feed->upto;
		feed->served = pages_read;
	}
	pages_read++;
}

static void
take_row(void *arg, const EventRow *read)
{
	EventPage *page = arg;
	EventRow row = *read;
	FeedEvent *shared = NULL;
	bool isnull;
	int i;

	row.shared = &shared;
	for (; page->at < page->nknown; page->at++)
	{
		HeapTuple tuple = page->known->vals[page->at];
		int64 seq = DatumGetInt64(SPI_getbinval(tuple, page->known->tupdesc, 1, &isnull));

		if (seq > row.seq)
			break;
		if (seq < row.seq)
			continue;
		row.known_good = DatumGetBool(SPI_getbinval(tuple, page->known->tupdesc, 2, &isnull));
		row.attempts = DatumGetInt32(SPI_getbinval(tuple, page->known->tupdesc, 3, &isnull));
	}
	page->rows++;
	page->bytes += row.len;
	for (i = 0; i < page->nfeeds; i++)
	{
		Feed *feed = page->feeds[i];

		if (feed->full)
			continue;
		if (!gets_channel(feed, row.channel))
			feed->fresh_upto = row.seq;
		else if (feed->take(feed, &row))
			feed->fresh_upto = row.seq;
		else
		{
			feed->full = true;
			page->nfull++;
		}
	}
}

/* Ask the log about the rows that were fetched for a webhook that starts anew. */
static void
look_up_known(EventPage *page, SPITupleTable *table, uint64 n)
{
	Datum args[3];
	bool isnull;

	page->known = NULL;
	page->nknown = page->at = 0;
	if (n == 0 || !is_known(page->feeds[0]))
		return;
	args[0] = UUIDPGetDatum(&page->feeds[0]->webhook);
	args[1] = SPI_getbinval(table->vals[0], table->tupdesc, 1, &isnull);
	args[2] = SPI_getbinval(table->vals[n - 1], table->tupdesc, 1, &isnull);
	page->nknown = wc_run(WC_WEBHOOK_KNOWN, args, NULL);
	page->known = SPI_tuptable;
}

static size_t
read_page(Feed *first)
{
	EventPage page;
	Portal portal;
	uint64 n;
	int i;

	memset(&page, 0, sizeof(page));
	gather(&page, first);
	portal = open_events(first->upto, PAGE);
	do
	{
		SPITupleTable *table;

		SPI_cursor_fetch(portal, true, FETCH);
		n = SPI_processed;
		table = SPI_tuptable;
		look_up_known(&page, table, n);
		hand_out(table, n, take_row, &page);
		SPI_freetuptable(table);
		if (page.known != NULL)
			SPI_freetuptable(page.known);
	} while (n == FETCH && page.nfull < page.nfeeds && page.bytes < BYTES_MOST);
	SPI_cursor_close(portal);
	for (i = 0; i < page.nfeeds; i++)
		page.feeds[i]->fresh_more = page.feeds[i]->full || n == FETCH || page.rows >= PAGE;
	return page.bytes;
}

/* There may be new ones, for everybody. */
void
feed_reader_expect(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &feed_list) dlist_container(Feed, node, iter.cur)->more = true;
}

/* Is there anybody who could be given more? */
bool
feed_reader_ready(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &feed_list)
	{
		if (wants_page(dlist_container(Feed, node, iter.cur)))
			return net_process_has_room();
	}
	return false;
}

/* Read for everybody who has room, as much as one turn may. */
void
feed_reader_run(void)
{
	size_t bytes = 0;
	int pages;

	for (pages = 0; pages < PAGES_MOST && bytes < BYTES_MOST; pages++)
	{
		Feed *feed = choose(pages == 0);

		if (feed == NULL)
			break;
		bytes += read_page(feed);
	}
}

/* The turn is committed: what was read is read. */
void
feed_reader_commit(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &feed_list)
	{
		Feed *feed = dlist_container(Feed, node, iter.cur);

		if (!feed->reading)
			continue;
		feed->upto = feed->fresh_upto;
		feed->more = feed->fresh_more;
		feed->reading = false;
	}
}

void
feed_reader_rollback(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &feed_list) dlist_container(Feed, node, iter.cur)->reading = false;
}
