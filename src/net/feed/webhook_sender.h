/*
 * webhook_sender.h
 *	  Deliveries to the endpoints of our own webhooks: each DELIVER becomes one
 *	  request, signed, to an address that may be called, and one DELIVERED.
 */
#ifndef NET_WEBHOOK_SENDER_H
#define NET_WEBHOOK_SENDER_H

#include <uv.h>

#include "base/corridor_io.h"

typedef struct webhook_sender webhook_sender;

/* NULL: out of memory. */
extern webhook_sender *webhook_sender_new(uv_loop_t *loop, corridor_io *corridor);

/* Takes webhook_allowed, webhook_timeout_ms, max_deliveries, connect_timeout_ms and ca_file. */
extern void webhook_sender_configure(webhook_sender *d, const wc_config *config);
extern void webhook_sender_webhook_put(webhook_sender *d, const wc_webhook_put *webhook);
extern void webhook_sender_webhook_gone(webhook_sender *d, uint32_t webhook);

/* Make one attempt; copies what it needs. */
extern void webhook_sender_deliver(webhook_sender *d, const wc_deliver *deliver);

/* Deliveries queued or under way. */
extern uint32_t webhook_sender_pending(const webhook_sender *d);

/* Drop everything; the loop must run once more after it. */
extern void webhook_sender_free(webhook_sender *d);

#endif /* NET_WEBHOOK_SENDER_H */
