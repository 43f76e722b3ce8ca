/*
 * send_requests.h
 *	  Messages that applications post to webchatt-net.
 */
#ifndef WC_SEND_REQUESTS_H
#define WC_SEND_REQUESTS_H

#include "common/frame.h"
#include "turn/part.h"

extern bool send_requests_accept(const wc_frame *frame);
extern bool send_requests_accept_retract(const wc_frame *frame);
extern void send_requests_apply(void);
extern void send_requests_commit(wc_buf *out);
extern const TurnPart send_requests_part;

#endif /* WC_SEND_REQUESTS_H */
