/*
 * webhook_requests.h
 *	  Webhooks that applications order at webchatt-net.
 */
#ifndef WC_WEBHOOK_REQUESTS_H
#define WC_WEBHOOK_REQUESTS_H

#include "common/frame.h"

extern bool webhook_requests_accept(const wc_frame *frame);
extern int webhook_requests_pending(void);
extern void webhook_requests_apply(void);
extern void webhook_requests_commit(wc_buf *out);
extern void webhook_requests_rollback(void);
extern void webhook_requests_forget(void);

#endif /* WC_WEBHOOK_REQUESTS_H */
