/*
 * feed_orders.h
 *	  What sessions did, to be published.
 */
#ifndef WC_FEED_ORDERS_H
#define WC_FEED_ORDERS_H

#include "utils/timestamp.h"

#include "outbound/outbox_reader.h"

extern void feed_orders_add(const OutboxRow *row);
extern bool feed_orders_are_full(void);
extern bool feed_orders_are_done(void);
extern TimestampTz feed_orders_due(void);
extern void feed_orders_publish(void *arg);
extern void feed_orders_later(TimestampTz now);
extern void feed_orders_drop(void);
extern void feed_orders_commit(void);
extern void feed_orders_rollback(void);
extern void feed_orders_reset(void);

#endif /* WC_FEED_ORDERS_H */
