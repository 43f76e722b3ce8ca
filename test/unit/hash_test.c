/*
 * hash_test.c
 *	  The hash table while it grows and shrinks, and SipHash by its authors' vectors.
 */
#include <string.h>

#include "base/hash.h"
#include "tap.h"

#define ENTRIES 1000

typedef struct entry
{
	uint32_t key;
	hash_link link;
	int seen;
} entry;

static entry entries[ENTRIES];

/* Few chains, so that many keys meet. */
static uint64_t
hash_of(const hash_link *link)
{
	return HASH_ENTRY(entry, link, link)->key % 97;
}

static bool
is_in(const hash *h, const entry *e)
{
	hash_link *link = hash_chain(h, e->key % 97);

	while (link != NULL && link != &e->link)
		link = link->next;
	return link != NULL;
}

/* Those from that one on are in, the others are not, and all are met once. */
static bool
has_from(const hash *h, int first)
{
	int met = 0;

	for (int i = 0; i < ENTRIES; i++)
	{
		entries[i].seen = 0;
		if (is_in(h, &entries[i]) != (i >= first))
			return false;
	}
	for (hash_link *link = hash_next(h, NULL); link != NULL; link = hash_next(h, link))
		met += HASH_ENTRY(entry, link, link)->seen++ == 0;
	return met == ENTRIES - first && h->count == (uint32_t) met;
}

static void
table(void)
{
	hash h;

	ok(hash_init(&h, hash_of) && hash_next(&h, NULL) == NULL, "an empty table");
	for (uint32_t i = 0; i < ENTRIES; i++)
	{
		entries[i].key = i;
		hash_add(&h, &entries[i].link);
	}
	ok(has_from(&h, 0), "all are in it after it has grown");
	for (int i = 0; i < ENTRIES / 2; i++)
		hash_remove(&h, &entries[i].link);
	ok(has_from(&h, ENTRIES / 2), "what is removed is not");
	for (int i = ENTRIES / 2; i < ENTRIES; i++)
		hash_remove(&h, &entries[i].link);
	ok(has_from(&h, ENTRIES), "and it is empty again");
	hash_exit(&h);
}

/* The first of "vectors_sip64": the key 00 01 .. 0f, of no byte, of seven, eight and fifteen: 00 01 .. */
static void
siphash(void)
{
	static const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	static const uint8_t data[15] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

	ok(hash_siphash(key, data, 0) == UINT64_C(0x726fdb47dd0e0e31), "SipHash-2-4 of nothing");
	ok(hash_siphash(key, data, 7) == UINT64_C(0xab0200f58b01d137), "of seven bytes");
	ok(hash_siphash(key, data, 8) == UINT64_C(0x93f5f5799a932462), "of eight");
	ok(hash_siphash(key, data, 15) == UINT64_C(0xa129ca6149be45e5), "of fifteen");
	ok(hash_secret(data, 15) == hash_secret(data, 15) && hash_secret(data, 15) != hash_siphash(key, data, 15),
	   "a process has one key of its own");
}

int
main(void)
{
	table();
	siphash();
	return tap_done();
}
