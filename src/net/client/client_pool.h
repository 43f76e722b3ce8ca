/*
 * client_pool.h
 *	  Requests to other servers: errands go in, wait in their peer's queue, and
 *	  are carried by a window of pooled transfers.  What is the same for
 *	  messages to hubs, calls of hubs, and deliveries to webhooks.
 */
#ifndef NET_CLIENT_POOL_H
#define NET_CLIENT_POOL_H

#include <uv.h>

#include "client/transfer.h"

typedef struct exchange exchange;

/*
 * What its owner adds.  done and failed are called from the loop, never from
 * inside the functions below, and one of them exactly once for each errand; the
 * errand is freed after it.  Either may free the exchange.
 */
typedef struct exchange_owner
{
	/* Set the handle up for t->errand, to t->peer; NULL, or a static sentence why it cannot be. */
	const char *(*load)(void *arg, transfer *t);
	/* A request has ended, with an answer or without. */
	void (*done)(void *arg, const transfer *t, CURLcode code, uint32_t took_us);
	/* One was never made: failure and failure_text say why. */
	void (*failed)(void *arg, const errand *e);
	transfer_guard_fn guard; /* NULL: connections may go anywhere */
	size_t keep;			 /* bytes of an answer that are kept */
	size_t most;			 /* bytes of an answer after which the rest is not waited for */
	uint32_t window;		 /* a new peer's; 0: as much as there is */
} exchange_owner;

/* NULL when libcurl has no memory. */
extern exchange *exchange_new(uv_loop_t *loop, const exchange_owner *owner, void *arg);

/*
 * Zeros leave what was.  A connection that is older than lifetime_ms gets no new
 * request: names are looked up and certificates read anew.
 */
extern void exchange_configure(exchange *x, uint32_t max_under_way, uint32_t timeout_ms, uint32_t connect_timeout_ms,
							   uint32_t lifetime_ms, wc_str ca_file);

/* No request that begins after this uses a connection that was made before. */
extern void exchange_forget_connections(exchange *x);

/* A new peer, or a new target for one; takes the target over. */
extern void exchange_put(exchange *x, uint32_t id, target *t);
extern peer *exchange_find(const exchange *x, uint32_t id);

/* What waits for it fails with that; what is under way goes on. */
extern void exchange_drop(exchange *x, uint32_t id, wc_outcome_result failure, const char *text);

/* There is memory for one more; the caller may have a closer limit. */
extern bool exchange_has_room(const exchange *x);

/* Both take the errand over. */
extern void exchange_begin(exchange *x, peer *p, errand *e);
extern void exchange_fail(exchange *x, errand *e, wc_outcome_result failure, const char *text);

/* Errands that wait; those and what is under way or still to be told. */
extern uint32_t exchange_queued(const exchange *x);
extern uint32_t exchange_pending(const exchange *x);

/* Drop everything without a word; the loop must run once more after it. */
extern void exchange_free(exchange *x);

#endif /* NET_CLIENT_POOL_H */
