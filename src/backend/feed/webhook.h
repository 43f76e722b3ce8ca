/*
 * webhook.h
 *	  A webhook as the worker has it.
 */
#ifndef WC_WEBHOOK_H
#define WC_WEBHOOK_H

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "feed/feed_list.h"
#include "turn/conv_queue.h"

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

/* A conversation, as far as a webhook has not got all of it. */
struct FeedConv
{
	uint64 key; /* must be first: the hash of channel and visitor */
	Webhook *webhook;
	dlist_head items;
	int nitems;
	int failures; /* in a row */
	ConvTurn turn;
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
	FeedKind kind; /* of the events that it takes */
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
	TimestampTz modified_at;
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
	Feed feed;		 /* must be first */
	dlist_node node; /* in webhooks_all */
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

	/* its queue: deliveries.c */
	HTAB *convs;
	dlist_head undone; /* in order */
	int nundone;
	size_t bytes;	  /* of their bodies */
	dlist_head fresh; /* read in this turn */
	int nfresh;
	size_t fresh_bytes;
	ConvQueue turns;
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

/* Every webhook; w is what a plain loop would have. */
#define each_webhook(w, at)                                                                                            \
	dlist_foreach(at, &webhooks_all) if (((w) = dlist_container(Webhook, node, (at).cur)) != NULL)

extern dlist_head webhooks_all;
extern Webhook *webhook_find(const pg_uuid_t *id);
extern bool webhook_is_deliverable(const Webhook *w);
extern void webhook_set_error(WebhookProgress *p, const char *text);

#endif /* WC_WEBHOOK_H */
