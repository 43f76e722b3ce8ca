/*
 * rate_limit.c
 *	  A bucket is the time at which it will be full again (the generic cell rate
 *	  algorithm): one number, and nothing that must be refilled.
 */
#include "base/rate_limit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Places that one key may have. */
#define WAYS 8u

typedef struct place
{
	uint8_t key[16];
	bucket b;
} place;

struct buckets
{
	uint64_t seed;
	uint32_t places;
	place place[];
};

/* Microseconds in which one token comes. */
static uint64_t
step_of(const bucket_rate *rate)
{
	uint64_t step = rate->interval_ms * 1000 / rate->rate;

	return step > 0 ? step : 1;
}

uint32_t
bucket_wait(bucket b, const bucket_rate *rate, uint64_t now_ms)
{
	uint64_t full = step_of(rate) * (rate->burst - 1);
	uint64_t now = now_ms * 1000;

	if (b <= now + full)
		return 0;
	return (uint32_t) ((b - now - full + 999) / 1000);
}

bucket
bucket_take(bucket b, const bucket_rate *rate, uint64_t now_ms)
{
	uint64_t now = now_ms * 1000;

	return (b > now ? b : now) + step_of(rate);
}

bucket
bucket_give(bucket b, const bucket_rate *rate)
{
	return b > step_of(rate) ? b - step_of(rate) : 0;
}

buckets *
buckets_new(uint32_t places)
{
	buckets *set = calloc(1, sizeof(*set) + places * sizeof(place));

	if (set == NULL)
		return NULL;
	set->places = places;
	if (getrandom(&set->seed, sizeof(set->seed), 0) < 0)
		set->seed = (uint64_t) (uintptr_t) set;
	return set;
}

void
buckets_free(buckets *set)
{
	free(set);
}

/* The first of the places that the key may have. */
static uint32_t
first_place(const buckets *set, const uint8_t key[16])
{
	uint64_t h[2];

	/* Seeded, so that a stranger cannot aim at another's places. */
	memcpy(h, key, 16);
	h[0] = (h[0] ^ set->seed) * UINT64_C(0x9e3779b97f4a7c15);
	h[0] = (h[0] ^ (h[0] >> 29) ^ h[1]) * UINT64_C(0xbf58476d1ce4e5b9);
	return ((uint32_t) (h[0] >> 32) & (set->places - 1)) / WAYS * WAYS;
}

static const place *
find(const buckets *set, const uint8_t key[16])
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
buckets_wait(const buckets *set, const uint8_t key[16], const bucket_rate *rate, uint64_t now_ms)
{
	const place *p = find(set, key);

	return p ? bucket_wait(p->b, rate, now_ms) : 0;
}

void
buckets_take(buckets *set, const uint8_t key[16], const bucket_rate *rate, uint64_t now_ms)
{
	place *p = (place *) find(set, key);
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
	p->b = bucket_take(p->b, rate, now_ms);
}

void
buckets_give(buckets *set, const uint8_t key[16], const bucket_rate *rate)
{
	place *p = (place *) find(set, key);

	if (p != NULL)
		p->b = bucket_give(p->b, rate);
}
