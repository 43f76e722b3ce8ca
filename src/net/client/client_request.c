/*
 * client_request.c
 */
#include "client/client_request.h"

#include "base/alloc.h"

client_request *
client_queue_new_request(size_t size, uint64_t token)
{
	client_request *e = net_alloc(size);

	e->size = size;
	e->token = token;
	return e;
}

void
client_queue_push(client_queue *q, client_request *e)
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
client_queue_push_front(client_queue *q, client_request *e)
{
	e->next = q->first;
	q->first = e;
	if (q->last == NULL)
		q->last = e;
	q->count++;
}

client_request *
client_queue_pop(client_queue *q)
{
	client_request *e = q->first;

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
client_queue_drop(client_queue *q)
{
	client_request *e;

	while ((e = client_queue_pop(q)) != NULL)
		free(e);
}
