/*
 * http_server.h
 *	  The HTTP server: connections from the listener, libmicrohttpd as the parser,
 *	  every limit and timeout around it, events out to the worker and its
 *	  answers back.
 */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include <sys/socket.h>
#include <uv.h>

#include "http/http_conn.h"

/* NULL: out of memory or descriptors.  The handlers are a table by route. */
extern http_server *http_server_new(uv_loop_t *loop, corridor_io *corridor, const http_handler *handlers,
									http_server_route_fn find_route);

/* What the handlers of webhooks and of the REST API look at; the sets must outlive it. */
extern void http_server_know(http_server *d, channels *channels, api_keys *keys, hub_endpoints *hubs);

/* Whose requests these are, what all answers to them say, and what is said of a body that is too large. */
extern void http_server_own(http_server *d, void *owner, http_server_dress_fn dress, const char *large);

/* Takes the limits of the HTTP server; they count at once. */
extern void http_server_configure(http_server *d, const wc_config *config);

/* Whom to ask whether a visitor has an open session. */
extern void http_server_ask_visitors(http_server *d, http_server_is_there_fn is_there, void *arg);

/* Who takes connections over that turn into WebSockets. */
extern void http_server_pass_websockets(http_server *d, http_server_takeover_fn takeover, void *arg);

/* From now on events are taken. */
extern void http_server_open(http_server *d);

/* A connection from the listener (a listener_fn; arg is the HTTP server). */
extern void http_server_accept(void *arg, int fd, const struct sockaddr *addr, socklen_t len);

/*
 * Do what has become ready, once a turn of the loop.  True while the corridor
 * is too full to read sockets; accept nothing then.
 */
extern bool http_server_run(http_server *d);

/*
 * Let go of connections that their clients have closed.  libmicrohttpd misses
 * it when the end comes together with the last bytes; so call once a second.
 */
extern void http_server_sweep(http_server *d);

/* Answer what waits with 503 and take nothing new. */
extern void http_server_close(http_server *d);

/* Once closing: let go of what is idle (patient false: of heads too); true
 * when nothing is left. */
extern bool http_server_drain(http_server *d, bool patient);

extern uint32_t http_server_connections(const http_server *d);
extern uint32_t http_server_waiting(const http_server *d);

/* Cuts what is left; the loop must run once more after it. */
extern void http_server_free(http_server *d);

#endif /* NET_HTTP_SERVER_H */
