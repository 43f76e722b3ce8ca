/*
 * hub_sender.h
 *	  Requests to hubs: what the worker wants sent goes in, one outcome for each
 *	  comes out.
 */
#ifndef NET_HUB_SENDER_H
#define NET_HUB_SENDER_H

#include <uv.h>

#include "common/corridor.h"

typedef struct sender sender;

/*
 * Called from the loop, never from inside sender_send(); exactly once for each
 * message given to sender_send().  The strings live until it returns.
 */
typedef void (*sender_outcome_fn)(void *arg, const wc_outcome *outcome);

extern sender *sender_new(uv_loop_t *loop, sender_outcome_fn on_outcome, void *arg);

/* Takes max_in_flight, send_timeout_ms, connect_timeout_ms and ca_file. */
extern void sender_configure(sender *s, const wc_config *config);

extern void sender_hub_put(sender *s, const wc_hub_put *hub);
extern void sender_hub_gone(sender *s, uint32_t hub);

/* Queue one message; copies what it needs. */
extern void sender_send(sender *s, const wc_send *send);

/* Messages queued or under way. */
extern uint32_t sender_pending(const sender *s);

/* Drop everything without outcomes; the loop must run once more after it. */
extern void sender_free(sender *s);

#endif /* NET_HUB_SENDER_H */
