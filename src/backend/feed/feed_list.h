/*
 * feed_list.h
 *	  Who gets the local hub's events: webhooks and links.
 */
#ifndef WC_FEED_LIST_H
#define WC_FEED_LIST_H

#include "lib/ilist.h"
#include "utils/uuid.h"

/* How long the statements of feeds may take in one turn, in ms. */
#define FEEDS_TIME_MS 10000

/* What an event is. */
typedef enum FeedKind
{
	FEED_MESSAGE,
	FEED_STATUS,
	FEED_UNREAD /* for webhooks only: between hubs it is not said */
} FeedKind;

/* The channels that an API key may use. */
typedef struct FeedChannels
{
	pg_uuid_t *ids; /* NULL: all */
	int n;
} FeedChannels;

struct EventRow;

/* Whoever gets events. */
typedef struct Feed
{
	dlist_node node; /* in feed_list */
	bool (*has_room)(struct Feed *feed);
	bool (*take)(struct Feed *feed, const struct EventRow *row); /* false: it has no room for it now */
	FeedChannels channels;										 /* gets the events of these only */
	int64 upto;													 /* read up to this number */
	bool more;													 /* there may be events behind it */
	uint64 served;												 /* when it last got a page: a count of pages */
	bool reading;												 /* this turn: it got a page */
	bool full;													 /* this turn: there was no room for all of that */
	int64 known_upto;  /* the log of deliveries may have successes up to here; a link has none */
	pg_uuid_t webhook; /* whose successes these are */
	int64 fresh_upto;
	bool fresh_more;
} Feed;

/* A row of webchatt.feed, as long as it is being read. */
typedef struct EventRow
{
	int64 seq;
	FeedKind kind;
	const pg_uuid_t *channel;
	const pg_uuid_t *message;
	uint64 conversation; /* a hash: of two that have the same, one waits for the other */
	const char *body;	 /* NULL: the message is gone */
	uint32 len;
	bool known_good;		   /* the log has a success of it */
	int attempts;			   /* and so many attempts */
	struct FeedEvent **shared; /* where several keep it, the one that they keep */
} EventRow;

extern dlist_head feed_list;
extern FeedKind feed_list_kind(const char *event_type);
extern FeedChannels feed_list_channels(uint64 row, int column, MemoryContext context);
extern void feed_list_set_channels(Feed *feed, FeedChannels channels);

#endif /* WC_FEED_LIST_H */
