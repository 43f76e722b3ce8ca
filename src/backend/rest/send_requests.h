/*
 * send_requests.h
 *	  Messages that applications post to webchatt-net.
 */
#ifndef WC_SEND_REQUESTS_H
#define WC_SEND_REQUESTS_H

#include "common/frame.h"

extern bool api_accept(const wc_frame *frame);
extern int api_pending(void);
extern void api_apply(void);
extern void api_commit(wc_buf *out);
extern void api_rollback(void);
extern void api_forget(void);

#endif /* WC_SEND_REQUESTS_H */
