/*
 * demux.h
 *	  The first look at every connection: what begins as a visitor's WebSocket or
 *	  as a link is read here and goes to those, everything else goes unread to
 *	  the HTTP door.
 */
#ifndef NET_DEMUX_H
#define NET_DEMUX_H

#include <sys/socket.h>
#include <uv.h>

#include "http/http_server.h"
#include "feed/link_server.h"
#include "visitors/visitors.h"

typedef struct gate gate;

/* NULL: out of memory. */
extern gate *gate_new(uv_loop_t *loop, door *d, visitors *v, link_server *links);

/* Limits and deadlines; they count at once. */
extern void gate_configure(gate *g, const wc_config *config);

/* A connection from the listener (a listener_fn; arg is the gate). */
extern void gate_accept(void *arg, int fd, const struct sockaddr *addr, socklen_t len);

/*
 * Take nobody new: the door gets those of whom nothing is known, the others are
 * told.  Call before the door closes.
 */
extern void gate_close(gate *g);

/* Nobody stands there any more; the loop must run once more after it. */
extern void gate_free(gate *g);

#endif /* NET_DEMUX_H */
