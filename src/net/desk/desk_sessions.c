/*
 * desk_sessions.c
 *	  Bounded: the one that has been silent longest makes room.  That costs nobody
 *	  anything but a call before the next conversation is opened.
 */
#include "desk/desk_sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Sessions that are remembered, and conversations of each. */
#define SESSIONS_MAX	  4096u
#define CONVERSATIONS_MAX 16

/* Calls of one session that may wait for the worker. */
#define CALLS_MAX 32

/* Bytes of answers of one session that its clients have not read. */
#define SENDING_MAX (24u * 1024 * 1024)

typedef struct known
{
	hash_link by_hash;
	struct known *newer; /* a ring, ordered by when they last called */
	struct known *older;
	uint8_t hash[WC_HASH_SIZE];
	uint64_t read[CONVERSATIONS_MAX]; /* tags, the latest first; 0: none */
	size_t sending;					  /* bytes of answers */
	uint16_t calls;
} known;

struct desk_sessions
{
	hash table;
	known ring; /* only its links are used: newer is the oldest */
};

/* A token's hash is chance already. */
static uint64_t
hash_of(const hash_link *link)
{
	uint64_t h;

	memcpy(&h, HASH_ENTRY(known, by_hash, link)->hash, sizeof(h));
	return h;
}

desk_sessions *
desk_sessions_new(void)
{
	desk_sessions *set = calloc(1, sizeof(*set));

	if (set == NULL || !hash_init(&set->table, hash_of))
	{
		free(set);
		return NULL;
	}
	set->ring.newer = set->ring.older = &set->ring;
	return set;
}

static known *
find(const desk_sessions *set, const uint8_t hash[WC_HASH_SIZE])
{
	uint64_t h;
	hash_link *link;

	memcpy(&h, hash, sizeof(h));
	for (link = hash_chain(&set->table, h); link != NULL; link = link->next)
	{
		known *k = HASH_ENTRY(known, by_hash, link);

		if (memcmp(k->hash, hash, WC_HASH_SIZE) == 0)
			return k;
	}
	return NULL;
}

static void
leave_ring(known *k)
{
	k->newer->older = k->older;
	k->older->newer = k->newer;
}

static void
enter_ring(desk_sessions *set, known *k)
{
	k->older = set->ring.older;
	k->newer = &set->ring;
	k->older->newer = k;
	set->ring.older = k;
}

static void
forget(desk_sessions *set, known *k)
{
	leave_ring(k);
	hash_remove(&set->table, &k->by_hash);
	free(k);
}

void
desk_sessions_free(desk_sessions *set)
{
	if (set == NULL)
		return;
	while (set->ring.newer != &set->ring)
		forget(set, set->ring.newer);
	hash_exit(&set->table);
	free(set);
}

/* The conversation is the latest of those that it has read. */
static void
note(known *k, uint64_t tag)
{
	int i = 0;

	while (i < CONVERSATIONS_MAX - 1 && k->read[i] != tag)
		i++;
	memmove(k->read + 1, k->read, (size_t) i * sizeof(k->read[0]));
	k->read[0] = tag;
}

void
desk_sessions_good(desk_sessions *set, const uint8_t hash[WC_HASH_SIZE], uint64_t tag)
{
	known *k = find(set, hash);

	if (k != NULL)
		leave_ring(k);
	else
	{
		if (set->table.count >= SESSIONS_MAX)
			forget(set, set->ring.newer);
		k = calloc(1, sizeof(*k));
		if (k == NULL)
			return; /* it is asked for again */
		memcpy(k->hash, hash, WC_HASH_SIZE);
		hash_add(&set->table, &k->by_hash);
	}
	enter_ring(set, k);
	if (tag != 0)
		note(k, tag);
}

void
desk_sessions_gone(desk_sessions *set, const uint8_t hash[WC_HASH_SIZE])
{
	known *k = find(set, hash);

	if (k != NULL)
		forget(set, k);
}

bool
desk_sessions_knows(const desk_sessions *set, const uint8_t hash[WC_HASH_SIZE])
{
	return find(set, hash) != NULL;
}

bool
desk_sessions_has_read(const desk_sessions *set, const uint8_t hash[WC_HASH_SIZE], uint64_t tag)
{
	const known *k = find(set, hash);

	for (int i = 0; k != NULL && i < CONVERSATIONS_MAX; i++)
	{
		if (k->read[i] == tag)
			return tag != 0;
	}
	return false;
}

bool
desk_sessions_begin(desk_sessions *set, const uint8_t hash[WC_HASH_SIZE], bool *counted)
{
	known *k = find(set, hash);

	*counted = k != NULL && k->calls < CALLS_MAX;
	if (k == NULL)
		return true;
	k->calls += *counted;
	return *counted;
}

void
desk_sessions_end(desk_sessions *set, const uint8_t hash[WC_HASH_SIZE])
{
	known *k = find(set, hash);

	/* It may have been forgotten meanwhile, and be known anew. */
	if (k != NULL && k->calls > 0)
		k->calls--;
}

/* One that is not known has nothing but refusals to read. */
bool
desk_sessions_may_send(const desk_sessions *set, const uint8_t hash[WC_HASH_SIZE], size_t len)
{
	const known *k = find(set, hash);

	return k == NULL || k->sending + len <= SENDING_MAX;
}

void
desk_sessions_sends(desk_sessions *set, const uint8_t hash[WC_HASH_SIZE], size_t len)
{
	known *k = find(set, hash);

	if (k != NULL)
		k->sending += len;
}

void
desk_sessions_sent(desk_sessions *set, const uint8_t hash[WC_HASH_SIZE], size_t len)
{
	known *k = find(set, hash);

	if (k != NULL)
		k->sending -= len < k->sending ? len : k->sending;
}
