/*
 * http_server.h
 *	  The HTTP door: connections from the listener, libmicrohttpd as the parser,
 *	  every limit and deadline around it, events out to the worker and its
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

typedef struct door door;

/* NULL: out of memory or descriptors. */
extern door *door_new(uv_loop_t *loop, corridor_io *corridor, channels *set);

/* Takes trusted_proxies and the limits of the door; they count at once. */
extern void door_configure(door *d, const wc_config *config);

/* Says whether that visitor of a local channel has an open session. */
typedef bool (*door_is_there_fn)(void *arg, const uint8_t channel[16], const uint8_t visitor[16]);
extern void door_ask_visitors(door *d, door_is_there_fn is_there, void *arg);

/* Takes connections over that turn into WebSockets, visitors' or links. */
typedef void (*door_upgrade_fn)(void *arg, const ws_knock *knock, const ws_head *head, refusal verdict,
								const char *why);
extern void door_pass_visitors(door *d, door_upgrade_fn upgrade, void *arg);

/* The keys of the REST API at home. */
extern void door_key_put(door *d, const wc_key_put *put);
extern void door_key_gone(door *d, uint32_t id);

/* From now on events are taken. */
extern void door_open(door *d);

/* A connection from the listener (a listener_fn; arg is the door). */
extern void door_accept(void *arg, int fd, const struct sockaddr *addr, socklen_t len);

/* The worker has committed an event, or says why not. */
extern void door_event_done(door *d, const wc_event_done *done);

/* What the worker did with a message from the REST API. */
extern void door_api_done(door *d, const wc_api_done *done);

/*
 * Do what has become ready, once a turn of the loop.  True while the corridor
 * is too full to read sockets; accept nothing then.
 */
extern bool door_run(door *d);

/*
 * Let go of connections that their clients have closed.  libmicrohttpd misses
 * it when the end comes together with the last bytes; so call once a second.
 */
extern void door_sweep(door *d);

/* Answer what waits with 503 and take nothing new. */
extern void door_close(door *d);

/* Once closing: let go of what is idle (patient false: of heads too); true
 * when nothing is left. */
extern bool door_drain(door *d, bool patient);

extern uint32_t door_connections(const door *d);
extern uint32_t door_waiting(const door *d);

/* Cuts what is left; the loop must run once more after it. */
extern void door_free(door *d);

/* The keys that open the REST API, for others who check them. */
extern const keys *door_keys(const door *d);

/* Hubs whose webhooks come to /webhooks/hubs/<name>. */
extern void door_hub_put(door *d, const wc_hub_put *put);
extern void door_hub_gone(door *d, uint32_t hub);

/* A call goes to a hub; if it brings a new secret, the hub may sign with it before we know it. */
extern void door_hub_called(door *d, const wc_call *call);

/* The worker's answer to an API_CALL. */
extern void door_api_answer(door *d, const wc_api_answer *answer);

#endif /* NET_HTTP_SERVER_H */
