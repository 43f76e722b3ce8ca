/*
 * client_request.h
 *	  Something to be asked of another server, a message, a delivery or a call:
 *	  what they have in common, and the queues that they wait in.
 */
#ifndef NET_CLIENT_REQUEST_H
#define NET_CLIENT_REQUEST_H

#include "common/corridor.h"

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

#endif /* NET_CLIENT_REQUEST_H */
