/*
 * hash.c
 *	  Chained hash tables, and a hash that strangers cannot aim with.
 */
#include "base/hash.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_CHAINS 64u

bool
hash_init(hash *h, hash_fn of)
{
	*h = (hash){.chains = calloc(FIRST_CHAINS, sizeof(*h->chains)), .of = of};
	h->nchains = h->chains ? FIRST_CHAINS : 0;
	return h->chains != NULL;
}

void
hash_exit(hash *h)
{
	free(h->chains);
	*h = (hash){0};
}

static hash_link **
hash_place(const hash *h, const hash_link *entry)
{
	return &h->chains[h->of(entry) & (h->nchains - 1)];
}

static void
hash_hang(hash *h, hash_link *entry)
{
	hash_link **place = hash_place(h, entry);

	entry->next = *place;
	*place = entry;
}

/* Double the chains when there is one entry for each. */
static void
hash_grow(hash *h)
{
	hash bigger = *h;
	hash_link *entry;

	if (h->count < h->nchains)
		return;
	bigger.nchains *= 2;
	bigger.chains = calloc(bigger.nchains, sizeof(*bigger.chains));
	if (bigger.chains == NULL)
		return;
	for (uint32_t i = 0; i < h->nchains; i++)
	{
		while ((entry = h->chains[i]) != NULL)
		{
			h->chains[i] = entry->next;
			hash_hang(&bigger, entry);
		}
	}
	free(h->chains);
	*h = bigger;
}

void
hash_add(hash *h, hash_link *entry)
{
	hash_grow(h);
	hash_hang(h, entry);
	h->count++;
}

void
hash_remove(hash *h, hash_link *entry)
{
	hash_link **link = hash_place(h, entry);

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	h->count--;
}

hash_link *
hash_next(const hash *h, const hash_link *entry)
{
	hash_link **place = h->chains;

	if (entry != NULL)
	{
		if (entry->next != NULL)
			return entry->next;
		place = hash_place(h, entry) + 1;
	}
	while (place < h->chains + h->nchains && *place == NULL)
		place++;
	return place < h->chains + h->nchains ? *place : NULL;
}

static inline uint64_t
hash_rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void
hash_rounds(uint64_t v[4], int rounds)
{
	for (; rounds > 0; rounds--)
	{
		v[0] += v[1];
		v[2] += v[3];
		v[1] = hash_rotate(v[1], 13) ^ v[0];
		v[3] = hash_rotate(v[3], 16) ^ v[2];
		v[0] = hash_rotate(v[0], 32) + v[3];
		v[2] += v[1];
		v[3] = hash_rotate(v[3], 21) ^ v[0];
		v[1] = hash_rotate(v[1], 17) ^ v[2];
		v[2] = hash_rotate(v[2], 32);
	}
}

uint64_t
hash_siphash(const uint64_t key[2], const void *data, size_t len)
{
	uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
					 key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
	const uint8_t *p = data;

	/* Words of eight bytes; the last one has what is left, and the length. */
	for (size_t at = 0; at <= len; at += 8)
	{
		uint8_t word[8] = {0};
		uint64_t m;

		memcpy(word, p + at, len - at < 8 ? len - at : 8);
		if (len - at < 8)
			word[7] = (uint8_t) len;
		memcpy(&m, word, 8);
		m = le64toh(m);
		v[3] ^= m;
		hash_rounds(v, 2);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	hash_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
hash_secret(const void *key, size_t len)
{
	static uint64_t secret[2];
	static bool drawn = false;

	/* Without chance there is no secret: the worker starts the program again. */
	if (!drawn && getrandom(secret, sizeof(secret), 0) != (ssize_t) sizeof(secret))
		abort();
	drawn = true;
	return hash_siphash(secret, key, len);
}
