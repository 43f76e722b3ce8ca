/*
 * feed.h
 *	  The local hub's events for others, as the turn has them.
 */
#ifndef WC_FEED_H
#define WC_FEED_H

#include "utils/timestamp.h"

#include "common/frame.h"

extern void feed_retries_asked(void);
extern int feed_pending(void);
extern bool feed_ready(TimestampTz now);
extern TimestampTz feed_next_due(void);
extern void feed_configure(void);
extern void feed_apply(TimestampTz now);
extern void feed_upkeep(TimestampTz now);
extern void feed_take(TimestampTz now);
extern void feed_commit(wc_buf *out);
extern void feed_rollback(void);
extern void feed_write_all(wc_buf *out);
extern void feed_net_lost(void);
extern void feed_reset(void);

#endif /* WC_FEED_H */
