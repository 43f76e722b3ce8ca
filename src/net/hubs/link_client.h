/*
 * link_client.h
 *	  Our links to hubs: a WebSocket to each hub whose events come by it, dialled
 *	  again whenever it ends (doc/link.md).
 */
#ifndef NET_LINK_CLIENT_H
#define NET_LINK_CLIENT_H

#include <uv.h>

#include "base/corridor_io.h"

typedef struct link_client link_client;

/* NULL: out of memory. */
extern link_client *link_client_new(uv_loop_t *loop, corridor_io *corridor);

/* Takes connect_timeout_ms, heartbeat_ms, max_waiting, max_body_size and ca_file. */
extern void link_client_configure(link_client *c, const wc_config *config);
extern void link_client_hub_put(link_client *c, const wc_hub_put *hub);
extern void link_client_hub_gone(link_client *c, uint32_t hub);

/* From here on links are dialled. */
extern void link_client_open(link_client *c);

/* The worker's word on an event: acknowledged to the hub once all before it are. */
extern void link_client_event_done(link_client *c, const wc_event_done *done);

/* Once a turn, outside of every callback. */
extern void link_client_run(link_client *c);

/* Say goodbye to all hubs; then, is it done? */
extern void link_client_close(link_client *c);
extern bool link_client_drained(const link_client *c);

/* The loop must run once more after it. */
extern void link_client_free(link_client *c);

#endif /* NET_LINK_CLIENT_H */
