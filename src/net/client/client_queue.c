/*
 * client_queue.c
 */
#include "client/client_queue.h"

#include <string.h>

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

/* The position of the destination, or where it would be. */
static uint32_t
position(const destinations *r, uint32_t id)
{
	uint32_t low = 0;
	uint32_t high = r->count;

	while (low < high)
	{
		uint32_t middle = low + (high - low) / 2;

		if (r->all[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

destination *
client_queue_find(const destinations *r, uint32_t id)
{
	uint32_t at = position(r, id);

	return at < r->count && r->all[at]->id == id ? r->all[at] : NULL;
}

static destination *
insert(destinations *r, uint32_t id)
{
	uint32_t at = position(r, id);
	destination *p = net_alloc(sizeof(destination));

	if (r->count == r->capacity)
	{
		uint32_t capacity = r->capacity > 0 ? r->capacity * 2 : 8;
		destination **grown = net_alloc(capacity * sizeof(destination *));

		if (r->count > 0)
			memcpy(grown, r->all, r->count * sizeof(destination *));
		free(r->all);
		r->all = grown;
		r->capacity = capacity;
	}
	memmove(r->all + at + 1, r->all + at, (r->count - at) * sizeof(destination *));
	r->all[at] = p;
	r->count++;
	p->id = id;
	return p;
}

void
client_queue_put(destinations *r, uint32_t id, target *t, uint32_t window)
{
	destination *p = client_queue_find(r, id);

	if (p == NULL)
		p = insert(r, id);
	target_release(p->target);
	p->target = t;
	p->window = window;
}

static void
free_destination(destination *p)
{
	client_queue_drop(&p->queue);
	client_queue_drop(&p->bulk);
	target_release(p->target);
	free(p);
}

/* The caller has emptied its queue; requests under way may still hold it. */
void
client_queue_remove(destinations *r, destination *p)
{
	uint32_t at = position(r, p->id);

	r->count--;
	memmove(r->all + at, r->all + at + 1, (r->count - at) * sizeof(destination *));
	p->gone = true;
	if (p->in_flight == 0)
		free_destination(p);
}

void
client_queue_free(destinations *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		free_destination(r->all[i]);
	free(r->all);
	memset(r, 0, sizeof(*r));
}

void
client_queue_started(destination *p)
{
	p->in_flight++;
}

void
client_queue_finished(destination *p)
{
	p->in_flight--;
	if (p->gone && p->in_flight == 0)
		free_destination(p);
}

/* What is kept free for a destination: not more than it could use. */
static uint32_t
reserve_of(const destination *p, uint32_t reserve)
{
	return p->window < reserve ? p->window : reserve;
}

/* The slots that bulk leaves free, and its turns while others wait: one in so many. */
#define LIVE_SHARE 16
#define BULK_SHARE 8

client_queue *
client_queue_of(destination *p, const client_request *e)
{
	return e->bulk ? &p->bulk : &p->queue;
}

client_request *
client_queue_take(destination *p)
{
	bool bulk = p->bulk.first != NULL && (p->queue.first == NULL || ++p->passed >= BULK_SHARE);

	if (bulk)
		p->passed = 0;
	return client_queue_pop(bulk ? &p->bulk : &p->queue);
}

/* Has it a request that may go, with so many under way? */
static bool
has_one(const destination *p, uint32_t under_way, uint32_t max_under_way)
{
	if (p->queue.first != NULL)
		return true;
	return p->bulk.first != NULL && under_way + max_under_way / LIVE_SHARE < max_under_way;
}

destination *
client_queue_next(destinations *r, uint32_t under_way, uint32_t max_under_way)
{
	/* Half of the window is shared out as reserves, when there is enough. */
	uint32_t reserve = r->count > 1 ? max_under_way / (2 * r->count) : 0;
	uint32_t kept = 0; /* of the reserves, what is not in use */
	destination *best = NULL;

	if (under_way >= max_under_way)
		return NULL;
	if (r->count > 1 && reserve == 0 && r->count <= max_under_way)
		reserve = 1;
	for (uint32_t i = 0; reserve > 0 && i < r->count; i++)
	{
		uint32_t own = reserve_of(r->all[i], reserve);

		if (r->all[i]->in_flight < own)
			kept += own - r->all[i]->in_flight;
	}

	for (uint32_t i = 0; i < r->count; i++)
	{
		destination *p = r->all[(r->turn + i) % r->count];

		if (!has_one(p, under_way, max_under_way) || p->in_flight >= p->window ||
			(best != NULL && best->in_flight <= p->in_flight))
			continue;
		if (p->in_flight < reserve || under_way + kept < max_under_way)
			best = p;
	}
	r->turn = r->count > 0 ? (r->turn + 1) % r->count : 0;
	return best;
}
