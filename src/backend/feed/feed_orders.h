/*
 * feed_orders.h
 *	  What sessions did, to be published.
 */
#ifndef WC_FEED_ORDERS_H
#define WC_FEED_ORDERS_H

#include "utils/timestamp.h"

#include "outbound/outbox_reader.h"

extern void event_orders_add(const OutboxRow *row);
extern bool event_orders_are_full(void);
extern bool event_orders_are_done(void);
extern TimestampTz event_orders_due(void);
extern void event_orders_publish(void *arg);
extern void event_orders_later(TimestampTz now);
extern void event_orders_drop(void);
extern void event_orders_commit(void);
extern void event_orders_rollback(void);
extern void event_orders_reset(void);

#endif /* WC_FEED_ORDERS_H */
