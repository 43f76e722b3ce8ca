/*
 * rate_limit.c
 *	  A bucket is the time at which it will be full again (the generic cell rate
 *	  algorithm): one number, and nothing that must be refilled.
 */
#include "base/rate_limit.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Places that one key may have. */
#define WAYS 8u

typedef struct place
{
	uint8_t key[16];
	bucket b;
} place;

struct rate_limit_table
{
	uint32_t places;
	uint8_t last_key[16]; /* whom somebody asked for last: mostly the next one does as well */
	uint32_t last_place;
	place place[];
};

/* Microseconds in which one token comes. */
static uint64_t
step_of(const rate_limit *rate)
{
	uint64_t step = rate->interval_ms * 1000 / rate->rate;

	return step > 0 ? step : 1;
}

uint32_t
rate_limit_wait(bucket b, const rate_limit *rate, uint64_t now_ms)
{
	uint64_t full = step_of(rate) * (rate->burst - 1);
	uint64_t now = now_ms * 1000;

	if (b <= now + full)
		return 0;
	return (uint32_t) ((b - now - full + 999) / 1000);
}

bucket
rate_limit_take(bucket b, const rate_limit *rate, uint64_t now_ms)
{
	uint64_t now = now_ms * 1000;

	return (b > now ? b : now) + step_of(rate);
}

bucket
rate_limit_give(bucket b, const rate_limit *rate)
{
	return b > step_of(rate) ? b - step_of(rate) : 0;
}

rate_limit_table *
rate_limit_table_new(uint32_t places)
{
	rate_limit_table *set = calloc(1, sizeof(*set) + places * sizeof(place));

	if (set != NULL)
	{
		set->places = places;
		set->last_place = ((uint32_t) hash_secret(set->last_key, 16) & (places - 1)) / WAYS * WAYS;
	}
	return set;
}

void
rate_limit_table_free(rate_limit_table *set)
{
	free(set);
}

/* The first of the places that the key may have. */
static uint32_t
first_place(rate_limit_table *set, const uint8_t key[16])
{
	if (memcmp(set->last_key, key, 16) != 0)
	{
		/* Secret, so that a stranger cannot aim at another's places, nor have all of a network's addresses in one. */
		set->last_place = ((uint32_t) hash_secret(key, 16) & (set->places - 1)) / WAYS * WAYS;
		memcpy(set->last_key, key, 16);
	}
	return set->last_place;
}

static place *
find(rate_limit_table *set, const uint8_t key[16])
{
	uint32_t at = first_place(set, key);
	uint32_t i;

	for (i = at; i < at + WAYS; i++)
	{
		if (set->place[i].b != 0 && memcmp(set->place[i].key, key, 16) == 0)
			return &set->place[i];
	}
	return NULL;
}

uint32_t
rate_limit_table_wait(rate_limit_table *set, const uint8_t key[16], const rate_limit *rate, uint64_t now_ms)
{
	place *p = find(set, key);

	return p ? rate_limit_wait(p->b, rate, now_ms) : 0;
}

void
rate_limit_table_take(rate_limit_table *set, const uint8_t key[16], const rate_limit *rate, uint64_t now_ms)
{
	rate_limit_table_take_many(set, key, rate, now_ms, 1);
}

void
rate_limit_table_take_many(rate_limit_table *set, const uint8_t key[16], const rate_limit *rate, uint64_t now_ms,
						   uint32_t n)
{
	place *p = find(set, key);
	uint32_t at = first_place(set, key);
	uint32_t i;

	if (p == NULL)
	{
		p = &set->place[at];
		for (i = at + 1; i < at + WAYS; i++)
		{
			if (set->place[i].b < p->b)
				p = &set->place[i];
		}
		memcpy(p->key, key, 16);
		p->b = 0;
	}
	p->b = rate_limit_take(p->b, rate, now_ms) + (n - 1) * step_of(rate);
}

void
rate_limit_table_give(rate_limit_table *set, const uint8_t key[16], const rate_limit *rate)
{
	place *p = find(set, key);

	if (p != NULL)
		p->b = rate_limit_give(p->b, rate);
}
