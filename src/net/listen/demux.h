/*
 * demux.h
 *	  The first look at every connection: what begins as a visitor's WebSocket or
 *	  as a link is read here and goes to those, everything else goes unread to
 *	  the HTTP server.
 */
#ifndef NET_DEMUX_H
#define NET_DEMUX_H

#include <sys/socket.h>
#include <uv.h>

#include "common/corridor.h"
#include "listen/listener.h"
#include "ws/ws_accept.h"

typedef struct demux demux;

/* Who takes what begins otherwise, and who takes WebSockets.  NULL: out of memory. */
extern demux *demux_new(uv_loop_t *loop, listener_fn on_http, void *http_arg, ws_admit_fn on_websocket,
						void *websocket_arg);

/* Limits and timeouts; they count at once. */
extern void demux_configure(demux *g, const wc_config *config);

/* A connection from the listener (a listener_fn; arg is the demux). */
extern void demux_accept(void *arg, int fd, const struct sockaddr *addr, socklen_t len);

/*
 * Take nobody new: the HTTP server gets those of whom nothing is known, the others are
 * told.  Call before the HTTP server closes.
 */
extern void demux_close(demux *g);

/* Nobody stands there any more; the loop must run once more after it. */
extern void demux_free(demux *g);

#endif /* NET_DEMUX_H */
