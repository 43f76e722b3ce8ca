/*
 * client_pool.h
 *	  Requests to other servers: requests go in, wait in their destination's queue, and
 *	  are carried by a window of pooled transfers.  What is the same for
 *	  messages to hubs, calls of hubs, and deliveries to webhooks.
 */
#ifndef NET_CLIENT_POOL_H
#define NET_CLIENT_POOL_H

#include <uv.h>

#include "client/transfer.h"

typedef struct client_pool client_pool;

/*
 * What its owner adds.  done and failed are called from the loop, never from
 * inside the functions below, and one of them exactly once for each request; the
 * request is freed after it.  Either may free the pool.
 */
typedef struct client_pool_owner
{
	/* Set the handle up for t->request, to t->destination; NULL, or a static sentence why it cannot be. */
	const char *(*load)(void *arg, transfer *t);
	/* A request has ended, with an answer or without. */
	void (*done)(void *arg, const transfer *t, CURLcode code, uint32_t took_us);
	/* One was never made: failure and failure_text say why. */
	void (*failed)(void *arg, const client_request *e);
	transfer_guard_fn guard; /* NULL: connections may go anywhere */
	size_t keep;			 /* bytes of an answer that are kept */
	size_t most;			 /* bytes of an answer after which the rest is not waited for */
	uint32_t window;		 /* a new destination's; 0: as much as there is */
} client_pool_owner;

/* NULL when libcurl has no memory. */
extern client_pool *client_pool_new(uv_loop_t *loop, const client_pool_owner *owner, void *arg);

/*
 * These, and what all requests share: connect_timeout_ms, connection_lifetime_ms,
 * ca_file.  Zeros leave what was.  A connection that is older than its lifetime gets no
 * new request: names are looked up and certificates read anew.
 */
extern void client_pool_configure(client_pool *x, uint32_t max_under_way, uint32_t timeout_ms, const wc_config *config);

/* No request that begins after this uses a connection that was made before. */
extern void client_pool_forget_connections(client_pool *x);

/* A new destination, or a new target for one; takes the target over. */
extern void client_pool_put(client_pool *x, uint32_t id, target *t);

/* A hub's REST API, unless that is what it has already. */
extern void client_pool_put_hub(client_pool *x, const wc_hub_put *put);
extern destination *client_pool_find(const client_pool *x, uint32_t id);

/* What waits for it fails with that; what is under way goes on. */
extern void client_pool_drop(client_pool *x, uint32_t id, wc_outcome_result failure, const char *text);

/* There is memory for one more; the caller may have a closer limit. */
extern bool client_pool_has_room(const client_pool *x);

/* Both take the request over. */
extern void client_pool_begin(client_pool *x, destination *p, client_request *e);
extern void client_pool_fail(client_pool *x, client_request *e, wc_outcome_result failure, const char *text);

/* Requests that wait; those and what is under way or still to be told. */
extern uint32_t client_pool_queued(const client_pool *x);
extern uint32_t client_pool_pending(const client_pool *x);

/* Drop everything without a word; the loop must run once more after it. */
extern void client_pool_free(client_pool *x);

#endif /* NET_CLIENT_POOL_H */
