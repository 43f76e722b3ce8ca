/*
 * feed_retention.h
 *	  Drops of the feed and of the log of deliveries what is old.
 */
#ifndef WC_FEED_RETENTION_H
#define WC_FEED_RETENTION_H

#include "utils/timestamp.h"

extern bool feed_retention_ready(TimestampTz now);
extern TimestampTz feed_retention_next_due(void);
extern void feed_retention_orders(void);
extern void feed_retention_run(TimestampTz now);
extern void feed_retention_commit(void);
extern void feed_retention_rollback(void);
extern void feed_retention_later(TimestampTz now);
extern void feed_retention_reset(void);

#endif /* WC_FEED_RETENTION_H */
