/*
 * http_conn.h
 *	  A connection of the HTTP server, the request on it, and who answers it: shared
 *	  by the files of this room, and by the handlers of others.
 */
#ifndef NET_HTTP_CONN_H
#define NET_HTTP_CONN_H

#include <microhttpd.h>

#include "base/address.h"
#include "config/channels.h"
#include "base/corridor_io.h"
#include "base/timeouts.h"
#include "http/http_head.h"
#include "config/hub_endpoints.h"
#include "config/api_keys.h"
#include "base/errors.h"
#include "http/http_response.h"
#include "http/routes.h"
#include "base/inflight.h"

/*
 * Memory for bodies that come in pieces.  Each may have BODY_SMALL bytes;
 * what grows over that shares BODIES_LARGE among all connections.
 */
#define BODY_SMALL	 (16u * 1024)
#define BODIES_LARGE (16u * 1024 * 1024)

/* How long a request may be parked: less than what proxies wait for an answer, in ms. */
#define HTTP_PARKED_MS 25000

/* What a request has come to. */
typedef enum request_state
{
	REQUEST_NONE,	 /* between requests */
	REQUEST_LINE,	 /* its first line has been read */
	REQUEST_BODY,	 /* its head has been checked */
	REQUEST_WAITING, /* what it brought is with the worker */
	REQUEST_ANSWERED /* its answer is on the way */
} request_state;

typedef struct conn conn;
typedef struct http_server http_server;

/* Which route a target is; may fill channel. */
typedef route (*http_server_route_fn)(const char *target, uint8_t channel[16]);

/* Adds to a refusal what all answers of a server say. */
typedef void (*http_server_dress_fn)(struct MHD_Response *response);

/* Says whether that visitor of a local channel has an open session. */
typedef bool (*http_server_is_there_fn)(void *arg, const uint8_t channel[16], const uint8_t visitor[16]);
/*
 * Takes connections over that turn into WebSockets, visitors' or links.  True: it
 * is not libmicrohttpd's any more, which must be told to close what it has; false:
 * there is an answer to be sent.
 */
typedef bool (*http_server_takeover_fn)(void *arg, conn *c, const char *version);

/* What is made of the requests of a route. */
typedef struct http_handler
{
	/* What the head alone decides: sets c->answer, or leaves it to handle. */
	void (*check_head)(conn *c, const char *method);
	/* The whole request: sets c->answer, or hands something to the worker and calls http_reply_wait(). */
	void (*handle)(conn *c, const char *body, size_t len);
	/* A request that was parked has been so for long enough: sets c->answer. */
	void (*unpark)(conn *c);
	/* What waits for the worker is given up, or the request is over; may be NULL. */
	void (*forget)(conn *c);
	const char *late;	/* a sentence for whom the worker did not answer in time; NULL: the table's */
	uint32_t most_body; /* the largest body, in bytes; 0: max_body_size */
	bool takes_body;	/* it brings something to the worker */
	bool open_to_all;	/* pages of any origin may read its answers: nothing in them is given for a cookie */
	bool is_websocket;	/* a GET is to be upgraded */
} http_handler;

struct conn
{
	timeout timeout; /* first: the timeouts hand this out */
	http_server *server;
	struct MHD_Connection *mhd;
	int fd;
	net_addr peer;
	address_count *peer_count; /* NULL for a trusted proxy */
	bool cut;				   /* shut down by us: take nothing more from it */
	bool leaving;			   /* one of the HTTP server's nleaving */
	bool suspending;		   /* on the HTTP server's list */
	struct conn *next_suspending;
	bool linger; /* let the client read the answer at the end */

	/* the request */
	request_state state;
	bool handled; /* the answer is known, or the event handed over */
	route route;
	const char *target; /* where libmicrohttpd has it */
	size_t target_len;
	uint8_t channel[16]; /* of a webhook */
	http_head head;
	net_addr client; /* the peer, or whom a trusted proxy names */
	address_count *client_count;
	http_response answer;
	uint64_t number;	/* of what waits for the worker; 0: nothing */
	uint32_t key;		/* the id of a REST request's key */
	char method[8];		/* of one for ROUTE_ORGANIZATION */
	char *asked;		/* and its target: libmicrohttpd takes the query apart in place */
	bool held;			/* the message waits for a visitor who is not there */
	bool parked;		/* it waits for something to be told, and not for the worker */
	void *poll;			/* whose poll it is: see visitor_poll.c */
	void *desk;			/* of a call of the desk's: see desk_api.c */
	void *file;			/* of a request for a file: see files.h */
	bool streaming;		/* its answer's body comes from the worker, piece by piece */
	bool held_back;		/* its body is not read until there is room */
	uint64_t handed_ns; /* uv_hrtime() when it was handed over */
	char *body;			/* what has come of it, unless it came in one piece */
	size_t body_len;
	size_t body_cap;
	bool body_is_counted; /* by whoever allocated it: not against BODIES_LARGE */
	uint64_t discarded;	  /* bytes of a body that nobody wants */

	/* an event whose signature nobody knows yet: see early_signature.c */
	char *early_body; /* its body; NULL: it is none */
	size_t early_len;
	struct conn *prev_early;
	struct conn *next_early;
};

struct http_server
{
	uv_loop_t *loop;
	corridor_io *corridor;
	const http_handler *handlers; /* by route */
	http_server_route_fn find_route;
	void *owner;				/* whose requests these are, for its handlers; may be NULL */
	void *files;				/* those that are brought and fetched; NULL: none are */
	http_server_dress_fn dress; /* may be NULL */
	const char *large;			/* a sentence for REFUSE_LARGE; NULL: the table's */
	channels *channels;
	api_keys *keys;
	hub_endpoints *hubs;
	http_server_is_there_fn is_there; /* NULL: nobody ever is */
	void *is_there_arg;
	http_server_takeover_fn takeover;
	void *takeover_arg;
	struct MHD_Daemon *mhd;
	uv_poll_t poll;	 /* on libmicrohttpd's epoll descriptor */
	uv_idle_t again; /* running while libmicrohttpd has more to do */
	timeouts timeouts;
	inflight *inflight;
	address_counts *peers;	 /* connections by address */
	address_counts *clients; /* requests by address behind trusted proxies */
	conn *arriving;			 /* handed to MHD_add_connection just now */
	conn *suspending;		 /* their events were handed over in this turn */
	conn *early;			 /* their events wait for a secret */
	uint32_t early_count;
	uint32_t nconns;
	uint32_t nleaving;	/* of which shut down, and not yet closed by libmicrohttpd */
	size_t large_bytes; /* of bodies over BODY_SMALL */
	int handles;		/* not closed yet, once it is freed */
	bool open;
	bool closing;
	bool ready;	 /* libmicrohttpd has something to do */
	bool paused; /* the corridor is full */

	/* from the configuration */
	uint32_t max_body_size;
	uint32_t max_connections;
	uint32_t max_per_address;
	uint32_t max_waiting;
	uint32_t tolerance_s;
};

#endif /* NET_HTTP_CONN_H */
