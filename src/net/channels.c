/*
 * channels.c
 *	  The channels whose webhooks the door takes: see channels.h.
 */
#include "channels.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS	64u

struct channels
{
	channel   **buckets;
	uint32_t	nbuckets;		/* a power of two */
	uint32_t	count;
};

channels *
channels_new(void)
{
	channels   *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return NULL;
	set->buckets = calloc(FIRST_BUCKETS, sizeof(*set->buckets));
	set->nbuckets = FIRST_BUCKETS;
	if (set->buckets == NULL)
	{
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
	channel    *c;
	uint32_t	i;

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
	free(set);
}

/* The link that points to that channel, or to where it would hang. */
static channel **
link_of(const channels *set, const uint8_t id[16])
{
	uint64_t	h[2];
	channel   **link;

	/* The ids are the database's own, not a stranger's: no seed is needed. */
	memcpy(h, id, 16);
	h[0] = (h[0] ^ h[1]) * UINT64_C(0x9e3779b97f4a7c15);
	link = &set->buckets[(h[0] >> 32) & (set->nbuckets - 1)];
	while (*link != NULL && memcmp((*link)->id, id, 16) != 0)
		link = &(*link)->next;
	return link;
}

/* Double the buckets when chains grow; without memory the chains stay long. */
static void
maybe_grow(channels *set)
{
	channels	bigger = {NULL, set->nbuckets * 2, set->count};
	channel    *c;
	uint32_t	i;

	if (set->count < set->nbuckets)
		return;
	bigger.buckets = calloc(bigger.nbuckets, sizeof(*bigger.buckets));
	if (bigger.buckets == NULL)
		return;
	for (i = 0; i < set->nbuckets; i++)
	{
		while ((c = set->buckets[i]) != NULL)
		{
			channel   **link = link_of(&bigger, c->id);

			set->buckets[i] = c->next;
			c->next = NULL;
			*link = c;
		}
	}
	free(set->buckets);
	*set = bigger;
}

bool
channels_put(channels *set, const wc_channel_put *put)
{
	channel    *c;
	char	   *at;
	int			i;

	channels_gone(set, put->id);
	if (set->count >= CHANNELS_MAX || (c = calloc(1, sizeof(*c))) == NULL)
		return false;
	memcpy(c->id, put->id, 16);
	c->accept_unsigned = put->accept_unsigned != 0;
	c->nsecrets = put->nsecrets;
	for (i = 0; i < put->nsecrets; i++)
		c->memory_len += put->secrets[i].secret.len;
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
		c->secrets[i].secret.p = at;
		memcpy(at, put->secrets[i].secret.p, put->secrets[i].secret.len);
		at += put->secrets[i].secret.len;
	}
	maybe_grow(set);
	*link_of(set, c->id) = c;
	set->count++;
	return true;
}

void
channels_gone(channels *set, const uint8_t id[16])
{
	channel   **link = link_of(set, id);
	channel    *c = *link;

	if (c == NULL)
		return;
	*link = c->next;
	set->count--;
	channel_free(c);
}

const channel *
channels_find(const channels *set, const uint8_t id[16])
{
	return *link_of(set, id);
}

uint32_t
channels_count(const channels *set)
{
	return set->count;
}
