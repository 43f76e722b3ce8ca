/*
 * feed_retention.h
 *	  Drops of the feed and of the log of deliveries what is old.
 */
#ifndef WC_FEED_RETENTION_H
#define WC_FEED_RETENTION_H

#include "utils/timestamp.h"

extern bool event_upkeep_ready(TimestampTz now);
extern TimestampTz event_upkeep_next_due(void);
extern void event_upkeep_orders(void);
extern void event_upkeep_run(TimestampTz now);
extern void event_upkeep_commit(void);
extern void event_upkeep_rollback(void);
extern void event_upkeep_later(TimestampTz now);
extern void event_upkeep_reset(void);

#endif /* WC_FEED_RETENTION_H */
