/*
 * webhook_requests.h
 *	  Webhooks that applications order at webchatt-net.
 */
#ifndef WC_WEBHOOK_REQUESTS_H
#define WC_WEBHOOK_REQUESTS_H

#include "common/frame.h"

extern bool rest_accept(const wc_frame *frame);
extern int rest_pending(void);
extern void rest_apply(void);
extern void rest_commit(wc_buf *out);
extern void rest_rollback(void);
extern void rest_forget(void);

#endif /* WC_WEBHOOK_REQUESTS_H */
