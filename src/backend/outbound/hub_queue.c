/*
 * hub_queue.c
 *	  Memory is bounded: what does not fit stays in the outbox, and a conversation
 *	  of which a part does is spilled: it is read anew, in order, once its part in
 *	  memory is settled.
 *
 * To a hub a conversation's messages go one at a time: only so do they keep their
 * order when one has to be tried again.  To our own visitors many are under way: the
 * corridor and the visitor's socket keep their order, and whatever finds nobody there
 * finds nobody for all that left behind it, until a visitor is welcomed; so from then
 * on nothing more leaves before those have come back (see next_to_go()).
 *
 * A hub has two lanes, each with its reader and its window; a conversation is in one
 * of them.  Its order is one all the same: where a message is read while the other lane
 * has rows that are not, the conversation is read anew from the outbox, with whatever it
 * has in there (see hub_queue_read()), and if one of these is live all of them go with it.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "outbound/hub_queue.h"
#include "outbound/outbox_reader.h"
#include "shared/blob_hash.h"
#include "shared/outbox_lane.h"
#include "turn/connected.h"
#include "turn/conv_queue.h"

/* Messages of one conversation that leave in a row where they are bulk: no more than it has in memory. */
#define BULK_IN_A_ROW (CONV_WINDOW / 2)

/* simplehash of conversations, by hub queue, channel and visitor */
typedef struct ConvSlot
{
	Conv *conv;
	char status;
} ConvSlot;

#define SH_PREFIX			 convs
#define SH_ELEMENT_TYPE		 ConvSlot
#define SH_KEY_TYPE			 Conv *
#define SH_KEY				 conv
#define SH_HASH_KEY(tb, key) ((key)->hash)
#define SH_EQUAL(tb, a, b)                                                                                             \
	((a)->hash == (b)->hash && (a)->queue == (b)->queue &&                                                             \
	 memcmp(&(a)->channel, &(b)->channel, sizeof(pg_uuid_t)) == 0 && strcmp((a)->visitor, (b)->visitor) == 0)
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

typedef struct TokenEntry
{
	uint64 token;
	Queued *item;
} TokenEntry;

dlist_head hub_queue_list = DLIST_STATIC_INIT(hub_queue_list);

static MemoryContext context = NULL;
static convs_hash *convs = NULL;
static HTAB *items = NULL; /* pointers to Queued by id */
static HTAB *tokens = NULL;
static uint64 last_token = 0;
static uint32 this_turn = 1;

typedef struct ItemEntry
{
	pg_uuid_t id;
	Queued *item;
} ItemEntry;

static void
init(void)
{
	if (context != NULL)
		return;
	context = AllocSetContextCreate(TopMemoryContext, "webchatt queue", ALLOCSET_DEFAULT_SIZES);
	convs = convs_create(context, 1024, NULL);
	items = wc_blob_hash("webchatt messages", context, sizeof(pg_uuid_t), sizeof(ItemEntry), 1024);
	tokens = wc_blob_hash("webchatt sends", context, sizeof(uint64), sizeof(TokenEntry), 1024);
}

/* Forget everything: the outbox still has it. */
void
hub_queue_reset(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		outbox_reader_free(queue->readers[LANE_LIVE]);
		outbox_reader_free(queue->readers[LANE_BULK]);
	}
	dlist_init(&hub_queue_list);
	if (context != NULL)
		MemoryContextDelete(context);
	context = NULL;
}

/* The queue of a hub; NULL when there is none and none shall be made. */
HubQueue *
hub_queue_of(int hub_id, bool make)
{
	dlist_iter iter;
	HubQueue *queue;
	MemoryContext old;

	init();
	dlist_foreach(iter, &hub_queue_list)
	{
		queue = dlist_container(HubQueue, node, iter.cur);
		if (queue->hub_id == hub_id)
			return queue;
	}
	if (!make)
		return NULL;
	old = MemoryContextSwitchTo(context);
	queue = palloc0(sizeof(HubQueue));
	queue->hub_id = hub_id;
	queue->early_ends = early_ends_new();
	dlist_init(&queue->cancelled);
	queue->readers[LANE_LIVE] = outbox_reader_new(hub_id);
	queue->readers[LANE_BULK] = outbox_reader_new(WC_BULK_LANE(hub_id));
	outbox_reader_pair(queue->readers[LANE_LIVE], queue->readers[LANE_BULK]);
	queue->behind[LANE_LIVE] = queue->behind[LANE_BULK] = true;
	dlist_init(&queue->got);
	conv_queue_init(&queue->turns[LANE_LIVE]);
	conv_queue_init(&queue->turns[LANE_BULK]);
	MemoryContextSwitchTo(old);
	dlist_push_tail(&hub_queue_list, &queue->node);
	return queue;
}

/* The conversation; NULL when it is not in memory and shall not be made. */
static Conv *
conv_for(HubQueue *queue, const pg_uuid_t *channel, const char *visitor, bool make)
{
	Conv probe;
	Conv *conv;
	ConvSlot *slot;
	bool found;

	probe.queue = queue;
	probe.channel = *channel;
	probe.visitor = unconstify(char *, visitor);
	probe.hash = hash_combine(hash_bytes(channel->data, sizeof(pg_uuid_t)),
							  hash_bytes((const unsigned char *) visitor, strlen(visitor)));
	slot = convs_lookup(convs, &probe);
	if (slot != NULL)
		return slot->conv;
	if (!make)
		return NULL;
	conv = MemoryContextAllocZero(context, sizeof(Conv));
	conv->queue = queue;
	conv->channel = *channel;
	conv->visitor = MemoryContextStrdup(context, visitor);
	conv->hash = probe.hash;
	conv->live_upto = -1;
	conv->refetch_from = PG_INT64_MAX;
	dlist_init(&conv->items);
	slot = convs_insert(convs, conv, &found);
	slot->conv = conv;
	return conv;
}

static Lane
lane_of(const Conv *conv)
{
	return conv->live ? LANE_LIVE : LANE_BULK;
}

static ConvQueue *
turns_of(Conv *conv)
{
	return &conv->queue->turns[lane_of(conv)];
}

static void
spill(Conv *conv, int64 seq, TimestampTz since)
{
	if (!conv->spilled)
	{
		conv->queue->nspilled++;
		conv->rest_since = since;
		conv->queue->nspilled_live += conv->live ? 1 : 0;
	}
	conv->spilled = true;
	conv->refetch_from = Min(conv->refetch_from, seq);
	if (since != 0 && (conv->rest_since == 0 || since < conv->rest_since))
		conv->rest_since = since;
}

/* So many messages more are read and not in memory; read: by this turn, so that it can be undone. */
static void
count_rest(Conv *conv, int64 n, bool read)
{
	n = Max(n, -conv->rest);
	conv->rest += n;
	conv->queue->nrest += n;
	if (!read)
		return;
	if (conv->rest_turn != this_turn)
		conv->rest_now = 0;
	conv->rest_turn = this_turn;
	conv->rest_now += n;
}

static void
set_token(Queued *item, uint64 token)
{
	if (item->token != 0)
		hash_search(tokens, &item->token, HASH_REMOVE, NULL);
	item->token = token;
	if (token != 0)
	{
		TokenEntry *entry = hash_search(tokens, &token, HASH_ENTER, NULL);

		entry->item = item;
	}
}

static void
set_state(Queued *item, ItemState state)
{
	Conv *conv = item->conv;

	conv->in_state[item->state]--;
	conv->nheld -= item->held ? 1 : 0;
	item->state = (uint8) state;
	item->held = false;
	conv->in_state[state]++;
}

/* The message of a conversation that may leave now; NULL: none may. */
static Queued *
next_to_go(Conv *conv)
{
	dlist_iter iter;

	if (conv->in_state[ITEM_WAITING] == 0)
		return NULL;
	if (!conv->queue->local)
	{
		Queued *front = dlist_head_element(Queued, node, &conv->items);

		return front->state == ITEM_WAITING ? front : NULL;
	}
	/* what is to be held, or may come back to be sent again, is overtaken by none */
	if (conv->nheld > 0 || (conv->shown && conv->in_state[ITEM_SENT] > 0))
		return NULL;
	dlist_foreach(iter, &conv->items)
	{
		Queued *item = dlist_container(Queued, node, iter.cur);

		if (item->state == ITEM_WAITING)
			return item;
	}
	return NULL;
}

/* In which lane is it to be?  Its own place in there is for the caller to find. */
static void
follow_lane(Conv *conv)
{
	int64 front = conv->nitems > 0 ? dlist_head_element(Queued, node, &conv->items)->seq : conv->refetch_from;
	bool live = front <= conv->live_upto;

	if (live == conv->live)
		return;
	conv_queue_move(turns_of(conv), &conv->turn, CONV_IDLE, false);
	conv->live = live;
	if (conv->spilled)
		conv->queue->nspilled_live += live ? 1 : -1;
}

/* A visitor who is there waits for what is said. */
static ConvPlace
refetch_place(const Conv *conv)
{
	return conv->queue->local && connected_is(&conv->channel, conv->visitor) ? CONV_REFETCH_FIRST : CONV_REFETCH;
}

/* Put a conversation where its contents say, or free an empty one. */
static void
replace(Conv *conv, bool first)
{
	bool ready = next_to_go(conv) != NULL;

	follow_lane(conv);
	if (ready && conv->turn.place == CONV_READY && !first)
		return;
	if (ready)
		conv_queue_move(turns_of(conv), &conv->turn, CONV_READY, first);
	else if (conv->nitems > 0)
		conv_queue_move(turns_of(conv), &conv->turn, CONV_IDLE, false);
	else if (conv->spilled)
		conv_queue_move(turns_of(conv), &conv->turn, refetch_place(conv), false);
	else
	{
		conv_queue_move(turns_of(conv), &conv->turn, CONV_IDLE, false);
		if (conv->got[LANE_LIVE] || conv->got[LANE_BULK])
			dlist_delete(&conv->got_node);
		convs_delete(convs, conv);
		pfree(conv->visitor);
		pfree(conv);
	}
}

/* NULL: it is there already. */
static Queued *
add_item(Conv *conv, const OutboxRow *row, Lane lane)
{
	ItemEntry *entry;
	Queued *item;
	bool found;

	entry = hash_search(items, row->message, HASH_ENTER, &found);
	if (found)
		return NULL;
	item = MemoryContextAllocZero(context, sizeof(Queued));
	entry->item = item;
	item->id = *row->message;
	item->conv = conv;
	item->seq = row->seq;
	item->turn = this_turn;
	item->since = row->since;
	item->expires = row->expires;
	item->child = (uint8) row->child;
	item->lane = (uint8) lane;
	dlist_push_tail(&conv->items, &item->node);
	conv->nitems++;
	conv->in_state[ITEM_WAITING]++;
	conv->queue->nitems++;
	conv->queue->in_lane[lane]++;
	conv->queue->per_child[item->child]++;
	return item;
}

/* Whether it is cancelled, as the rows of this turn say. */
static void
set_cancelled(Queued *item, bool is)
{
	HubQueue *queue = item->conv->queue;

	if (item->cancelled == is)
		return;
	item->cancelled = is;
	queue->ncancelled += is ? 1 : -1;
	if (is)
		dlist_push_tail(&queue->cancelled, &item->cancelled_node);
	else if (item->cancelled_node.prev != NULL)
		dlist_delete(&item->cancelled_node);
	if (!is)
		item->cancelled_node.prev = NULL;
}

static void
drop_item(Queued *item)
{
	Conv *conv = item->conv;

	set_cancelled(item, false);
	set_token(item, 0);
	set_state(item, ITEM_WAITING);
	conv->in_state[ITEM_WAITING]--;
	dlist_delete(&item->node);
	conv->nitems--;
	conv->queue->nitems--;
	conv->queue->in_lane[item->lane]--;
	conv->queue->per_child[item->child]--;
	conv->queue->nahead -= item->ahead;
	hash_search(items, &item->id, HASH_REMOVE, NULL);
	pfree(item);
}

static Queued *
find_item(const pg_uuid_t *message)
{
	ItemEntry *entry = hash_search(items, message, HASH_FIND, NULL);

	return entry ? entry->item : NULL;
}

/* A message was cancelled: it is not counted any more.  What is under way may be sent all the same. */
static void
cancelled(HubQueue *queue, const OutboxRow *row)
{
	Queued *item = find_item(row->message);
	Conv *conv = conv_for(queue, row->channel, row->visitor, false);

	if (item != NULL)
		set_cancelled(item, true);
	else if (row->scouted ? early_ends_take(queue->early_ends, row->message) : true)
	{
		if (conv != NULL && conv->spilled)
			count_rest(conv, -1, true);
	}
}

/* A row that the reader will hand out when there is room. */
void
hub_queue_scouted(HubQueue *queue, const OutboxRow *row)
{
	Queued *item;

	if (row->op != 'k' || row->worth < 0 || row->message == NULL || row->channel == NULL || row->visitor == NULL)
		return;
	item = find_item(row->message);
	if (item != NULL)
		set_cancelled(item, true);
	else
		early_ends_add(queue->early_ends, row->message);
}

/* The row of a message in memory: it came before its row, or is queued once more. */
static void
met(Queued *item)
{
	if (!item->ahead)
		set_cancelled(item, false);
	item->conv->queue->nahead -= item->ahead;
	item->ahead = false;
}

/* It leaves memory, and the outbox has it still. */
static void
drop_to_outbox(Queued *item)
{
	spill(item->conv, item->seq, item->since);
	if (!item->ahead && !item->cancelled)
		count_rest(item->conv, 1, item->turn == this_turn);
	drop_item(item);
}

/*
 * What is in memory of a conversation and not under way is to be read anew, in order,
 * with all that the outbox has of it.  But for what is being tried again: that stands
 * before it all, and waits its time.
 */
static void
read_anew(Conv *conv, TimestampTz since)
{
	dlist_mutable_iter iter;

	spill(conv, 0, since);
	dlist_foreach_modify(iter, &conv->items)
	{
		Queued *item = dlist_container(Queued, node, iter.cur);

		if (item->state == ITEM_WAITING && item->attempts == 0)
			drop_to_outbox(item);
	}
	if (conv->turn.place != CONV_WAITING || conv->nitems == 0)
		replace(conv, false);
}

/* It has a live message: up to that it goes with those that have, from where it stands. */
static void
make_live(Conv *conv, int64 seq)
{
	uint8 place = conv->turn.place;

	conv->live_upto = Max(conv->live_upto, seq);
	if (conv->nitems > 0)
		conv->live_upto = Max(conv->live_upto, dlist_tail_element(Queued, node, &conv->items)->seq);
	if (conv->live)
		return;
	follow_lane(conv);
	if (place == CONV_WAITING)
		conv_queue_wait(turns_of(conv), &conv->turn, conv->turn.due);
	else if (place != CONV_IDLE)
		conv_queue_move(turns_of(conv), &conv->turn, place == CONV_READY ? CONV_READY : refetch_place(conv), false);
}

/*
 * A row of the outbox, from that lane.  One that is in memory already is passed over,
 * as a pass may be read twice; but not one that was held and is queued again: what
 * is in memory of it may be the very end that held it, in this turn.
 */
void
hub_queue_add(HubQueue *queue, const OutboxRow *row, Lane lane)
{
	Conv *conv;
	Queued *item;

	if (row->message == NULL || row->channel == NULL || row->visitor == NULL || row->worth < 0)
		return;
	if (row->op == 'k')
	{
		cancelled(queue, row);
		return;
	}
	/* one of several rows of its message says nothing of the one that counts */
	if (row->worth > 0 ? early_ends_take(queue->early_ends, row->message)
					   : early_ends_has(queue->early_ends, row->message))
		return;
	item = find_item(row->message);
	if (item != NULL && (row->op != 'r' || item->ahead))
	{
		met(item);
		return;
	}
	conv = conv_for(queue, row->channel, row->visitor, true);
	if (!conv->got[LANE_LIVE] && !conv->got[LANE_BULK])
		dlist_push_tail(&queue->got, &conv->got_node);
	conv->got[lane] = true;
	if (row->op == 'r' || (lane == LANE_BULK && row->seq < conv->live_upto))
		read_anew(conv, row->since);
	else if (conv->spilled || conv->nitems >= CONV_WINDOW)
		spill(conv, row->seq, row->since);
	else
		(void) add_item(conv, row, lane);
	if (conv->spilled)
		count_rest(conv, row->worth, true);
	if (lane == LANE_LIVE)
		make_live(conv, row->seq);
	if (conv->turn.place == CONV_IDLE)
		replace(conv, false);
}

/*
 * Both lanes were read, the live one first, as far as there was room.  If rows of
 * one may be unread, older ones of a conversation that has got some from the other may
 * be among them: so it is read anew as a whole.  If not, whatever was committed before a row
 * that was read is in memory, and in order: see hub_queue_add() for what came later.
 */
void
hub_queue_read(HubQueue *queue)
{
	while (!dlist_is_empty(&queue->got))
	{
		Conv *conv = dlist_container(Conv, got_node, dlist_pop_head_node(&queue->got));
		bool anew =
			(conv->got[LANE_LIVE] && queue->behind[LANE_BULK]) || (conv->got[LANE_BULK] && queue->behind[LANE_LIVE]);

		conv->got[LANE_LIVE] = conv->got[LANE_BULK] = false;
		if (anew)
			read_anew(conv, 0);
	}
}

/* For how many messages there is room: what is to be read anew takes some too. */
int
hub_queue_room(const HubQueue *queue, Lane lane)
{
	if (lane == LANE_LIVE)
		return HUB_QUEUE_WINDOW - queue->in_lane[LANE_LIVE] - queue->nspilled_live;
	return HUB_QUEUE_BULK_WINDOW - queue->in_lane[LANE_BULK] - (queue->nspilled - queue->nspilled_live);
}

/* Was everything read that was there when it was last read? */
bool
hub_queue_is_current(const HubQueue *queue)
{
	return outbox_reader_is_current(queue->readers[LANE_LIVE]) && outbox_reader_is_current(queue->readers[LANE_BULK]);
}

/* It is on its way to webchatt-net. */
void
hub_queue_left(Queued *item)
{
	item->conv->queue->under_way++;
	item->conv->queue->under_way_of_bulk += item->by == LANE_BULK ? 1 : 0;
}

/* It has an outcome. */
void
hub_queue_came_back(Queued *item)
{
	item->conv->queue->under_way--;
	item->conv->queue->under_way_of_bulk -= item->by == LANE_BULK ? 1 : 0;
}

/*
 * Messages of a conversation that were held are queued again, with the place
 * they had: so what is in memory of it and not under way is read anew.
 */
void
hub_queue_requeued(HubQueue *queue, const pg_uuid_t *channel, const char *visitor)
{
	Conv *conv;

	init();
	conv = conv_for(queue, channel, visitor, true);
	read_anew(conv, 0);
}

/*
 * Has a message that is queued an order in the outbox?  Asked when all of that was
 * read.  True where it cannot be said, as it may be among what is not in memory: then
 * the conversation is looked through when it is.  But where all of it was in memory when
 * this pass (of those who ask; not 0) first met it, what is not there now is only what
 * was given an order since; pass 0: of messages that may be as new as that.
 */
bool
hub_queue_knows(HubQueue *queue, const pg_uuid_t *channel, const char *visitor, const pg_uuid_t *message, uint32 pass)
{
	Conv *conv;

	if (hash_search(items, message, HASH_FIND, NULL) != NULL)
		return true;
	conv = conv_for(queue, channel, visitor, true);
	if (!conv->spilled)
	{
		if (pass != 0)
			conv->whole_in = pass;
		return false;
	}
	if (pass != 0 && conv->whole_in == pass)
		return false;
	conv->look_again = true;
	return true;
}

/* The visitor showed up: note it where a message to them is under way. */
void
hub_queue_shown(HubQueue *queue, const pg_uuid_t *channel, const char *visitor)
{
	Conv *conv = conv_for(queue, channel, visitor, false);

	if (conv != NULL)
		conv->shown = true;
}

/* Visit a conversation's messages that are in memory, in order. */
void
hub_queue_each_of(HubQueue *queue, const pg_uuid_t *channel, const char *visitor,
				  void (*visit)(void *arg, Queued *item), void *arg)
{
	Conv *conv = conv_for(queue, channel, visitor, false);
	dlist_iter iter;

	if (conv == NULL)
		return;
	dlist_foreach(iter, &conv->items) visit(arg, dlist_container(Queued, node, iter.cur));
}

/* Try a conversation again at due. */
void
hub_queue_wait(Conv *conv, TimestampTz due)
{
	conv_queue_wait(turns_of(conv), &conv->turn, due);
}

void
hub_queue_wake_due(HubQueue *queue, TimestampTz now)
{
	ConvTurn *first;
	int lane;

	for (lane = 0; lane < LANES; lane++)
	{
		while ((first = conv_queue_first_waiting(&queue->turns[lane])) != NULL && first->due <= now)
			replace(conv_queue_owner(Conv, turn, first), false);
	}
}

/*
 * Take a message of a lane's next ready conversation, which then lets the others go first; where nobody waits for
 * each (bulk), when it had a few: they leave by one write, and their rows lie side by side.  NULL when none is ready.
 */
Queued *
hub_queue_next_ready(HubQueue *queue, Lane lane)
{
	ConvTurn *first;

	while ((first = conv_queue_first_ready(&queue->turns[lane])) != NULL)
	{
		Conv *conv = conv_queue_owner(Conv, turn, first);
		Queued *item = next_to_go(conv);

		conv_queue_move(&queue->turns[lane], first, CONV_IDLE, false);
		if (item == NULL)
			continue; /* it expired, and goes when that is committed */
		set_state(item, ITEM_TAKEN);
		item->by = (uint8) lane;
		conv->shown = false;
		if (next_to_go(conv) != NULL)
			replace(conv, lane == LANE_BULK && ++conv->in_a_row % BULK_IN_A_ROW != 0);
		return item;
	}
	return NULL;
}

/* The message is under way, by this SEND. */
void
hub_queue_set_sent(Queued *item, uint64 token)
{
	set_token(item, token);
	set_state(item, ITEM_SENT);
}

/* How it ended is known; held: it is to be held, and with it whatever stands behind it. */
void
hub_queue_ended(Queued *item, bool held)
{
	set_token(item, 0);
	set_state(item, ITEM_ENDED);
	item->held = held;
	item->conv->nheld += held ? 1 : 0;
}

/*
 * One of many that were under way, where older ones are to be read anew: it comes
 * with them.
 */
static bool
is_read_anew(const Queued *item)
{
	return item->conv->queue->local && item->conv->spilled && item->seq >= item->conv->refetch_from;
}

static Conv *
put_back(Queued *item, bool first)
{
	Conv *conv = item->conv;

	set_token(item, 0);
	set_state(item, ITEM_WAITING);
	if (is_read_anew(item))
		drop_to_outbox(item);
	replace(conv, first);
	return conv;
}

/* The message is to be tried again, now.  Its conversation, for it may be out of memory itself. */
Conv *
hub_queue_put_back(Queued *item)
{
	return put_back(item, false);
}

/* The same, in front of the others: the turn that took it was undone. */
void
hub_queue_put_back_first(Queued *item)
{
	(void) put_back(item, true);
}

/* The message needs nothing more. */
void
hub_queue_settle(Queued *item)
{
	Conv *conv = item->conv;

	if (item->ahead)
		early_ends_add(conv->queue->early_ends, &item->id);
	drop_item(item);
	if (conv->turn.place != CONV_WAITING || conv->nitems == 0)
		replace(conv, false);
}

/*
 * A row of a spilled conversation that is being read anew: each, or what is behind it would overtake
 * it.  Should there be no memory to say that it ended, its row comes in once more and finds it ended.
 */
void
hub_queue_add_refetched(Conv *conv, const OutboxRow *row)
{
	HubQueue *queue = conv->queue;
	bool ahead = !outbox_reader_passed(queue->readers[row->bulk ? LANE_BULK : LANE_LIVE], row);
	Queued *item;

	if (row->message == NULL || !outbox_reader_is_send(row))
		return;
	item = add_item(conv, row, lane_of(conv));
	if (item == NULL)
		return;
	item->ahead = ahead;
	queue->nahead += ahead;
	if (!ahead)
		count_rest(conv, -1, false);
	item->since = Max(outbox_reader_queued_at(&item->id), conv->rest_since);
	conv->last_since = item->since;
}

/*
 * A spilled conversation was read from refetch_from on: rows of them, the last
 * with last_seq.  Fewer than a window: that was all of it.
 */
void
hub_queue_refetched(Conv *conv, int rows, int64 last_seq)
{
	if (rows < CONV_WINDOW)
	{
		conv->spilled = false;
		conv->refetch_from = PG_INT64_MAX;
		conv->queue->nspilled--;
		count_rest(conv, -conv->rest, false);
		conv->rest_now = 0;
		conv->queue->nspilled_live -= conv->live ? 1 : 0;
		conv->look_again = false;
	}
	else
	{
		conv->refetch_from = last_seq + 1;
		conv->rest_since = Max(conv->rest_since, conv->last_since);
	}
	replace(conv, false);
}

/* How many messages are queued: what is under way is. */
int64
hub_queue_depth(const HubQueue *queue)
{
	TimestampTz oldest;
	int64 unread = outbox_reader_unread_messages(queue->readers[LANE_LIVE], &oldest) +
				   outbox_reader_unread_messages(queue->readers[LANE_BULK], &oldest);

	return Max(0, queue->nitems - queue->ncancelled - queue->nahead + queue->nrest + unread -
					  early_ends_count(queue->early_ends));
}

static void
older(HubQueue *queue, TimestampTz since)
{
	if (since != 0 && (queue->oldest == 0 || since < queue->oldest))
		queue->oldest = since;
}

/*
 * Note in each queue since when its oldest message is queued.  Rows are read in
 * the order of commit, so what is not read yet counts only while memory has nothing.
 */
void
hub_queue_find_oldest(void)
{
	HASH_SEQ_STATUS scan;
	ItemEntry *entry;
	convs_iterator i;
	ConvSlot *slot;
	dlist_iter iter;
	TimestampTz oldest;
	int lane;

	if (context == NULL)
		return;
	dlist_foreach(iter, &hub_queue_list) dlist_container(HubQueue, node, iter.cur)->oldest = 0;
	hash_seq_init(&scan, items);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (!entry->item->cancelled)
			older(entry->item->conv->queue, entry->item->since);
	}
	convs_start_iterate(convs, &i);
	while ((slot = convs_iterate(convs, &i)) != NULL)
	{
		if (slot->conv->rest > 0)
			older(slot->conv->queue, slot->conv->rest_since);
	}
	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		for (lane = 0; lane < LANES; lane++)
		{
			(void) outbox_reader_unread_messages(queue->readers[lane], &oldest);
			if (queue->oldest == 0 || queue->in_lane[lane] == 0)
				older(queue, oldest);
		}
	}
}

/* What is known to be cancelled waits no longer; what is under way may be sent all the same. */
static void
let_go_of_cancelled(HubQueue *queue)
{
	while (!dlist_is_empty(&queue->cancelled))
	{
		Queued *item = dlist_container(Queued, cancelled_node, dlist_pop_head_node(&queue->cancelled));

		item->cancelled_node.prev = NULL;
		if (item->state == ITEM_WAITING)
			hub_queue_settle(item);
	}
}

/* The turn is committed: what it read is read. */
void
hub_queue_commit(void)
{
	dlist_iter iter;

	this_turn++;
	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		let_go_of_cancelled(queue);
		outbox_reader_commit(queue->readers[LANE_LIVE]);
		outbox_reader_commit(queue->readers[LANE_BULK]);
		early_ends_commit(queue->early_ends, hub_queue_is_current(queue));
	}
}

/* The turn is undone: its rows are read again, and counted then. */
void
hub_queue_rollback(void)
{
	convs_iterator i;
	ConvSlot *slot;
	dlist_iter iter;

	if (context == NULL)
		return;
	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		queue->behind[LANE_LIVE] = queue->behind[LANE_BULK] = true;
		hub_queue_read(queue);
	}
	convs_start_iterate(convs, &i);
	while ((slot = convs_iterate(convs, &i)) != NULL)
	{
		if (slot->conv->rest_turn == this_turn)
			count_rest(slot->conv, -slot->conv->rest_now, false);
	}
	this_turn++;
	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		outbox_reader_rollback(queue->readers[LANE_LIVE]);
		outbox_reader_rollback(queue->readers[LANE_BULK]);
		early_ends_rollback(queue->early_ends);
	}
}

/* Visit every message in memory; the visitor must not settle any. */
void
hub_queue_each(void (*visit)(void *arg, Queued *item), void *arg)
{
	HASH_SEQ_STATUS scan;
	ItemEntry *entry;

	if (context == NULL)
		return;
	hash_seq_init(&scan, items);
	while ((entry = hash_seq_search(&scan)) != NULL)
		visit(arg, entry->item);
}

Queued *
hub_queue_find_token(uint64 token)
{
	TokenEntry *entry = context ? hash_search(tokens, &token, HASH_FIND, NULL) : NULL;

	return entry ? entry->item : NULL;
}

/* The token of the next SEND. */
uint64
hub_queue_new_token(void)
{
	return ++last_token;
}

/* That of the latest. */
uint64
hub_queue_last_token(void)
{
	return last_token;
}
