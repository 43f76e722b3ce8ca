/*
 * link_socket.h
 *	  One WebSocket that we open to a hub: dialled, upgraded, frames in and out,
 *	  heartbeat, closing handshake.  It knows nothing of what the frames say.
 */
#ifndef NET_LINK_SOCKET_H
#define NET_LINK_SOCKET_H

#include <uv.h>

#include "ws/link_state.h"

/* False: libcurl has no memory. */
extern bool link_socket_host_init(link_host *host, uv_loop_t *loop, const link_calls *calls);

/* Read what has come, and what there was no room for before. */
extern void link_socket_host_read(link_host *host);

/*
 * Send what is to be sent, and free what has ended; outside of every callback.
 * True: there is more that could be read at once.
 */
extern bool link_socket_host_write(link_host *host);

/* Drop all; the loop must run once more after it. */
extern void link_socket_host_free(link_host *host);

/* Begin to dial.  NULL: it cannot even begin, why says so. */
extern link_socket *link_socket_dial(link_host *host, target *to, void *arg, char why[LINK_WHY_SIZE]);

/* Its hub's first message was good: from now on silence is bounded by this. */
extern void link_socket_settle(link_socket *s, uint64_t heartbeat_ms);

extern void link_socket_say(link_socket *s, const char *text, size_t len);

/* Say goodbye and forget it: ended is not called.  reason has at most 100 bytes. */
extern void link_socket_close(link_socket *s, uint16_t code, const char *reason);

#endif /* NET_LINK_SOCKET_H */
