/*
 * feed.h
 *	  The local hub's events for others, as the turn has them.
 */
#ifndef WC_FEED_H
#define WC_FEED_H

#include "utils/timestamp.h"

#include "common/frame.h"

extern void feeds_retries_asked(void);
extern int feeds_pending(void);
extern bool feeds_ready(TimestampTz now);
extern TimestampTz feeds_next_due(void);
extern void feeds_configure(void);
extern void feeds_apply(TimestampTz now);
extern void feeds_upkeep(TimestampTz now);
extern void feeds_take(TimestampTz now);
extern void feeds_commit(wc_buf *out);
extern void feeds_rollback(void);
extern void feeds_write_all(wc_buf *out);
extern void feeds_net_lost(void);
extern void feeds_reset(void);

#endif /* WC_FEED_H */
