/*
 * client_queue.c
 */
#include "client/client_queue.h"

#include <string.h>

#include "base/alloc.h"

/* The position of the peer, or where it would be. */
static uint32_t
position(const peers *r, uint32_t id)
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

peer *
peers_find(const peers *r, uint32_t id)
{
	uint32_t at = position(r, id);

	return at < r->count && r->all[at]->id == id ? r->all[at] : NULL;
}

static peer *
insert(peers *r, uint32_t id)
{
	uint32_t at = position(r, id);
	peer *p = net_alloc(sizeof(peer));

	if (r->count == r->capacity)
	{
		uint32_t capacity = r->capacity > 0 ? r->capacity * 2 : 8;
		peer **grown = net_alloc(capacity * sizeof(peer *));

		if (r->count > 0)
			memcpy(grown, r->all, r->count * sizeof(peer *));
		free(r->all);
		r->all = grown;
		r->capacity = capacity;
	}
	memmove(r->all + at + 1, r->all + at, (r->count - at) * sizeof(peer *));
	r->all[at] = p;
	r->count++;
	p->id = id;
	return p;
}

void
peers_put(peers *r, uint32_t id, target *t, uint32_t window)
{
	peer *p = peers_find(r, id);

	if (p == NULL)
		p = insert(r, id);
	target_release(p->target);
	p->target = t;
	p->window = window;
}

static void
free_peer(peer *p)
{
	errand_queue_drop(&p->queue);
	target_release(p->target);
	free(p);
}

/* The caller has emptied its queue; requests under way may still hold it. */
void
peers_remove(peers *r, peer *p)
{
	uint32_t at = position(r, p->id);

	r->count--;
	memmove(r->all + at, r->all + at + 1, (r->count - at) * sizeof(peer *));
	p->gone = true;
	if (p->in_flight == 0)
		free_peer(p);
}

void
peers_free(peers *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		free_peer(r->all[i]);
	free(r->all);
	memset(r, 0, sizeof(*r));
}

void
peer_started(peer *p)
{
	p->in_flight++;
}

void
peer_finished(peer *p)
{
	p->in_flight--;
	if (p->gone && p->in_flight == 0)
		free_peer(p);
}

/* What is kept free for a peer: not more than it could use. */
static uint32_t
reserve_of(const peer *p, uint32_t reserve)
{
	return p->window < reserve ? p->window : reserve;
}

peer *
peers_next(peers *r, uint32_t under_way, uint32_t max_under_way)
{
	/* Half of the window is shared out as reserves, when there is enough. */
	uint32_t reserve = r->count > 1 ? max_under_way / (2 * r->count) : 0;
	uint32_t kept = 0; /* of the reserves, what is not in use */
	peer *best = NULL;

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
		peer *p = r->all[(r->turn + i) % r->count];

		if (p->queue.first == NULL || p->in_flight >= p->window || (best != NULL && best->in_flight <= p->in_flight))
			continue;
		if (p->in_flight < reserve || under_way + kept < max_under_way)
			best = p;
	}
	r->turn = r->count > 0 ? (r->turn + 1) % r->count : 0;
	return best;
}
