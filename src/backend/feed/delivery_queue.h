/*
 * delivery_queue.h
 *	  What a webhook has not got yet.
 */
#ifndef WC_DELIVERY_QUEUE_H
#define WC_DELIVERY_QUEUE_H

#include "utils/timestamp.h"

#include "feed/deliveries.h"
#include "feed/feed_list.h"
#include "feed/webhook.h"

extern void delivery_queue_init(Webhook *w);
extern void delivery_queue_free(Webhook *w);
extern bool delivery_queue_has_room(Feed *feed);
extern bool delivery_queue_add(Feed *feed, const EventRow *row);
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

#endif /* WC_DELIVERY_QUEUE_H */
