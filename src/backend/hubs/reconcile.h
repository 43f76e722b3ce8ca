/*
 * reconcile.h
 *	  Our webhooks at hubs, and what their logs have that we lack.
 */
#ifndef WC_RECONCILE_H
#define WC_RECONCILE_H

#include "utils/timestamp.h"

#include "common/frame.h"
#include "turn/part.h"

/* Each takes its frame; false when it is none. */
extern bool reconcile_accept_call_done(const wc_frame *frame);
extern bool reconcile_accept_link_state(const wc_frame *frame);
extern void reconcile_nudge(void);
extern void reconcile_apply(TimestampTz now);
extern void reconcile_commit(wc_buf *out);
extern const TurnPart reconcile_part;

#endif /* WC_RECONCILE_H */
