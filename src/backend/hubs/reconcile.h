/*
 * reconcile.h
 *	  Our webhooks at hubs, and what their logs have that we lack.
 */
#ifndef WC_RECONCILE_H
#define WC_RECONCILE_H

#include "utils/timestamp.h"

#include "common/frame.h"

/* Each takes its frame; false when it is none. */
extern bool reconcile_accept_call_done(const wc_frame *frame);
extern bool reconcile_accept_link_state(const wc_frame *frame);
extern bool reconcile_ready(TimestampTz now);
extern TimestampTz reconcile_next_due(void);
extern void reconcile_nudge(void);
extern void reconcile_apply(TimestampTz now);
extern void reconcile_commit(wc_buf *out);
extern void reconcile_rollback(void);
extern void reconcile_net_lost(void);
extern void reconcile_reset(void);

#endif /* WC_RECONCILE_H */
