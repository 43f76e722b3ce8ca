/*
 * feed.h
 *	  Who gets the local hub's events: webhooks and links, as feed.c and the files
 *	  below it have them.
 *
 * feed.c is called by the turn.  Below it are link_feed.c, webhooks.c (deliveries.c:
 * what is under way, delivery_queue.c: what waits, delivery_results.c: what becomes of
 * it, delivery_retries.c: what is asked for once more), feed_orders.c, which
 * publishes what sessions did, feed_reader.c, which reads webchatt.feed for them
 * all, and feed_retention.c, which drops what is old.  What a turn finds counts from
 * its commit on: until then it is "fresh".
 */
#ifndef WC_FEED_H
#define WC_FEED_H

#include "worker/worker.h"

#include "lib/ilist.h"
#include "lib/pairingheap.h"
#include "utils/hsearch.h"

/* How long the statements of feeds may take in one turn, in ms. */
#define FEEDS_TIME_MS 10000

/* The channels that an API key may use. */
typedef struct FeedChannels
{
	pg_uuid_t *ids; /* NULL: all */
	int n;
} FeedChannels;

/* Whoever gets events. */
typedef struct Feed
{
	dlist_node node; /* in feeds_all */
	bool is_link;
	FeedChannels channels; /* gets the events of these only */
	int64 upto;			   /* read up to this number */
	bool more;			   /* there may be events behind it */
	uint64 served;		   /* when it last got a page: a count of pages */
	bool reading;		   /* this turn: it got a page */
	bool full;			   /* this turn: there was no room for all of that */
	int64 fresh_upto;
	bool fresh_more;
} Feed;

extern dlist_head feeds_all;

extern FeedChannels feed_channels(uint64 row, int column, MemoryContext context);
extern void feed_set_channels(Feed *feed, FeedChannels channels);

/* A row of webchatt.feed, as long as it is being read. */
typedef struct EventRow
{
	int64 seq;
	bool is_message;
	const pg_uuid_t *channel;
	const pg_uuid_t *message;
	uint64 conversation; /* a hash: of two that have the same, one waits for the other */
	const char *body;	 /* NULL: the message is gone */
	uint32 len;
	bool known_good;		   /* the log has a success of it */
	int attempts;			   /* and so many attempts */
	struct FeedEvent **shared; /* where several keep it, the one that they keep */
} EventRow;

/* feed_orders.c */
extern TimestampTz event_orders_due(void);
extern void event_orders_publish(void *arg);
extern void event_orders_later(TimestampTz now);
extern void event_orders_drop(void);
extern void event_orders_commit(void);
extern void event_orders_rollback(void);
extern void event_orders_reset(void);

/* feed_reader.c */
extern bool event_reader_ready(void);
extern void event_reader_run(void);
extern void event_reader_expect(void);
extern void event_reader_commit(void);
extern void event_reader_rollback(void);
extern void event_reader_scan(int64 after, int limit, void (*take)(void *arg, const EventRow *row), void *arg);

/* link_feed.c */
extern bool links_accept(const wc_frame *frame);
extern int links_pending(void);
extern bool links_ready(void);
extern void links_read_configuration(void);
extern bool links_exist(void);
extern void links_apply(void);
extern void links_try_held(void);
extern void links_undo_apply(void);
extern bool links_came(void);
extern void links_welcome(void);
extern void links_turn_away(void);
extern void links_undo_take(void);
extern bool links_has_room(Feed *feed);
extern bool links_take(Feed *feed, const EventRow *row);
extern void links_commit(wc_buf *out);
extern void links_rollback(void);
extern int64 links_acknowledged(void);
extern void links_dropped(int64 upto);
extern void links_net_lost(void);
extern void links_reset(void);

/* An event in memory, shared by the webhooks that have not got it yet. */
typedef struct FeedEvent
{
	int64 seq;
	pg_uuid_t message;
	int refs;
	uint32 len;
	char body[FLEXIBLE_ARRAY_MEMBER];
} FeedEvent;

typedef struct Webhook Webhook;
typedef struct FeedConv FeedConv;

/* An event that a webhook has not got yet. */
typedef struct FeedItem
{
	dlist_node undone; /* in webhook->undone */
	dlist_node node;   /* in conv->items */
	FeedConv *conv;	   /* NULL while it is fresh */
	uint64 conversation;
	FeedEvent *event;
	int attempts;
	bool flying;	   /* under way */
	bool finished;	   /* this turn: delivered or given up */
	TimestampTz since; /* when it came here */
} FeedItem;

typedef enum FeedPlace
{
	FEED_IDLE,	 /* on no list: its front is under way, or it is empty */
	FEED_READY,	 /* on webhook->ready */
	FEED_WAITING /* on webhook->waiting, until due */
} FeedPlace;

/* A conversation, as far as a webhook has not got all of it. */
struct FeedConv
{
	uint64 key; /* must be first: the hash of channel and visitor */
	Webhook *webhook;
	dlist_head items;
	int nitems;
	int failures; /* in a row */
	uint8 place;  /* FeedPlace */
	dlist_node ready_node;
	pairingheap_node wait_node;
	TimestampTz due;
	int64 spilled_from; /* events from this one on are not in memory; 0: all are */
	bool on_spilled;	/* it is on webhook->spilled */
	dlist_node spilled_node;
	int64 fresh_scanned; /* this turn: read anew, up to this one; 0: not */
};

/* A row of webchatt.webhooks with its progress. */
typedef struct WebhookRow
{
	pg_uuid_t id;
	uint32 n;
	bool is_message;
	char *endpoint;
	char *headers; /* NULL: none */
	char *secret;  /* NULL: none */
	bool active;
	bool verified;
	FeedChannels channels;
	int64 done_upto;
	int failures;
	TimestampTz failing_since; /* 0: the last attempt succeeded */
	char *last_error;
	TimestampTz last_success_at;
	int64 known_upto;
} WebhookRow;

#define FEED_ERROR_SIZE 256

typedef struct WebhookProgress
{
	int failures;
	TimestampTz failing_since;
	TimestampTz last_success_at;
	char last_error[FEED_ERROR_SIZE];
} WebhookProgress;

struct Webhook
{
	Feed feed; /* must be first */
	MemoryContext context;
	const WebhookRow *row; /* as configured */
	bool listed;		   /* it still is, as a new configuration is taken over */
	WebhookProgress progress;
	WebhookProgress next; /* this turn's */
	bool touched;		  /* this turn: next is another */
	bool dirty;			  /* the table has another */
	int64 done_upto;	  /* as the table has it */
	int64 fresh_done_upto;
	bool writing; /* this turn: the table is told */
	TimestampTz written_at;
	TimestampTz success_at; /* since the worker started; 0: none yet */
	int64 known_upto;		/* the log may have successes up to here */

	/* its queue: deliveries.c */
	HTAB *convs;
	dlist_head undone; /* in order */
	int nundone;
	size_t bytes;	  /* of their bodies */
	dlist_head fresh; /* read in this turn */
	int nfresh;
	size_t fresh_bytes;
	dlist_head ready;
	pairingheap *waiting;
	dlist_head spilled;
	uint64 scanned; /* when the table was last looked through for these: a count of scans */
	int under_way;	/* whose end is not settled */
	bool shedding;	/* forget all that, once nothing is under way */
	TimestampTz paused_until;
	int pause_ms;
	bool probing; /* one at a time */
	int retries;  /* under way, out of the order */

	/* is the endpoint ours to post to? */
	bool verifying; /* a question is under way */
	TimestampTz verify_due;
	int verify_ms;
};

typedef enum DeliveryKind
{
	DELIVERY_EVENT,
	DELIVERY_RETRY, /* that somebody asked for */
	DELIVERY_VERIFY
} DeliveryKind;

typedef enum Verdict
{
	VERDICT_GOOD,
	VERDICT_AGAIN,
	VERDICT_GIVEN_UP
} Verdict;

/* One attempt, from DELIVER until its end is in the tables. */
typedef struct Delivery
{
	uint64 token; /* must be first */
	Webhook *webhook;
	uint8 kind;		  /* DeliveryKind */
	FeedItem *item;	  /* of an EVENT */
	FeedEvent *event; /* of a RETRY: its own */
	pg_uuid_t log_id;
	int attempt;
	char *endpoint; /* of a VERIFY */

	/* its end */
	dlist_node node; /* in deliveries_ended */
	bool ended;
	bool recorded; /* this turn */
	uint8 verdict; /* this turn */
	bool unsent;   /* it was never made, and is nobody's fault */
	bool good;
	int http_status;
	int retry_after_ms;
	int duration_us;
	TimestampTz sent_at;
	char *answer; /* NULL: none */
	char *error;  /* NULL: none */
} Delivery;

/* deliveries.c: what is under way */
extern dlist_head deliveries_ended;
extern int deliveries_nended;
extern HTAB *deliveries_all;

extern bool deliveries_accept(const wc_frame *frame);
extern Delivery *deliveries_start(Webhook *w, DeliveryKind kind);
extern void deliveries_end(Delivery *d, const wc_delivered *m);
extern void deliveries_fail(Delivery *d, const char *why);
extern void deliveries_forget(Delivery *d);
extern bool deliveries_write(wc_buf *out, const Delivery *d, const char *token);
extern void deliveries_id(const Webhook *w, const FeedEvent *event, pg_uuid_t *id);
extern FeedEvent *feed_event_new(int64 seq, const pg_uuid_t *message, const char *body, uint32 len);
extern void feed_event_free(FeedEvent *event);

/* delivery_queue.c: what a webhook has not got yet */
extern void delivery_queue_init(Webhook *w);
extern void delivery_queue_free(Webhook *w);
extern bool delivery_queue_has_room(Webhook *w);
extern bool delivery_queue_add(Webhook *w, const EventRow *row);
extern void delivery_queue_read_spilled(void);
extern int64 delivery_queue_done_upto(Webhook *w, int64 upto);
extern void delivery_queue_commit(Webhook *w, TimestampTz now);
extern void delivery_queue_undo_read(Webhook *w);
extern void delivery_queue_settle(Delivery *d, TimestampTz now);
extern int delivery_queue_count(Webhook *w, int64 seq, int nth);
extern void delivery_queue_done(Webhook *w, int64 seq);
extern void delivery_queue_put_back(FeedItem *item);
extern void delivery_queue_wake(Webhook *w);
extern FeedItem *delivery_queue_next(Webhook *w, TimestampTz now);
extern bool delivery_queue_ready(Webhook *w, TimestampTz now);
extern TimestampTz delivery_queue_next_due(Webhook *w);
extern void delivery_queue_dropped(Webhook *w, int64 upto);

/* webhooks.c */
extern Webhook *webhooks_next(dlist_node **at);
extern Webhook *webhooks_find(const pg_uuid_t *id);
extern bool webhook_is_deliverable(const Webhook *w);
extern bool webhooks_read_configuration(void);
extern bool webhooks_exist(void);
extern void webhooks_commit(TimestampTz now);
extern void webhooks_go_on(TimestampTz now, wc_buf *out);
extern void webhooks_undo_read(void);
extern void webhooks_rollback(void);
extern bool webhooks_ready(TimestampTz now);
extern TimestampTz webhooks_next_due(void);
extern void webhooks_dropped(int64 upto);
extern void webhooks_write_all(wc_buf *out);
extern void webhooks_net_lost(void);
extern void webhooks_reset(void);

#define each_webhook(w, at) for ((at) = feeds_all.head.next; ((w) = webhooks_next(&(at))) != NULL;)

/* delivery_results.c: in the tables */
extern void webhook_set_error(WebhookProgress *p, const char *text);
extern void webhooks_apply(TimestampTz now);
extern void webhooks_undo_apply(void);
extern void webhooks_apply_settings(void);
extern void webhooks_write_progress(TimestampTz now);

/* delivery_retries.c */
extern void webhook_retries_look(void);
extern bool webhook_retries_ready(void);
extern void webhook_retries_read(void);
extern void webhook_retries_commit(wc_buf *out);
extern void webhook_retries_rollback(void);

/* feed_retention.c */
extern bool event_upkeep_ready(TimestampTz now);
extern TimestampTz event_upkeep_next_due(void);
extern void event_upkeep_orders(void);
extern void event_upkeep_run(TimestampTz now);
extern void event_upkeep_commit(void);
extern void event_upkeep_rollback(void);
extern void event_upkeep_later(TimestampTz now);
extern void event_upkeep_reset(void);

#endif /* WC_FEED_H */
