/*
 * hub_sender.h
 *	  Requests to hubs: what the worker wants sent goes in, one outcome for each
 *	  comes out.
 */
#ifndef NET_HUB_SENDER_H
#define NET_HUB_SENDER_H

#include <uv.h>

#include "common/corridor.h"

typedef struct hub_sender hub_sender;

/*
 * Called from the loop, never from inside hub_sender_send(); exactly once for each
 * message given to hub_sender_send().  The strings live until it returns.
 */
typedef void (*hub_sender_outcome_fn)(void *arg, const wc_outcome *outcome);

extern hub_sender *hub_sender_new(uv_loop_t *loop, hub_sender_outcome_fn on_outcome, void *arg);

/* Takes max_in_flight, send_timeout_ms, connect_timeout_ms and ca_file. */
extern void hub_sender_configure(hub_sender *s, const wc_config *config);

extern void hub_sender_hub_put(hub_sender *s, const wc_hub_put *hub);
extern void hub_sender_hub_gone(hub_sender *s, uint32_t hub);

/* Queue one message; copies what it needs. */
extern void hub_sender_send(hub_sender *s, const wc_send *send);

/* Messages queued or under way; those that are queued, and have not begun. */
extern uint32_t hub_sender_pending(const hub_sender *s);
extern uint32_t hub_sender_queued(const hub_sender *s);

/* Drop everything without outcomes; the loop must run once more after it. */
extern void hub_sender_free(hub_sender *s);

#endif /* NET_HUB_SENDER_H */
