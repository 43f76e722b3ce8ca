/*
 * feed.h
 *	  The local hub's events for others, as the turn has them.
 */
#ifndef WC_FEED_H
#define WC_FEED_H

#include "utils/timestamp.h"

#include "common/frame.h"
#include "turn/part.h"

extern void feed_retries_asked(void);
extern void feed_configure(void);
extern void feed_apply(TimestampTz now);
extern void feed_upkeep(TimestampTz now);
extern void feed_take(TimestampTz now);
extern void feed_commit(wc_buf *out);
extern void feed_write_all(wc_buf *out);
extern const TurnPart feed_part;

#endif /* WC_FEED_H */
