/*
 * client_request.c
 */
#include "client/client_request.h"

#include "base/alloc.h"

errand *
errand_new(size_t size, uint64_t token)
{
	errand *e = net_alloc(size);

	e->size = size;
	e->token = token;
	return e;
}

void
errand_queue_push(errand_queue *q, errand *e)
{
	e->next = NULL;
	if (q->last != NULL)
		q->last->next = e;
	else
		q->first = e;
	q->last = e;
	q->count++;
}

void
errand_queue_push_front(errand_queue *q, errand *e)
{
	e->next = q->first;
	q->first = e;
	if (q->last == NULL)
		q->last = e;
	q->count++;
}

errand *
errand_queue_pop(errand_queue *q)
{
	errand *e = q->first;

	if (e == NULL)
		return NULL;
	q->first = e->next;
	if (q->first == NULL)
		q->last = NULL;
	q->count--;
	e->next = NULL;
	return e;
}

void
errand_queue_drop(errand_queue *q)
{
	errand *e;

	while ((e = errand_queue_pop(q)) != NULL)
		free(e);
}
