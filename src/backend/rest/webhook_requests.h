/*
 * webhook_requests.h
 *	  Webhooks that applications order at webchatt-net.
 */
#ifndef WC_WEBHOOK_REQUESTS_H
#define WC_WEBHOOK_REQUESTS_H

#include "common/frame.h"
#include "turn/part.h"

extern bool webhook_requests_accept(const wc_frame *frame);
extern void webhook_requests_apply(void);
extern void webhook_requests_commit(wc_buf *out);
extern const TurnPart webhook_requests_part;

#endif /* WC_WEBHOOK_REQUESTS_H */
