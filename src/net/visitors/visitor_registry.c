/*
 * visitor_registry.c
 */
#include "visitors/visitor_registry.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 256u

struct visitor_registry
{
	visitor_entry **numbers;
	visitor_entry **visitors;
	uint32_t nbuckets; /* of each; a power of two */
	uint32_t count;
	uint32_t welcomed;
	uint64_t last; /* number given out */
};

visitor_registry *
visitor_registry_new(void)
{
	visitor_registry *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->numbers = calloc(FIRST_BUCKETS, sizeof(*r->numbers));
	r->visitors = calloc(FIRST_BUCKETS, sizeof(*r->visitors));
	r->nbuckets = FIRST_BUCKETS;
	if (r->numbers != NULL && r->visitors != NULL)
		return r;
	visitor_registry_free(r);
	return NULL;
}

void
visitor_registry_free(visitor_registry *r)
{
	if (r == NULL)
		return;
	free(r->numbers);
	free(r->visitors);
	free(r);
}

static visitor_entry **
number_bucket(const visitor_registry *r, uint64_t number)
{
	return &r->numbers[number & (r->nbuckets - 1)];
}

/* Both ids are ours (UUIDs of version 7 that end in chance): no seed is needed. */
static visitor_entry **
visitor_bucket(const visitor_registry *r, const uint8_t channel[16], const uint8_t visitor[16])
{
	uint64_t c[2];
	uint64_t v[2];
	uint64_t h;

	memcpy(c, channel, 16);
	memcpy(v, visitor, 16);
	h = (v[0] ^ c[1]) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 29 ^ v[1] ^ c[0]) * UINT64_C(0xbf58476d1ce4e5b9);
	return &r->visitors[h >> 32 & (r->nbuckets - 1)];
}

/* Double the buckets when chains grow; without memory the chains stay long. */
static void
maybe_grow(visitor_registry *r)
{
	visitor_registry bigger = *r;
	visitor_entry *e;
	uint32_t i;

	if (r->count < r->nbuckets)
		return;
	bigger.nbuckets *= 2;
	bigger.numbers = calloc(bigger.nbuckets, sizeof(*bigger.numbers));
	bigger.visitors = calloc(bigger.nbuckets, sizeof(*bigger.visitors));
	if (bigger.numbers == NULL || bigger.visitors == NULL)
	{
		free(bigger.numbers);
		free(bigger.visitors);
		return;
	}
	for (i = 0; i < r->nbuckets; i++)
	{
		while ((e = r->numbers[i]) != NULL)
		{
			visitor_entry **to = number_bucket(&bigger, e->number);

			r->numbers[i] = e->next_number;
			e->next_number = *to;
			*to = e;
		}
		while ((e = r->visitors[i]) != NULL)
		{
			visitor_entry **to = visitor_bucket(&bigger, e->channel, e->visitor);

			r->visitors[i] = e->next_visitor;
			e->next_visitor = *to;
			*to = e;
		}
	}
	free(r->numbers);
	free(r->visitors);
	*r = bigger;
}

void
visitor_registry_add(visitor_registry *r, visitor_entry *e)
{
	visitor_entry **to;

	maybe_grow(r);
	e->number = ++r->last;
	to = number_bucket(r, e->number);
	e->next_number = *to;
	*to = e;
	r->count++;
}

void
visitor_registry_welcome(visitor_registry *r, visitor_entry *e)
{
	visitor_entry **to = visitor_bucket(r, e->channel, e->visitor);

	e->welcomed = true;
	e->next_visitor = *to;
	*to = e;
	r->welcomed++;
}

void
visitor_registry_drop(visitor_registry *r, visitor_entry *e)
{
	visitor_entry **link = number_bucket(r, e->number);

	while (*link != e)
		link = &(*link)->next_number;
	*link = e->next_number;
	r->count--;
	if (!e->welcomed)
		return;
	link = visitor_bucket(r, e->channel, e->visitor);
	while (*link != e)
		link = &(*link)->next_visitor;
	*link = e->next_visitor;
	e->welcomed = false;
	r->welcomed--;
}

visitor_entry *
visitor_registry_find(const visitor_registry *r, uint64_t number)
{
	visitor_entry *e = *number_bucket(r, number);

	while (e != NULL && e->number != number)
		e = e->next_number;
	return e;
}

int
visitor_registry_each(const visitor_registry *r, const uint8_t channel[16], const uint8_t visitor[16],
					  visitor_entry_fn fn, void *arg)
{
	visitor_entry *e = *visitor_bucket(r, channel, visitor);
	visitor_entry *next;
	int n = 0;

	for (; e != NULL; e = next)
	{
		next = e->next_visitor;
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
	visitor_entry *e;
	visitor_entry *next;
	uint32_t i;

	for (i = 0; i < r->nbuckets; i++)
	{
		for (e = r->numbers[i]; e != NULL; e = next)
		{
			next = e->next_number;
			fn(arg, e);
		}
	}
}

uint32_t
visitor_registry_count(const visitor_registry *r)
{
	return r->count;
}

uint32_t
visitor_registry_welcomed(const visitor_registry *r)
{
	return r->welcomed;
}
