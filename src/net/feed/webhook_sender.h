/*
 * webhook_sender.h
 *	  Deliveries to the endpoints of our own webhooks: each DELIVER becomes one
 *	  request, signed, to an address that may be called, and one DELIVERED.
 */
#ifndef NET_WEBHOOK_SENDER_H
#define NET_WEBHOOK_SENDER_H

#include <uv.h>

#include "base/corridor_io.h"

typedef struct deliverer deliverer;

/* NULL: out of memory. */
extern deliverer *deliverer_new(uv_loop_t *loop, corridor_io *corridor);

/* Takes webhook_allowed, webhook_timeout_ms, max_deliveries, connect_timeout_ms and ca_file. */
extern void deliverer_configure(deliverer *d, const wc_config *config);
extern void deliverer_webhook_put(deliverer *d, const wc_webhook_put *webhook);
extern void deliverer_webhook_gone(deliverer *d, uint32_t webhook);

/* Make one attempt; copies what it needs. */
extern void deliverer_deliver(deliverer *d, const wc_deliver *deliver);

/* Deliveries queued or under way. */
extern uint32_t deliverer_pending(const deliverer *d);

/* Drop everything; the loop must run once more after it. */
extern void deliverer_free(deliverer *d);

#endif /* NET_WEBHOOK_SENDER_H */
