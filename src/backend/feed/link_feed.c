/*
 * link_feed.c
 *	  The hub's end of links, as the worker has it (doc/link.md): who is connected,
 *	  what was sent and what is acknowledged.
 *
 * Acknowledgements of a turn are written by one statement.  One that is lost with
 * a crash costs a repeat: the subscriber knows events by their ids.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "common/corridor.h"
#include "feed/feed_list.h"
#include "feed/link_feed.h"
#include "shared/columns.h"
#include "shared/statements.h"
#include "shared/valid_text.h"
#include "turn/frame_memory.h"
#include "turn/net_process.h"

/* What may be under way without an acknowledgement (doc/link.md). */
#define WINDOW_EVENTS 1024
#define WINDOW_BYTES  (1024 * 1024)

/* Not worth a read: so much of it is taken. */
#define FULL_EVENTS (WINDOW_EVENTS - WINDOW_EVENTS / 4)
#define FULL_BYTES	(WINDOW_BYTES - WINDOW_BYTES / 4)

/* Links that may have come, or gone, since the last turn; more are closed, or found out later. */
#define CAME_MOST 512
#define LEFT_MOST 512

#define MAX_CLIENT 64

/* WebSocket close codes (doc/link.md). */
#define CLOSE_AWAY	  1001
#define CLOSE_LATER	  1013
#define CLOSE_REVOKED 4001
#define CLOSE_ANOTHER 4010

typedef struct UnderWay
{
	int64 seq;
	uint32 len;
} UnderWay;

typedef struct Link
{
	Feed feed;		 /* must be first */
	dlist_node node; /* in links */
	int32 key;
	uint64 number;				  /* webchatt-net's; 0: not connected */
	int64 acknowledged;			  /* as the table has it */
	int64 said;					  /* as the subscriber said */
	int64 writing;				  /* this turn: what the table is told; 0: nothing */
	UnderWay ring[WINDOW_EVENTS]; /* sent and not acknowledged */
	int first;
	int n;
	size_t bytes;
	int nfresh; /* this turn: behind those n */
	size_t fresh_bytes;
	bool listed;
} Link;

typedef struct Came
{
	uint64 number;
	int32 key;
	char client[MAX_CLIENT];
	bool replaced; /* this turn: a newer one came with the same key */
	bool found;	   /* this turn: the key is valid */
	bool refused;  /* this turn: it cannot be welcomed now */
	int64 acknowledged;
	int64 lost;
	FeedChannels channels;
} Came;

typedef struct LinkRow
{
	int32 key;
	int64 acknowledged;
	FeedChannels channels;
} LinkRow;

static dlist_head links = DLIST_STATIC_INIT(links);
static Came came[CAME_MOST];
static int ncame = 0;
static int ncame_done = 0;	  /* this turn */
static int32 left[LEFT_MOST]; /* keys */
static int nleft = 0;
static int nleft_done = 0;
static bool all_away = true; /* the table may say that somebody is connected, and nobody is */
static bool all_away_done = false;
static LinkRow *rows = NULL; /* the configuration as read in this turn; NULL: not read */
static int nrows = 0;
static bool acks_held = false; /* somebody held a row: once a second it is tried again */
static wc_buf pushes;		   /* this turn's */

/* By webchatt-net's number of it, or where that is 0 by its key. */
static Link *
find_link(int32 key, uint64 number)
{
	dlist_iter iter;

	dlist_foreach(iter, &links)
	{
		Link *link = dlist_container(Link, node, iter.cur);

		if (number != 0 ? link->number == number : link->key == key)
			return link;
	}
	return NULL;
}

/* Can it take more?  Whoever is not connected takes nothing. */
static bool
has_room(Feed *feed)
{
	Link *link = (Link *) feed;

	return link->number != 0 && link->n < FULL_EVENTS && link->bytes < FULL_BYTES;
}

/* An event for a link; false when it has no room for it now. */
static bool
take(Feed *feed, const EventRow *row)
{
	Link *link = (Link *) feed;
	int n = link->n + link->nfresh;
	wc_link_event m = {link->number, (uint64) row->seq, {row->body, row->len}};
	UnderWay *u;

	if (row->body == NULL || row->kind == FEED_UNREAD)
		return true;
	if (n == WINDOW_EVENTS || (n > 0 && link->bytes + link->fresh_bytes + row->len > WINDOW_BYTES))
		return false;
	if (!wc_write_link_event(&pushes, &m))
		return true; /* too large for a frame: nothing of ours is */
	u = &link->ring[(link->first + n) % WINDOW_EVENTS];
	u->seq = row->seq;
	u->len = row->len;
	link->nfresh++;
	link->fresh_bytes += row->len;
	return true;
}

static Link *
make_link(int32 key, int64 acknowledged)
{
	Link *link = MemoryContextAllocZero(TopMemoryContext, sizeof(Link));

	link->feed.has_room = has_room;
	link->feed.take = take;
	link->feed.upto = acknowledged;
	link->key = key;
	link->acknowledged = link->said = acknowledged;
	dlist_push_tail(&feed_list, &link->feed.node);
	dlist_push_tail(&links, &link->node);
	return link;
}

static void
free_link(Link *link)
{
	feed_list_set_channels(&link->feed, (FeedChannels){NULL, 0});
	dlist_delete(&link->feed.node);
	dlist_delete(&link->node);
	pfree(link);
}

/* Nobody is connected any more: what is not acknowledged is sent again to whoever comes. */
static void
cut(Link *link)
{
	link->number = 0;
	link->n = link->first = 0;
	link->bytes = 0;
	link->feed.upto = link->said;
	link->feed.more = true;
}

static void
write_close(wc_buf *out, uint64 number, uint32 code, const char *reason)
{
	wc_link_close m = {number, code, wc_str_from(reason)};

	(void) wc_write_link_close(out, &m);
}

bool
link_feed_accept_came(const wc_frame *frame)
{
	wc_link_came m;
	Came *c;
	int n;

	if (!wc_read_link_came(frame, &m) || m.link == 0 || m.key > PG_INT32_MAX || !wc_texts_are_valid(&m.client, 1))
		return false;
	if (ncame == CAME_MOST)
	{
		write_close(&net_process.out, m.link, CLOSE_LATER, "too many links at a time");
		return true;
	}
	c = &came[ncame++];
	memset(c, 0, sizeof(*c));
	c->number = m.link;
	c->key = (int32) m.key;
	n = pg_encoding_mbcliplen(PG_UTF8, m.client.p, (int) m.client.len, MAX_CLIENT - 1);
	memcpy(c->client, m.client.p, n);
	return true;
}

bool
link_feed_accept_ack(const wc_frame *frame)
{
	wc_link_ack m;
	Link *link;

	if (!wc_read_link_ack(frame, &m))
		return false;
	link = m.link != 0 ? find_link(0, m.link) : NULL;
	if (link == NULL || m.seq > (uint64) link->feed.upto || (int64) m.seq <= link->said)
		return true;
	link->said = (int64) m.seq;
	while (link->n > 0 && link->ring[link->first].seq <= link->said)
	{
		link->bytes -= link->ring[link->first].len;
		link->first = (link->first + 1) % WINDOW_EVENTS;
		link->n--;
	}
	return true;
}

bool
link_feed_accept_left(const wc_frame *frame)
{
	wc_link_left m;
	Link *link;
	int i;

	if (!wc_read_link_left(frame, &m))
		return false;
	for (i = 0; i < ncame; i++)
	{
		if (came[i].number != m.link)
			continue;
		memmove(&came[i], &came[i + 1], sizeof(Came) * (ncame - i - 1));
		ncame--;
		return true;
	}
	link = m.link != 0 ? find_link(0, m.link) : NULL;
	if (link == NULL)
		return true;
	if (nleft < LEFT_MOST)
		left[nleft++] = link->key;
	cut(link);
	return true;
}

int
link_feed_pending(void)
{
	return ncame + nleft;
}

/* Is there something to write down? */
bool
link_feed_ready(void)
{
	dlist_iter iter;

	if (ncame > 0 || nleft > 0 || (all_away && link_feed_exist()))
		return true;
	dlist_foreach(iter, &links)
	{
		Link *link = dlist_container(Link, node, iter.cur);

		if (!acks_held && link->said > link->acknowledged)
			return true;
	}
	return false;
}

/* Read who has a link; it counts from the commit on. */
void
link_feed_read_configuration(void)
{
	uint64 n = wc_run(WC_READ_LINKS, NULL, NULL);
	uint64 i;

	rows = MemoryContextAlloc(frame_memory_of_turn, sizeof(LinkRow) * Max(1, n));
	nrows = (int) n;
	for (i = 0; i < n; i++)
	{
		bool isnull;

		rows[i].key = DatumGetInt32(wc_field(i, 1, &isnull));
		rows[i].acknowledged = DatumGetInt64(wc_field(i, 2, &isnull));
		rows[i].channels = feed_list_channels(i, 3, frame_memory_of_turn);
	}
}

/* Is there anybody, connected or not? */
bool
link_feed_exist(void)
{
	if (rows != NULL)
		return nrows > 0;
	return !dlist_is_empty(&links);
}

/* Write down who left. */
static void
write_left(void)
{
	WcColumn *keys = wc_column(INT4OID, Max(1, nleft));
	Datum arg;
	int i;

	if (all_away)
	{
		wc_run(WC_LINKS_AWAY, NULL, NULL);
		all_away_done = true;
	}
	if (nleft == 0)
		return;
	for (i = 0; i < nleft; i++)
		wc_column_add(keys, Int32GetDatum(left[i]));
	arg = wc_column_array(keys);
	wc_run(WC_LINKS_LEFT, &arg, NULL);
	nleft_done = nleft;
}

static void
write_acknowledged(void)
{
	WcColumn *keys = wc_column(INT4OID, 8);
	WcColumn *seqs = wc_column(INT8OID, 8);
	Datum args[2];
	dlist_iter iter;
	uint64 n;
	uint64 row;

	dlist_foreach(iter, &links)
	{
		Link *link = dlist_container(Link, node, iter.cur);

		if (link->said <= link->acknowledged)
			continue;
		wc_column_add(keys, Int32GetDatum(link->key));
		wc_column_add(seqs, Int64GetDatum(link->said));
	}
	if (keys->n == 0)
		return;
	args[0] = wc_column_array(keys);
	args[1] = wc_column_array(seqs);
	n = wc_run(WC_LINKS_ACKED, args, NULL);
	for (row = 0; row < n; row++)
	{
		bool isnull;
		Link *link = find_link(DatumGetInt32(wc_field(row, 1, &isnull)), 0);

		link->writing = link->said;
	}
	acks_held = n < (uint64) keys->n;
}

/* Once a second: rows that were held may be free. */
void
link_feed_try_held(void)
{
	acks_held = false;
}

/* Did anybody come? */
bool
link_feed_came(void)
{
	return ncame > 0;
}

/* They cannot be welcomed now: somebody holds the row of one of them. */
void
link_feed_turn_away(void)
{
	int i;

	for (i = 0; i < ncame; i++)
		came[i].refused = true;
	ncame_done = ncame;
}

/* Write down who came; of two with the same key, the later. */
void
link_feed_welcome(void)
{
	WcColumn *keys = wc_column(INT4OID, Max(1, ncame));
	WcColumn *clients = wc_column(TEXTOID, Max(1, ncame));
	Datum args[2];
	uint64 n;
	uint64 row;
	int i;
	int j;

	for (i = 0; i < ncame; i++)
	{
		came[i].found = came[i].replaced = came[i].refused = false;
		for (j = i + 1; j < ncame; j++)
			came[i].replaced |= came[j].key == came[i].key;
		if (came[i].replaced)
			continue;
		wc_column_add(keys, Int32GetDatum(came[i].key));
		wc_column_add_bytes(clients, came[i].client, strlen(came[i].client));
	}
	if (keys->n == 0)
		return;
	args[0] = wc_column_array(keys);
	args[1] = wc_column_array(clients);
	n = wc_run(WC_LINKS_CAME, args, NULL);
	for (row = 0; row < n; row++)
	{
		bool isnull;
		int32 key = DatumGetInt32(wc_field(row, 1, &isnull));

		for (i = 0; i < ncame; i++)
		{
			if (came[i].key != key || came[i].replaced)
				continue;
			came[i].found = true;
			came[i].acknowledged = DatumGetInt64(wc_field(row, 2, &isnull));
			came[i].lost = DatumGetInt64(wc_field(row, 3, &isnull));
			came[i].channels = feed_list_channels(row, 4, frame_memory_of_turn);
		}
	}
	ncame_done = ncame;
}

/* Write down what happened to links. */
void
link_feed_apply(void)
{
	write_left();
	write_acknowledged();
}

/* What was pushed is under way, what was written down is in the table. */
static void
commit_links(wc_buf *out)
{
	dlist_iter iter;

	dlist_foreach(iter, &links)
	{
		Link *link = dlist_container(Link, node, iter.cur);

		link->n += link->nfresh;
		link->bytes += link->fresh_bytes;
		link->nfresh = 0;
		link->fresh_bytes = 0;
		link->acknowledged = Max(link->acknowledged, link->writing);
		link->writing = 0;
		/* behind the last one that it was sent there were only such as are gone */
		if (link->number != 0 && link->n == 0 && link->said < link->feed.upto)
			link->said = link->feed.upto;
	}
	wc_buf_append(out, pushes.data, pushes.len);
	wc_buf_reset(&pushes);
}

/* Who is no longer in the table, or whose key was revoked, is cut. */
static void
commit_configuration(wc_buf *out)
{
	dlist_mutable_iter iter;
	Link *link;
	int i;

	if (rows == NULL)
		return;
	dlist_foreach_modify(iter, &links) dlist_container(Link, node, iter.cur)->listed = false;
	for (i = 0; i < nrows; i++)
	{
		link = find_link(rows[i].key, 0);
		if (link == NULL)
			link = make_link(rows[i].key, rows[i].acknowledged);
		feed_list_set_channels(&link->feed, rows[i].channels);
		link->listed = true;
	}
	dlist_foreach_modify(iter, &links)
	{
		link = dlist_container(Link, node, iter.cur);
		if (link->listed)
			continue;
		if (link->number != 0)
		{
			write_close(out, link->number, CLOSE_AWAY, "begin anew");
			if (nleft < LEFT_MOST)
				left[nleft++] = link->key;
		}
		free_link(link);
	}
	rows = NULL;
}

static void
commit_came(wc_buf *out)
{
	int i;

	for (i = 0; i < ncame_done; i++)
	{
		const Came *c = &came[i];
		wc_link_welcome m = {c->number, (uint64) c->acknowledged, (uint64) c->lost};
		Link *link;

		if (c->replaced)
			write_close(out, c->number, CLOSE_ANOTHER, "another link came with the same key");
		else if (c->refused)
			write_close(out, c->number, CLOSE_LATER, "the hub cannot now");
		else if (!c->found)
			write_close(out, c->number, CLOSE_REVOKED, "the key is not valid");
		if (c->replaced || c->refused || !c->found)
			continue;
		link = find_link(c->key, 0);
		if (link == NULL)
			link = make_link(c->key, c->acknowledged);
		feed_list_set_channels(&link->feed, c->channels);
		if (link->number != 0)
			write_close(out, link->number, CLOSE_ANOTHER, "another link came with the same key");
		link->acknowledged = link->said = c->acknowledged;
		cut(link);
		link->number = c->number;
		(void) wc_write_link_welcome(out, &m);
	}
	memmove(came, came + ncame_done, sizeof(Came) * (ncame - ncame_done));
	ncame -= ncame_done;
	ncame_done = 0;
}

/* The turn is committed: push, and answer those who came. */
void
link_feed_commit(wc_buf *out)
{
	if (all_away_done)
		all_away = all_away_done = false;
	memmove(left, left + nleft_done, sizeof(int32) * (nleft - nleft_done));
	nleft -= nleft_done;
	nleft_done = 0;
	commit_links(out);
	commit_configuration(out);
	commit_came(out);
}

/* What link_feed_apply() wrote is undone. */
void
link_feed_undo_apply(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &links)
	{
		Link *link = dlist_container(Link, node, iter.cur);

		link->writing = 0;
	}
	all_away_done = false;
	nleft_done = 0;
}

/* What take() took is undone. */
void
link_feed_undo_take(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &links)
	{
		Link *link = dlist_container(Link, node, iter.cur);

		link->nfresh = 0;
		link->fresh_bytes = 0;
	}
	wc_buf_reset(&pushes);
}

void
link_feed_rollback(void)
{
	link_feed_undo_apply();
	link_feed_undo_take();
	ncame_done = 0;
	rows = NULL;
}

/* Up to which number everybody has acknowledged; the largest there is when there is nobody. */
int64
link_feed_acknowledged(void)
{
	int64 least = PG_INT64_MAX;
	dlist_iter iter;

	dlist_foreach(iter, &links)
	{
		Link *link = dlist_container(Link, node, iter.cur);

		least = Min(least, link->acknowledged);
	}
	return least;
}

/* Events up to this number are dropped: the table was told whose they were. */
void
link_feed_dropped(int64 upto)
{
	dlist_iter iter;

	dlist_foreach(iter, &links)
	{
		Link *link = dlist_container(Link, node, iter.cur);

		link->acknowledged = Max(link->acknowledged, upto);
		link->feed.upto = Max(link->feed.upto, upto);
	}
}

/* webchatt-net is gone, and with it every link. */
void
link_feed_net_lost(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &links)
	{
		Link *link = dlist_container(Link, node, iter.cur);

		if (link->number != 0)
			cut(link);
	}
	ncame = nleft = 0;
	all_away = true;
}

void
link_feed_reset(void)
{
	dlist_mutable_iter iter;

	link_feed_net_lost();
	link_feed_rollback();
	dlist_foreach_modify(iter, &links) free_link(dlist_container(Link, node, iter.cur));
}
