/*
 * client_queue.h
 *	  Requests to other servers that wait, a message, a delivery or a call; those whom
 *	  they go to, hubs or webhooks; and whose turn it is.
 */
#ifndef NET_CLIENT_QUEUE_H
#define NET_CLIENT_QUEUE_H

#include "common/corridor.h"
#include "client/target.h"

/* The first member of each kind. */
typedef struct client_request
{
	struct client_request *next;
	uint64_t token;	  /* the worker's, for the answer */
	size_t size;	  /* of the allocation that it begins */
	const char *body; /* the request's, in the same allocation; NULL: it has none */
	size_t body_len;
	wc_outcome_result failure; /* of one that fails without a request */
	const char *failure_text;  /* static; NULL: it has not failed */
	bool again;				   /* it met a closed connection once */
	bool bulk;				   /* it lets those go first that are not */
} client_request;

typedef struct client_queue
{
	client_request *first;
	client_request *last;
	uint32_t count;
} client_queue;

/* An allocation of that size which begins with a request; the rest is zeros. */
extern client_request *client_queue_new_request(size_t size, uint64_t token);

extern void client_queue_push(client_queue *q, client_request *e);
extern void client_queue_push_front(client_queue *q, client_request *e);
extern client_request *client_queue_pop(client_queue *q);
extern void client_queue_drop(client_queue *q);

typedef struct destination
{
	uint32_t id;
	target *target;
	client_queue queue;
	client_queue bulk;
	uint32_t passed; /* requests of queue that went before bulk's first */
	uint32_t in_flight;
	uint32_t window; /* never more than so many of its requests under way */
	bool gone;		 /* out of the registry; freed with its last request */
} destination;

/* All zeros is an empty one. */
typedef struct destinations
{
	destination **all; /* ordered by id */
	uint32_t count;
	uint32_t capacity;
	uint32_t turn; /* where the last search ended */
} destinations;

extern destination *client_queue_find(const destinations *r, uint32_t id);

/* A new one with that target, or a new target for one; takes it over. */
extern void client_queue_put(destinations *r, uint32_t id, target *t, uint32_t window);
extern void client_queue_remove(destinations *r, destination *p);
extern void client_queue_free(destinations *r);

/*
 * The destination whose first request should go next, NULL when none may: the one with
 * the fewest requests under way, and only while each other destination still finds
 * its reserve free.  So one that is slow or dead cannot take all the slots,
 * neither from those that wait nor from those that will.  Bulk leaves some slots to what
 * is not.
 */
extern destination *client_queue_next(destinations *r, uint32_t under_way, uint32_t max_under_way);

/* Its request that is to go next, taken out; NULL: it has none.  Bulk has one turn in some. */
extern client_request *client_queue_take(destination *p);

/* Where a request waits. */
extern client_queue *client_queue_of(destination *p, const client_request *e);

extern void client_queue_started(destination *p);
extern void client_queue_finished(destination *p);

#endif /* NET_CLIENT_QUEUE_H */
