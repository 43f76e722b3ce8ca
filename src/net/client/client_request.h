/*
 * client_request.h
 *	  Something to be asked of another server, a message, a delivery or a call:
 *	  what they have in common, and the queues that they wait in.
 */
#ifndef NET_CLIENT_REQUEST_H
#define NET_CLIENT_REQUEST_H

#include "common/corridor.h"

/* The first member of each kind. */
typedef struct errand
{
	struct errand *next;
	uint64_t token;	  /* the worker's, for the answer */
	size_t size;	  /* of the allocation that it begins */
	const char *body; /* the request's, in the same allocation; NULL: it has none */
	size_t body_len;
	wc_outcome_result failure; /* of one that fails without a request */
	const char *failure_text;  /* static; NULL: it has not failed */
	bool again;				   /* it met a closed connection once */
} errand;

typedef struct errand_queue
{
	errand *first;
	errand *last;
	uint32_t count;
} errand_queue;

/* An allocation of that size which begins with an errand; the rest is zeros. */
extern errand *errand_new(size_t size, uint64_t token);

extern void errand_queue_push(errand_queue *q, errand *e);
extern void errand_queue_push_front(errand_queue *q, errand *e);
extern errand *errand_queue_pop(errand_queue *q);
extern void errand_queue_drop(errand_queue *q);

#endif /* NET_CLIENT_REQUEST_H */
