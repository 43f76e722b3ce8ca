/*
 * send_requests.h
 *	  Messages that applications post to webchatt-net.
 */
#ifndef WC_SEND_REQUESTS_H
#define WC_SEND_REQUESTS_H

#include "common/frame.h"

extern bool send_requests_accept(const wc_frame *frame);
extern int send_requests_pending(void);
extern void send_requests_apply(void);
extern void send_requests_commit(wc_buf *out);
extern void send_requests_rollback(void);
extern void send_requests_forget(void);

#endif /* WC_SEND_REQUESTS_H */
