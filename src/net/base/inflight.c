/*
 * inflight.c
 *	  A number is a slot and the count of its uses, so that the answer to an event
 *	  that was given up never reaches the slot's next user.  Its two highest bits
 *	  stay free: who else gives numbers to the worker sets one of them.
 */
#include "base/inflight.h"

#include <stdlib.h>

#define FIRST_SLOTS 256u
#define NO_SLOT		UINT32_MAX
#define MOST_USES	(INFLIGHT_NUMBERS_END / (UINT64_C(1) << 32) - 1)

typedef struct slot
{
	void *owner; /* NULL: free */
	size_t bytes;
	uint32_t uses; /* 1 to MOST_USES */
	uint32_t next_free;
} slot;

struct inflight
{
	slot *slots;
	uint32_t nslots;
	uint32_t first_free;
	uint32_t count;
	size_t bytes;
};

inflight *
inflight_new(void)
{
	inflight *w = calloc(1, sizeof(*w));

	if (w != NULL)
		w->first_free = NO_SLOT;
	return w;
}

void
inflight_free(inflight *w)
{
	if (w != NULL)
		free(w->slots);
	free(w);
}

static bool
grow(inflight *w)
{
	uint32_t n = w->nslots ? w->nslots * 2 : FIRST_SLOTS;
	slot *slots;
	uint32_t i;

	if (w->nslots > UINT32_MAX / 4)
		return false;
	slots = realloc(w->slots, n * sizeof(*slots));
	if (slots == NULL)
		return false;
	for (i = w->nslots; i < n; i++)
		slots[i] = (slot){NULL, 0, 1, i + 1 < n ? i + 1 : NO_SLOT};
	w->first_free = w->nslots;
	w->slots = slots;
	w->nslots = n;
	return true;
}

bool
inflight_has_room(const inflight *w, size_t bytes, uint32_t max)
{
	return w->count < max && bytes <= INFLIGHT_MAX_BYTES - w->bytes;
}

uint64_t
inflight_take(inflight *w, void *owner, size_t bytes, uint32_t max)
{
	uint32_t at;

	if (!inflight_has_room(w, bytes, max) || (w->first_free == NO_SLOT && !grow(w)))
		return 0;
	at = w->first_free;
	w->first_free = w->slots[at].next_free;
	w->slots[at].owner = owner;
	w->slots[at].bytes = bytes;
	w->count++;
	w->bytes += bytes;
	return (uint64_t) w->slots[at].uses << 32 | at;
}

void *
inflight_find(const inflight *w, uint64_t number)
{
	uint32_t at = (uint32_t) number;

	if (at >= w->nslots || w->slots[at].uses != number >> 32)
		return NULL;
	return w->slots[at].owner;
}

void
inflight_give(inflight *w, uint64_t number)
{
	slot *s;

	if (inflight_find(w, number) == NULL)
		return;
	s = &w->slots[(uint32_t) number];
	w->count--;
	w->bytes -= s->bytes;
	s->owner = NULL;
	s->uses = s->uses == MOST_USES ? 1 : s->uses + 1;
	s->next_free = w->first_free;
	w->first_free = (uint32_t) number;
}

uint32_t
inflight_count(const inflight *w)
{
	return w->count;
}
