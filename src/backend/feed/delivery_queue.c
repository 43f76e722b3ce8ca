/*
 * delivery_queue.c
 *	  What a webhook has not got yet: its conversations, each one event at a time,
 *	  in order, and when the next may be tried.
 *
 * Memory is bounded by a window of events that are not done.  A conversation that
 * keeps failing must not fill it for the others: beyond some events it is
 * spilled, and its rest is looked for in the table once it gets on.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "lib/pairingheap.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "feed/deliveries.h"
#include "feed/delivery_queue.h"
#include "feed/feed_list.h"
#include "feed/feed_reader.h"
#include "feed/webhook.h"
#include "shared/clock.h"
#include "shared/compat.h"

/* Events that are not done, and bytes of their bodies, for each webhook. */
#define WINDOW_EVENTS 4096
#define WINDOW_BYTES  (4 * 1024 * 1024)

/* Not worth a read: so much of it is taken. */
#define FULL_EVENTS (WINDOW_EVENTS - WINDOW_EVENTS / 4)
#define FULL_BYTES	(WINDOW_BYTES - WINDOW_BYTES / 4)

/* Events of a failing conversation that stay in memory, and rows that are looked through for more. */
#define CONV_WINDOW 64
#define SCAN_ROWS	4096

/* Handed to webchatt-net at a time, for each webhook. */
#define UNDER_WAY_MOST 256

/* The pause of a conversation, and of a webhook, in ms: doubled each time. */
#define PAUSE_FIRST_MS 1000
#define PAUSE_MOST_MS  600000

/* Failures in a row that make it the endpoint's fault, not an event's. */
#define FAILURES_PAUSE 5

/* An empty queue, in the webhook's context. */
void
delivery_queue_init(Webhook *w)
{
	MemoryContext old = MemoryContextSwitchTo(w->context);
	HASHCTL ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(uint64);
	ctl.entrysize = sizeof(FeedConv);
	ctl.hcxt = w->context;
	w->convs = hash_create("webchatt conversations of a webhook", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	conv_queue_init(&w->turns);
	dlist_init(&w->undone);
	dlist_init(&w->fresh);
	dlist_init(&w->spilled);
	w->nundone = w->nfresh = 0;
	w->bytes = w->fresh_bytes = 0;
	MemoryContextSwitchTo(old);
}

static void
free_items(dlist_head *list)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, list)
	{
		FeedItem *item = dlist_container(FeedItem, undone, iter.cur);

		deliveries_event_free(item->event);
		pfree(item);
	}
	dlist_init(list);
}

/* Forget it all; nothing of it is under way. */
void
delivery_queue_free(Webhook *w)
{
	free_items(&w->undone);
	free_items(&w->fresh);
	hash_destroy(w->convs);
	pairingheap_free(w->turns.waiting);
	w->convs = NULL;
	w->turns.waiting = NULL;
}

static void
place(FeedConv *conv, ConvPlace to, bool first)
{
	conv_queue_move(&conv->webhook->turns, &conv->turn, to, first);
}

static FeedItem *
front(FeedConv *conv)
{
	return dlist_is_empty(&conv->items) ? NULL : dlist_head_element(FeedItem, node, &conv->items);
}

/* Its front is settled: what is next? */
static void
go_on(FeedConv *conv)
{
	if (!dlist_is_empty(&conv->items))
		place(conv, CONV_READY, false);
	else
	{
		place(conv, CONV_IDLE, false);
		if (conv->spilled_from == 0)
			hash_search(conv->webhook->convs, &conv->key, HASH_REMOVE, NULL);
	}
}

static FeedConv *
conv_of(Webhook *w, uint64 key)
{
	bool found;
	FeedConv *conv = hash_search(w->convs, &key, HASH_ENTER, &found);

	if (!found)
	{
		memset(conv, 0, sizeof(*conv));
		conv->key = key;
		conv->webhook = w;
		dlist_init(&conv->items);
	}
	return conv;
}

/* Is there room for a page?  For an endpoint that does not answer a few events do. */
bool
delivery_queue_has_room(Feed *feed)
{
	Webhook *w = (Webhook *) feed;
	int most = w->probing || w->success_at == 0 ? UNDER_WAY_MOST : FULL_EVENTS;

	return webhook_is_deliverable(w) && w->nundone < most && w->bytes < FULL_BYTES;
}

static FeedItem *
new_item(Webhook *w, const EventRow *row)
{
	FeedItem *item = MemoryContextAllocZero(w->context, sizeof(FeedItem));

	item->event = row->shared ? *row->shared : NULL;
	if (item->event == NULL)
		item->event = deliveries_event_new(row->seq, row->message, row->body, row->len);
	if (row->shared)
		*row->shared = item->event;
	item->event->refs++;
	item->conversation = row->conversation;
	item->attempts = row->attempts;
	dlist_push_tail(&w->fresh, &item->undone);
	w->nfresh++;
	w->fresh_bytes += row->len;
	return item;
}

/* An event for a webhook, from the turn's commit on; false when it has no room for it now. */
bool
delivery_queue_add(Feed *feed, const EventRow *row)
{
	Webhook *w = (Webhook *) feed;

	if (row->kind != w->row->kind || row->body == NULL || row->known_good)
		return true;
	if (w->nundone + w->nfresh >= WINDOW_EVENTS ||
		(w->nundone + w->nfresh > 0 && w->bytes + w->fresh_bytes + row->len > WINDOW_BYTES))
		return false;
	(void) new_item(w, row);
	return true;
}

typedef struct SpillScan
{
	Webhook *webhook;
	FeedConv *conv;
	int64 upto; /* events behind this one come by themselves */
	int64 last;
	int rows;
	int found;
	bool full; /* there is more of it than goes into memory */
	bool past;
} SpillScan;

static void
scan_row(void *arg, const EventRow *row)
{
	SpillScan *scan = arg;

	scan->rows++;
	scan->past |= row->seq > scan->upto;
	if (scan->full || scan->past)
		return;
	if (row->conversation == scan->conv->key && row->kind == scan->webhook->row->kind && row->body != NULL)
	{
		scan->full = scan->found == CONV_WINDOW;
		if (scan->full)
			return;
		(void) new_item(scan->webhook, row);
		scan->found++;
	}
	scan->last = row->seq;
}

/* A conversation that was spilled and has nothing left in memory; NULL: there is none, or no room. */
static FeedConv *
wants_scan(Webhook *w)
{
	dlist_iter iter;

	if (!delivery_queue_has_room(&w->feed))
		return NULL;
	dlist_foreach(iter, &w->spilled)
	{
		FeedConv *conv = dlist_container(FeedConv, spilled_node, iter.cur);

		if (dlist_is_empty(&conv->items))
			return conv;
	}
	return NULL;
}

/*
 * Look for more of such a conversation, before the turn reads on: of one in a turn,
 * of the webhook that has waited longest.
 */
void
delivery_queue_read_spilled(void)
{
	static uint64 scans = 0;
	Webhook *next = NULL;
	Webhook *w;
	dlist_iter at;

	each_webhook(w, at)
	{
		if ((next == NULL || w->scanned < next->scanned) && wants_scan(w) != NULL)
			next = w;
	}
	if (next != NULL)
	{
		FeedConv *conv = wants_scan(next);
		SpillScan scan = {next, conv, next->feed.upto, conv->spilled_from - 1, 0, 0, false, false};

		next->scanned = ++scans;
		feed_reader_scan(scan.last, SCAN_ROWS, scan_row, &scan);
		conv->fresh_scanned = !scan.full && (scan.past || scan.rows < SCAN_ROWS) ? scan.upto : scan.last;
	}
}

/* Everything up to which number is done, when this turn is committed and has read up to that? */
int64
delivery_queue_done_upto(Webhook *w, int64 upto)
{
	dlist_iter iter;

	dlist_foreach(iter, &w->undone)
	{
		const FeedItem *item = dlist_container(FeedItem, undone, iter.cur);

		if (item->finished)
			continue;
		upto = Min(upto, item->event->seq - 1);
		break;
	}
	dlist_foreach(iter, &w->fresh)
	{
		upto = Min(upto, dlist_container(FeedItem, undone, iter.cur)->event->seq - 1);
		break;
	}
	dlist_foreach(iter, &w->spilled) upto =
		Min(upto, dlist_container(FeedConv, spilled_node, iter.cur)->spilled_from - 1);
	return upto;
}

static void
spill(FeedConv *conv, int64 from)
{
	conv->spilled_from = from;
	if (!conv->on_spilled)
		dlist_push_tail(&conv->webhook->spilled, &conv->spilled_node);
	conv->on_spilled = true;
}

/* Into the list of what is not done, in order; nearly always that is the end. */
static void
insert_undone(Webhook *w, FeedItem *item)
{
	dlist_node *at = &w->undone.head;

	if (!dlist_is_empty(&w->undone))
	{
		at = dlist_tail_node(&w->undone);
		while (at != &w->undone.head && dlist_container(FeedItem, undone, at)->event->seq > item->event->seq)
			at = at->prev;
	}
	if (at == &w->undone.head)
		dlist_push_head(&w->undone, &item->undone);
	else
		dlist_insert_after(at, &item->undone);
	w->nundone++;
	w->bytes += item->event->len;
}

/* An event that was read joins its conversation, unless that is spilled. */
static void
join(Webhook *w, FeedItem *item, TimestampTz now)
{
	FeedConv *conv = conv_of(w, item->conversation);

	if (conv->spilled_from == 0 && conv->failures > 0 && !w->probing && conv->nitems >= CONV_WINDOW)
		spill(conv, item->event->seq);
	if (conv->spilled_from != 0 && item->event->seq >= conv->spilled_from)
	{
		deliveries_event_free(item->event);
		pfree(item);
		return;
	}
	item->conv = conv;
	item->since = now;
	insert_undone(w, item);
	dlist_push_tail(&conv->items, &item->node);
	if (conv->nitems++ == 0)
		place(conv, CONV_READY, false);
}

/* The turn is committed: what it read is in the queue. */
void
delivery_queue_commit(Webhook *w, TimestampTz now)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &w->spilled)
	{
		FeedConv *conv = dlist_container(FeedConv, spilled_node, iter.cur);

		if (conv->fresh_scanned != 0)
			conv->spilled_from = conv->fresh_scanned >= w->feed.upto ? 0 : conv->fresh_scanned + 1;
		conv->fresh_scanned = 0;
	}
	dlist_foreach_modify(iter, &w->fresh)
	{
		FeedItem *item = dlist_container(FeedItem, undone, iter.cur);

		dlist_delete(&item->undone);
		join(w, item, now);
	}
	w->nfresh = 0;
	w->fresh_bytes = 0;
	dlist_foreach_modify(iter, &w->spilled)
	{
		FeedConv *conv = dlist_container(FeedConv, spilled_node, iter.cur);

		if (conv->spilled_from != 0)
			continue;
		dlist_delete(&conv->spilled_node);
		conv->on_spilled = false;
		if (dlist_is_empty(&conv->items))
			hash_search(w->convs, &conv->key, HASH_REMOVE, NULL);
	}
}

/* What was read in this turn was not. */
void
delivery_queue_undo_read(Webhook *w)
{
	dlist_iter iter;

	free_items(&w->fresh);
	w->nfresh = 0;
	w->fresh_bytes = 0;
	dlist_foreach(iter, &w->spilled) dlist_container(FeedConv, spilled_node, iter.cur)->fresh_scanned = 0;
}

/* It is delivered, or given up. */
static void
remove_item(FeedItem *item)
{
	FeedConv *conv = item->conv;
	Webhook *w = conv->webhook;

	dlist_delete(&item->undone);
	dlist_delete(&item->node);
	conv->nitems--;
	w->nundone--;
	w->bytes -= item->event->len;
	deliveries_event_free(item->event);
	pfree(item);
}

/* A success: whatever waited because of the endpoint need not wait any longer. */
static void
endpoint_works(Webhook *w, TimestampTz now)
{
	bool wake = w->probing;

	w->success_at = now;
	w->probing = false;
	w->pause_ms = 0;
	if (wake)
		delivery_queue_wake(w);
}

/* Nothing waits, whatever it waited for. */
void
delivery_queue_wake(Webhook *w)
{
	w->paused_until = 0;
	while (conv_queue_first_waiting(&w->turns) != NULL)
	{
		FeedConv *conv = conv_queue_owner(FeedConv, turn, conv_queue_first_waiting(&w->turns));

		conv->failures = 0;
		place(conv, CONV_READY, false);
	}
}

/* One failure among successes is an event's; several in a row are the endpoint's. */
static void
endpoint_fails(Webhook *w, const Delivery *d, TimestampTz now)
{
	bool asked = d->retry_after_ms > 0 && (d->http_status == 429 || d->http_status == 503);

	if (asked)
		w->paused_until = Max(w->paused_until, TimestampTzPlusMilliseconds(now, d->retry_after_ms));
	if (w->progress.failures < FAILURES_PAUSE)
		return;
	w->probing = true;
	if (w->paused_until > now)
		return;
	w->pause_ms = w->pause_ms == 0 ? PAUSE_FIRST_MS : Min(w->pause_ms * 2, PAUSE_MOST_MS);
	w->paused_until = TimestampTzPlusMilliseconds(now, wc_jittered(w->pause_ms));
}

static void
wait_longer(FeedConv *conv, const Delivery *d, TimestampTz now)
{
	int ms = Min(PAUSE_FIRST_MS << Min(conv->failures, 10), PAUSE_MOST_MS);

	conv->failures++;
	conv_queue_wait(&conv->webhook->turns, &conv->turn,
					TimestampTzPlusMilliseconds(now, Max(wc_jittered(ms), d->retry_after_ms)));
}

/* An attempt's end is in the tables. */
void
delivery_queue_settle(Delivery *d, TimestampTz now)
{
	Webhook *w = d->webhook;
	FeedItem *item = d->item;
	FeedConv *conv = item ? item->conv : NULL;

	if (d->verdict == VERDICT_GOOD)
		endpoint_works(w, now);
	else if (!d->unsent)
		endpoint_fails(w, d, now);
	if (item == NULL)
		return;
	item->flying = false;
	item->attempts = Max(item->attempts, d->attempt);
	if (d->verdict == VERDICT_AGAIN)
	{
		wait_longer(conv, d, now);
		return;
	}
	conv->failures = 0;
	remove_item(item);
	go_on(conv);
}

/*
 * An event is tried out of the order: the number of that attempt, where the log
 * says that it is the nth.
 */
int
delivery_queue_count(Webhook *w, int64 seq, int nth)
{
	dlist_iter iter;

	dlist_foreach(iter, &w->undone)
	{
		FeedItem *item = dlist_container(FeedItem, undone, iter.cur);

		if (item->event->seq < seq)
			continue;
		if (item->event->seq == seq)
		{
			nth = Max(nth, item->attempts + (item->flying ? 2 : 1));
			item->attempts = nth;
		}
		break;
	}
	return nth;
}

/* Somebody had an event delivered out of the order: it need not be tried any more. */
void
delivery_queue_done(Webhook *w, int64 seq)
{
	dlist_iter iter;

	dlist_foreach(iter, &w->undone)
	{
		FeedItem *item = dlist_container(FeedItem, undone, iter.cur);
		FeedConv *conv = item->conv;

		if (item->event->seq < seq)
			continue;
		if (item->event->seq == seq && !item->flying)
		{
			bool was_front = item == front(conv);

			remove_item(item);
			if (was_front)
			{
				conv->failures = 0;
				go_on(conv);
			}
		}
		break;
	}
}

/* It was under way to a webchatt-net that is gone. */
void
delivery_queue_put_back(FeedItem *item)
{
	item->flying = false;
	place(item->conv, CONV_READY, true);
}

/* How many may be handed over now. */
static int
allowance(Webhook *w, TimestampTz now)
{
	if (!webhook_is_deliverable(w) || w->paused_until > now)
		return 0;
	return (w->probing ? 1 : UNDER_WAY_MOST) - w->under_way;
}

/* The next event whose turn it is; NULL when there is none. */
FeedItem *
delivery_queue_next(Webhook *w, TimestampTz now)
{
	FeedConv *conv;
	ConvTurn *first;

	if (allowance(w, now) <= 0)
		return NULL;
	/* a probe waits for the webhook's time, not also for its own */
	while ((first = conv_queue_first_waiting(&w->turns)) != NULL &&
		   (first->due <= now || (w->probing && conv_queue_first_ready(&w->turns) == NULL)))
		conv_queue_move(&w->turns, first, CONV_READY, false);
	first = conv_queue_first_ready(&w->turns);
	if (first == NULL)
		return NULL;
	conv = conv_queue_owner(FeedConv, turn, first);
	place(conv, CONV_IDLE, false);
	front(conv)->flying = true;
	return front(conv);
}

/* Is there anything to hand over, or to look for? */
bool
delivery_queue_ready(Webhook *w, TimestampTz now)
{
	if (allowance(w, now) > 0)
	{
		const ConvTurn *first = conv_queue_first_waiting(&w->turns);

		if (conv_queue_first_ready(&w->turns) != NULL || (first != NULL && (w->probing || first->due <= now)))
			return true;
	}
	return wants_scan(w) != NULL;
}

/* When the next event may be handed over, if nothing comes before; 0: not by itself. */
TimestampTz
delivery_queue_next_due(Webhook *w)
{
	const ConvTurn *first = conv_queue_first_waiting(&w->turns);

	if (allowance(w, PG_INT64_MAX) <= 0)
		return 0;
	if (conv_queue_first_ready(&w->turns) != NULL || (w->probing && first != NULL))
		return w->paused_until;
	return first == NULL ? 0 : Max(first->due, w->paused_until);
}

/* Events up to this number are dropped from the table: what is not under way is over. */
void
delivery_queue_dropped(Webhook *w, int64 upto)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &w->undone)
	{
		FeedItem *item = dlist_container(FeedItem, undone, iter.cur);
		FeedConv *conv = item->conv;
		bool was_front = item == front(conv);

		if (item->event->seq > upto)
			break;
		if (item->flying)
			continue;
		remove_item(item);
		if (was_front)
			go_on(conv);
	}
	dlist_foreach_modify(iter, &w->spilled)
	{
		FeedConv *conv = dlist_container(FeedConv, spilled_node, iter.cur);

		conv->spilled_from = Max(conv->spilled_from, upto + 1);
	}
}
