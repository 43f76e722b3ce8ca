/*
 * link_server.h
 *	  The hub's end of links: databases that connect to us for their events
 *	  (doc/link.md).
 */
#ifndef NET_LINK_SERVER_H
#define NET_LINK_SERVER_H

#include <uv.h>

#include "base/corridor_io.h"
#include "config/api_keys.h"
#include "ws/ws_accept.h"

/* Links at a time, closing ones too: in all, and with one key. */
#define LINKS_MAX		 256u
#define LINKS_MAX_OF_KEY 8u

typedef struct link_server link_server;

/* NULL: out of memory.  The keys stay the caller's. */
extern link_server *link_server_new(uv_loop_t *loop, corridor_io *corridor, const api_keys *keys);

/* Takes heartbeat_ms. */
extern void link_server_configure(link_server *s, const wc_config *config);

/* Upgrade it to a link, or answer what stands against it and let it go. */
extern void link_server_admit(link_server *s, const ws_opening *opening, const ws_handshake *head, refusal verdict,
							  const char *why);

/* From here on links are taken. */
extern void link_server_open(link_server *s);
extern void link_server_welcome(link_server *s, const wc_link_welcome *welcome);
extern void link_server_event(link_server *s, const wc_link_event *event);
extern void link_server_end(link_server *s, const wc_link_close *close);

/* That key is revoked: close what came with it. */
extern void link_server_key_gone(link_server *s, uint32_t key);

/* Once a turn, outside of every callback. */
extern void link_server_run(link_server *s);

/* Say goodbye to all; then, is everybody gone? */
extern void link_server_close(link_server *s);
extern bool link_server_drained(const link_server *s);

/* The loop must run once more after it. */
extern void link_server_free(link_server *s);

#endif /* NET_LINK_SERVER_H */
