/*
 * link_feed.h
 *	  Applications that hold a link.
 */
#ifndef WC_LINK_FEED_H
#define WC_LINK_FEED_H

#include "common/frame.h"
#include "feed/feed_list.h"

/* Each takes its frame; false when it is none. */
extern bool link_feed_accept_came(const wc_frame *frame);
extern bool link_feed_accept_ack(const wc_frame *frame);
extern bool link_feed_accept_left(const wc_frame *frame);
extern int link_feed_pending(void);
extern bool link_feed_ready(void);
extern void link_feed_read_configuration(void);
extern bool link_feed_exist(void);
extern void link_feed_apply(void);
extern void link_feed_try_held(void);
extern void link_feed_undo_apply(void);
extern bool link_feed_came(void);
extern void link_feed_welcome(void);
extern void link_feed_turn_away(void);
extern void link_feed_undo_take(void);
extern void link_feed_commit(wc_buf *out);
extern void link_feed_rollback(void);
extern int64 link_feed_acknowledged(void);
extern void link_feed_dropped(int64 upto);
extern void link_feed_net_lost(void);
extern void link_feed_reset(void);

#endif /* WC_LINK_FEED_H */
