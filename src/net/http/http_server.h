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

#include "config/channels.h"
#include "base/corridor_io.h"
#include "config/api_keys.h"
#include "visitors/visitors.h"

typedef struct http_server http_server;

/* NULL: out of memory or descriptors. */
extern http_server *http_server_new(uv_loop_t *loop, corridor_io *corridor, channels *set);

/* Takes the limits of the HTTP server; they count at once. */
extern void http_server_configure(http_server *d, const wc_config *config);

/* Says whether that visitor of a local channel has an open session. */
typedef bool (*http_server_is_there_fn)(void *arg, const uint8_t channel[16], const uint8_t visitor[16]);
extern void http_server_ask_visitors(http_server *d, http_server_is_there_fn is_there, void *arg);

/* Takes connections over that turn into WebSockets, visitors' or links. */
typedef void (*http_server_upgrade_fn)(void *arg, const ws_opening *opening, const ws_handshake *head, refusal verdict,
									   const char *why);
extern void http_server_pass_visitors(http_server *d, http_server_upgrade_fn upgrade, void *arg);

/* The keys of the REST API at home. */
extern void http_server_key_put(http_server *d, const wc_key_put *put);
extern void http_server_key_gone(http_server *d, uint32_t id);

/* From now on events are taken. */
extern void http_server_open(http_server *d);

/* A connection from the listener (a listener_fn; arg is the HTTP server). */
extern void http_server_accept(void *arg, int fd, const struct sockaddr *addr, socklen_t len);

/* The worker has committed an event, or says why not. */
extern void http_server_event_done(http_server *d, const wc_event_done *done);

/* What the worker did with a message from the REST API. */
extern void send_api_done(http_server *d, const wc_api_done *done);

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

/* The keys that open the REST API, for others who check them. */
extern const api_keys *http_server_keys(const http_server *d);

/* Hubs whose webhooks come to /webhooks/hubs/<name>. */
extern void http_server_hub_put(http_server *d, const wc_hub_put *put);
extern void http_server_hub_gone(http_server *d, uint32_t hub);

/* A call goes to a hub; if it brings a new secret, the hub may sign with it before we know it. */
extern void early_signature_hub_called(http_server *d, const wc_call *call);

/* The worker's answer to an API_CALL. */
extern void webhook_api_done(http_server *d, const wc_api_answer *answer);

#endif /* NET_HTTP_SERVER_H */
