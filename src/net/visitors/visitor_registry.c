/*
 * visitor_registry.c
 */
#include "visitors/visitor_registry.h"

#include <stdlib.h>
#include <string.h>

struct visitor_registry
{
	hash numbers;
	hash visitors; /* those that are welcomed */
	uint64_t last; /* number given out */
};

static visitor_entry *
visitor_registry_numbered(const hash_link *link)
{
	return HASH_ENTRY(visitor_entry, by_number, link);
}

static uint64_t
visitor_registry_number_of(const hash_link *link)
{
	return visitor_registry_numbered(link)->number;
}

/* Both ids are ours (UUIDs of version 7 that end in chance): they need no secret. */
static uint64_t
visitor_registry_hash(const uint8_t channel[16], const uint8_t visitor[16])
{
	uint64_t c[2];
	uint64_t v[2];
	uint64_t h;

	memcpy(c, channel, 16);
	memcpy(v, visitor, 16);
	h = (v[0] ^ c[1]) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 29 ^ v[1] ^ c[0]) * UINT64_C(0xbf58476d1ce4e5b9);
	return h >> 32;
}

static uint64_t
visitor_registry_visitor_of(const hash_link *link)
{
	const visitor_entry *e = HASH_ENTRY(visitor_entry, by_visitor, link);

	return visitor_registry_hash(e->channel, e->visitor);
}

visitor_registry *
visitor_registry_new(void)
{
	visitor_registry *r = calloc(1, sizeof(*r));

	if (r != NULL && hash_init(&r->numbers, visitor_registry_number_of) &&
		hash_init(&r->visitors, visitor_registry_visitor_of))
		return r;
	visitor_registry_free(r);
	return NULL;
}

void
visitor_registry_free(visitor_registry *r)
{
	if (r == NULL)
		return;
	hash_exit(&r->numbers);
	hash_exit(&r->visitors);
	free(r);
}

void
visitor_registry_add(visitor_registry *r, visitor_entry *e)
{
	e->number = ++r->last;
	hash_add(&r->numbers, &e->by_number);
}

void
visitor_registry_welcome(visitor_registry *r, visitor_entry *e)
{
	e->welcomed = true;
	hash_add(&r->visitors, &e->by_visitor);
}

void
visitor_registry_drop(visitor_registry *r, visitor_entry *e)
{
	hash_remove(&r->numbers, &e->by_number);
	if (e->welcomed)
		hash_remove(&r->visitors, &e->by_visitor);
	e->welcomed = false;
}

visitor_entry *
visitor_registry_find(const visitor_registry *r, uint64_t number)
{
	hash_link *link = hash_chain(&r->numbers, number);

	while (link != NULL && visitor_registry_numbered(link)->number != number)
		link = link->next;
	return link ? visitor_registry_numbered(link) : NULL;
}

int
visitor_registry_each(const visitor_registry *r, const uint8_t channel[16], const uint8_t visitor[16],
					  visitor_entry_fn fn, void *arg)
{
	hash_link *link = hash_chain(&r->visitors, visitor_registry_hash(channel, visitor));
	int n = 0;

	while (link != NULL)
	{
		visitor_entry *e = HASH_ENTRY(visitor_entry, by_visitor, link);

		link = link->next;
		if (memcmp(e->visitor, visitor, 16) != 0 || memcmp(e->channel, channel, 16) != 0)
			continue;
		n++;
		if (fn != NULL)
			fn(arg, e);
	}
	return n;
}

void
visitor_registry_all(const visitor_registry *r, visitor_entry_fn fn, void *arg)
{
	hash_link *link = hash_next(&r->numbers, NULL);

	while (link != NULL)
	{
		visitor_entry *e = visitor_registry_numbered(link);

		link = hash_next(&r->numbers, link);
		fn(arg, e);
	}
}

uint32_t
visitor_registry_count(const visitor_registry *r)
{
	return r->numbers.count;
}

uint32_t
visitor_registry_welcomed(const visitor_registry *r)
{
	return r->visitors.count;
}
