/*
 * hub_queue.h
 *	  The worker's memory of what is to be sent: a queue for each hub, in it the
 *	  conversations, in each its messages, first in, first out.
 */
#ifndef WC_HUB_QUEUE_H
#define WC_HUB_QUEUE_H

#include "lib/ilist.h"
#include "storage/itemptr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "outbound/early_ends.h"
#include "outbound/outbox_reader.h"
#include "turn/conv_queue.h"

/* Messages that one hub's queue holds in memory, by lane; the rest waits in the outbox. */
#define HUB_QUEUE_WINDOW	  16384
#define HUB_QUEUE_BULK_WINDOW 8192

/* Messages that one conversation holds in memory; beyond that it is spilled. */
#define CONV_WINDOW 32

typedef enum ItemState
{
	ITEM_WAITING,
	ITEM_TAKEN, /* in this turn */
	ITEM_SENT,	/* handed to webchatt-net */
	ITEM_ENDED, /* its outcome is known and not yet committed */
	ITEM_STATES
} ItemState;

/* Who goes first: shared/outbox_lane.c. */
typedef enum Lane
{
	LANE_LIVE,
	LANE_BULK,
	LANES
} Lane;

typedef struct Conv Conv;
typedef struct HubQueue HubQueue;

/* One message.  It keeps its place in its conversation until it is settled. */
typedef struct Queued
{
	pg_uuid_t id; /* hash key: must be first */
	Conv *conv;
	dlist_node node; /* in conv->items */
	int64 seq;
	uint64 token;		 /* of its SEND, 0: none */
	TimestampTz expires; /* 0: never */
	TimestampTz since;	 /* since when it is queued */
	int attempts;
	ItemPointerData place;	   /* of its row when it was taken */
	uint8 state;			   /* ItemState */
	bool held;				   /* ENDED, and to be held */
	uint8 lane;				   /* Lane: whose room it takes in memory */
	uint8 by;				   /* Lane: by whose turn it is under way */
	uint8 child;			   /* the outbox table that it came from */
	uint32 turn;			   /* that brought it into memory */
	bool cancelled;			   /* as the outbox says */
	dlist_node cancelled_node; /* in its queue's list, until the turn is committed; prev NULL: nowhere */
	bool ahead;				   /* it came with its conversation; its hub queue has not read its row yet */
} Queued;

struct Conv
{
	HubQueue *queue;
	pg_uuid_t channel;
	char *visitor;
	uint32 hash;
	dlist_head items;
	int nitems;
	int in_state[ITEM_STATES]; /* of them */
	int nheld;				   /* of those that ended */
	bool shown;				   /* the visitor showed up since what is under way was taken */
	bool live;				   /* it has a live message, and so goes before what is bulk */
	int64 live_upto;		   /* the last of these, so far: none behind it is known to be live */
	bool got[LANES];		   /* rows were read, and not looked at yet: see hub_queue_read() */
	dlist_node got_node;
	bool spilled;	 /* rows from refetch_from on are not in memory */
	bool look_again; /* for messages without an order, once it is not spilled */
	uint32 whole_in; /* the pass that found all of it in memory: see hub_queue_knows() */
	int64 refetch_from;
	int64 rest;				/* messages that were read and are not in memory */
	int64 rest_now;			/* of them, those that the turn rest_turn read */
	uint32 rest_turn;		/* see hub_queue_commit() */
	TimestampTz rest_since; /* since when the first of them is queued, or earlier */
	TimestampTz last_since; /* the same of the last that was read anew */
	uint32 in_a_row;		/* messages taken as bulk */
	ConvTurn turn;
};

struct HubQueue
{
	dlist_node node;
	int hub_id;
	OutboxReader *readers[LANES];
	bool behind[LANES];	  /* there may be rows that its reader has not been shown */
	dlist_head got;		  /* conversations of which rows were read */
	bool local;			  /* its messages go to visitors' sessions */
	bool stopped;		  /* the hub refused the key */
	bool gone;			  /* no longer configured */
	char *stop_pending;	  /* why it stopped, until that is committed */
	bool stop_written;	  /* in this turn */
	char *stop_key;		  /* the key that was refused */
	TimestampTz stop_due; /* not to be written before */
	uint32 key_hash;	  /* of the API key, to see that it changed */
	uint64 old_key_until; /* sends up to this token carried another key */
	TimestampTz paused_until;
	int pause_ms; /* the last pause without a Retry-After */
	int failures; /* in a row, without a success */
	bool probing; /* one at a time until one succeeds */
	int nitems;
	int in_lane[LANES];	   /* of them */
	int under_way;		   /* handed to webchatt-net, no outcome yet */
	int under_way_of_bulk; /* of them */
	int nspilled;		   /* conversations */
	int nspilled_live;	   /* of them */
	int64 nrest;		   /* their messages that are not in memory */
	int ncancelled;		   /* messages in memory */
	dlist_head cancelled;
	int nahead;
	EarlyEnds *early_ends;
	TimestampTz oldest; /* see hub_queue_find_oldest() */
	int per_child[3];	/* messages in memory by outbox table */
	ConvQueue turns[LANES];
};

extern dlist_head hub_queue_list;
extern HubQueue *hub_queue_of(int hub_id, bool make);
extern void hub_queue_add(HubQueue *queue, const OutboxRow *row, Lane lane);
extern void hub_queue_scouted(HubQueue *queue, const OutboxRow *row);
extern void hub_queue_read(HubQueue *queue);
extern int hub_queue_room(const HubQueue *queue, Lane lane);
extern bool hub_queue_is_current(const HubQueue *queue);
extern void hub_queue_left(Queued *item);
extern void hub_queue_came_back(Queued *item);
extern void hub_queue_requeued(HubQueue *queue, const pg_uuid_t *channel, const char *visitor);
extern bool hub_queue_knows(HubQueue *queue, const pg_uuid_t *channel, const char *visitor, const pg_uuid_t *message,
							uint32 pass);
extern void hub_queue_shown(HubQueue *queue, const pg_uuid_t *channel, const char *visitor);
extern void hub_queue_each_of(HubQueue *queue, const pg_uuid_t *channel, const char *visitor,
							  void (*visit)(void *arg, Queued *item), void *arg);
extern void hub_queue_wait(Conv *conv, TimestampTz due);
extern void hub_queue_wake_due(HubQueue *queue, TimestampTz now);
extern Queued *hub_queue_next_ready(HubQueue *queue, Lane lane);
extern void hub_queue_ended(Queued *item, bool held);
extern void hub_queue_set_sent(Queued *item, uint64 token);
extern Conv *hub_queue_put_back(Queued *item);
extern void hub_queue_put_back_first(Queued *item);
extern void hub_queue_settle(Queued *item);
extern void hub_queue_add_refetched(Conv *conv, const OutboxRow *row);
extern void hub_queue_refetched(Conv *conv, int rows, int64 last_seq);
extern Queued *hub_queue_find_token(uint64 token);
extern uint64 hub_queue_new_token(void);
extern uint64 hub_queue_last_token(void);
extern int64 hub_queue_depth(const HubQueue *queue);
extern void hub_queue_find_oldest(void);
extern void hub_queue_commit(void);
extern void hub_queue_rollback(void);
extern void hub_queue_each(void (*visit)(void *arg, Queued *item), void *arg);
extern void hub_queue_reset(void);

#endif /* WC_HUB_QUEUE_H */
