/*
 * channels.c
 *	  All that a channel says lies in one piece of memory behind it, so that its
 *	  secrets are wiped by one call.
 */
#include "config/channels.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64u

struct channels
{
	channel **buckets;
	channel **keys;	   /* local ones, by public key */
	uint32_t nbuckets; /* of each; a power of two */
	uint32_t count;
};

channels *
channels_new(void)
{
	channels *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return NULL;
	set->buckets = calloc(FIRST_BUCKETS, sizeof(*set->buckets));
	set->keys = calloc(FIRST_BUCKETS, sizeof(*set->keys));
	set->nbuckets = FIRST_BUCKETS;
	if (set->buckets == NULL || set->keys == NULL)
	{
		free(set->buckets);
		free(set->keys);
		free(set);
		return NULL;
	}
	return set;
}

static void
channel_free(channel *c)
{
	if (c->memory != NULL)
		OPENSSL_cleanse(c->memory, c->memory_len);
	free(c->memory);
	free(c);
}

void
channels_free(channels *set)
{
	channel *c;
	uint32_t i;

	if (set == NULL)
		return;
	for (i = 0; i < set->nbuckets; i++)
	{
		while ((c = set->buckets[i]) != NULL)
		{
			set->buckets[i] = c->next;
			channel_free(c);
		}
	}
	free(set->buckets);
	free(set->keys);
	free(set);
}

/* The link that points to that channel, or to where it would hang. */
static channel **
link_of(const channels *set, const uint8_t id[16])
{
	uint64_t h[2];
	channel **link;

	/* The ids are the database's own, not a stranger's: no seed is needed. */
	memcpy(h, id, 16);
	h[0] = (h[0] ^ h[1]) * UINT64_C(0x9e3779b97f4a7c15);
	link = &set->buckets[(h[0] >> 32) & (set->nbuckets - 1)];
	while (*link != NULL && memcmp((*link)->id, id, 16) != 0)
		link = &(*link)->next;
	return link;
}

/* The same for a local channel's public key. */
static channel **
key_link_of(const channels *set, const char *key, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	channel **link;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ (unsigned char) key[i]) * UINT64_C(0x100000001b3);
	link = &set->keys[(h ^ h >> 32) & (set->nbuckets - 1)];
	while (*link != NULL && !((*link)->public_key.len == len && memcmp((*link)->public_key.p, key, len) == 0))
		link = &(*link)->next_key;
	return link;
}

/* A key that another channel has for a moment: the newer one is found first. */
static void
key_hang(const channels *set, channel *c)
{
	channel **link = key_link_of(set, c->public_key.p, c->public_key.len);

	c->next_key = *link;
	*link = c;
}

static void
key_unhang(const channels *set, channel *c)
{
	channel **link = key_link_of(set, c->public_key.p, c->public_key.len);

	while (*link != NULL && *link != c)
		link = &(*link)->next_key;
	if (*link == c)
		*link = c->next_key;
}

/* Double the buckets when chains grow; without memory the chains stay long. */
static void
maybe_grow(channels *set)
{
	channels bigger = {NULL, NULL, set->nbuckets * 2, set->count};
	channel *c;
	uint32_t i;

	if (set->count < set->nbuckets)
		return;
	bigger.buckets = calloc(bigger.nbuckets, sizeof(*bigger.buckets));
	bigger.keys = calloc(bigger.nbuckets, sizeof(*bigger.keys));
	if (bigger.buckets == NULL || bigger.keys == NULL)
	{
		free(bigger.buckets);
		free(bigger.keys);
		return;
	}
	for (i = 0; i < set->nbuckets; i++)
	{
		while ((c = set->buckets[i]) != NULL)
		{
			channel **link = link_of(&bigger, c->id);

			set->buckets[i] = c->next;
			c->next = NULL;
			*link = c;
		}
		while ((c = set->keys[i]) != NULL)
		{
			set->keys[i] = c->next_key;
			key_hang(&bigger, c);
		}
	}
	free(set->buckets);
	free(set->keys);
	*set = bigger;
}

/* Bytes of all strings of a channel. */
static size_t
strings_len(const wc_channel_put *put)
{
	size_t len = (size_t) put->public_key.len + put->display_name.len;
	int i;

	for (i = 0; i < put->nsecrets; i++)
		len += put->secrets[i].secret.len;
	for (i = 0; i < put->norigins; i++)
		len += put->origins[i].len;
	return len;
}

/* Copy one string to *at, which moves on. */
static wc_str
take_str(char **at, wc_str s)
{
	wc_str copy = {*at, s.len};

	if (s.len > 0)
		memcpy(*at, s.p, s.len);
	*at += s.len;
	return copy;
}

bool
channels_put(channels *set, const wc_channel_put *put)
{
	channel *c;
	char *at;
	int i;

	channels_gone(set, put->id);
	if (set->count >= CHANNELS_MAX || (c = calloc(1, sizeof(*c))) == NULL)
		return false;
	memcpy(c->id, put->id, 16);
	c->hub = put->hub;
	c->accept_unsigned = put->accept_unsigned != 0;
	c->local = put->local != 0;
	c->nsecrets = put->nsecrets;
	c->norigins = put->norigins;
	c->memory_len = strings_len(put);
	c->memory = malloc(c->memory_len + 1);
	if (c->memory == NULL)
	{
		free(c);
		return false;
	}
	at = c->memory;
	for (i = 0; i < put->nsecrets; i++)
	{
		c->secrets[i] = put->secrets[i];
		c->secrets[i].secret = take_str(&at, put->secrets[i].secret);
	}
	c->public_key = take_str(&at, put->public_key);
	c->display_name = take_str(&at, put->display_name);
	for (i = 0; i < put->norigins; i++)
		c->origins[i] = take_str(&at, put->origins[i]);
	maybe_grow(set);
	*link_of(set, c->id) = c;
	if (c->local)
		key_hang(set, c);
	set->count++;
	return true;
}

void
channels_gone(channels *set, const uint8_t id[16])
{
	channel **link = link_of(set, id);
	channel *c = *link;

	if (c == NULL)
		return;
	*link = c->next;
	if (c->local)
		key_unhang(set, c);
	set->count--;
	channel_free(c);
}

const channel *
channels_find(const channels *set, const uint8_t id[16])
{
	return *link_of(set, id);
}

const channel *
channels_find_key(const channels *set, const char *key, size_t len)
{
	return *key_link_of(set, key, len);
}

uint32_t
channels_count(const channels *set)
{
	return set->count;
}
