/*
 * hub_caller.h
 *	  Requests to hubs' REST APIs that are no messages: what the worker asks goes
 *	  in, a CALL_DONE for each goes out.
 */
#ifndef NET_HUB_CALLER_H
#define NET_HUB_CALLER_H

#include <uv.h>

#include "base/corridor_io.h"

typedef struct hub_caller hub_caller;

/* NULL: out of memory. */
extern hub_caller *hub_caller_new(uv_loop_t *loop, corridor_io *corridor);

/* Takes send_timeout_ms, connect_timeout_ms and ca_file. */
extern void hub_caller_configure(hub_caller *c, const wc_config *config);
extern void hub_caller_hub_put(hub_caller *c, const wc_hub_put *hub);
extern void hub_caller_hub_gone(hub_caller *c, uint32_t hub);

/* Make a request; copies what it needs. */
extern void hub_caller_call(hub_caller *c, const wc_call *call);

/* Requests queued or under way. */
extern uint32_t hub_caller_pending(const hub_caller *c);

/* Drop everything; the loop must run once more after it. */
extern void hub_caller_free(hub_caller *c);

#endif /* NET_HUB_CALLER_H */
