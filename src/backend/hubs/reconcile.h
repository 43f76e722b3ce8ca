/*
 * reconcile.h
 *	  Our webhooks at hubs, and what their logs have that we lack.
 */
#ifndef WC_RECONCILE_H
#define WC_RECONCILE_H

#include "utils/timestamp.h"

#include "common/frame.h"

/* Each takes its frame; false when it is none. */
extern bool keeping_accept_call_done(const wc_frame *frame);
extern bool keeping_accept_link_state(const wc_frame *frame);
extern bool keeping_ready(TimestampTz now);
extern TimestampTz keeping_next_due(void);
extern void keeping_nudge(void);
extern void keeping_apply(TimestampTz now);
extern void keeping_commit(wc_buf *out);
extern void keeping_rollback(void);
extern void keeping_net_lost(void);
extern void keeping_reset(void);

#endif /* WC_RECONCILE_H */
