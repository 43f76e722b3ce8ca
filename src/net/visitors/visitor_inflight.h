/*
 * visitor_inflight.h
 *	  What visitors write, on its way to the worker as events and back as acks.
 */
#ifndef NET_VISITOR_INFLIGHT_H
#define NET_VISITOR_INFLIGHT_H

#include "visitors/visitor_session.h"

/* Set in the numbers of visitors' events, never in those of the HTTP server's. */
#define VISITORS_NUMBER (UINT64_C(1) << 63)

/* How many more events the worker is given now. */
extern uint32_t visitor_inflight_room(const visitors *v);

/* False: there is no room for it, or for not one of the receipts. */
extern bool visitor_inflight_message(session *s, const visitor_frame *frame);
extern bool visitor_inflight_receipts(session *s, const visitor_frame *frame);

/* The worker's answer to one whose number has VISITORS_NUMBER. */
extern void visitor_inflight_done(visitors *v, const wc_event_done *done);

/* One of them was not answered in time (PHASE_WAIT); all are given up. */
extern void visitor_inflight_late(visitors *v, timeout *entry);
extern void visitor_inflight_free(visitors *v);

#endif /* NET_VISITOR_INFLIGHT_H */
