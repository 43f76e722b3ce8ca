/*
 * link_feed.h
 *	  Applications that hold a link.
 */
#ifndef WC_LINK_FEED_H
#define WC_LINK_FEED_H

#include "common/frame.h"
#include "feed/feed_list.h"

/* Each takes its frame; false when it is none. */
extern bool links_accept_came(const wc_frame *frame);
extern bool links_accept_ack(const wc_frame *frame);
extern bool links_accept_left(const wc_frame *frame);
extern int links_pending(void);
extern bool links_ready(void);
extern void links_read_configuration(void);
extern bool links_exist(void);
extern void links_apply(void);
extern void links_try_held(void);
extern void links_undo_apply(void);
extern bool links_came(void);
extern void links_welcome(void);
extern void links_turn_away(void);
extern void links_undo_take(void);
extern void links_commit(wc_buf *out);
extern void links_rollback(void);
extern int64 links_acknowledged(void);
extern void links_dropped(int64 upto);
extern void links_net_lost(void);
extern void links_reset(void);

#endif /* WC_LINK_FEED_H */
