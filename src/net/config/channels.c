/*
 * channels.c
 *	  All that a channel says lies in one piece of memory behind it, so that its
 *	  secrets are wiped by one call.
 */
#include "config/channels.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "common/origin.h"

struct channels
{
	hash ids;
	hash keys; /* local ones, by public key */
};

/* The ids are the database's own, not a stranger's, and end in chance. */
static uint64_t
channels_hash_id(const uint8_t id[16])
{
	uint64_t h[2];

	memcpy(h, id, 16);
	return (h[0] ^ h[1]) * UINT64_C(0x9e3779b97f4a7c15) >> 32;
}

static uint64_t
channels_id_of(const hash_link *link)
{
	return channels_hash_id(HASH_ENTRY(channel, by_id, link)->id);
}

static uint64_t
channels_key_of(const hash_link *link)
{
	const channel *c = HASH_ENTRY(channel, by_key, link);

	return hash_secret(c->public_key.p, c->public_key.len);
}

channels *
channels_new(void)
{
	channels *set = calloc(1, sizeof(*set));

	if (set != NULL && hash_init(&set->ids, channels_id_of) && hash_init(&set->keys, channels_key_of))
		return set;
	channels_free(set);
	return NULL;
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
	hash_link *link;

	if (set == NULL)
		return;
	for (link = hash_next(&set->ids, NULL); link != NULL;)
	{
		channel *c = HASH_ENTRY(channel, by_id, link);

		link = hash_next(&set->ids, link);
		channel_free(c);
	}
	hash_exit(&set->ids);
	hash_exit(&set->keys);
	free(set);
}

static channel *
channels_get(const channels *set, const uint8_t id[16])
{
	hash_link *link = hash_chain(&set->ids, channels_hash_id(id));

	while (link != NULL && memcmp(HASH_ENTRY(channel, by_id, link)->id, id, 16) != 0)
		link = link->next;
	return link ? HASH_ENTRY(channel, by_id, link) : NULL;
}

/* Bytes of all strings of a channel. */
static size_t
strings_len(const wc_channel_put *put)
{
	size_t len = (size_t) put->public_key.len + put->display_name.len + put->widget.len;
	int i;

	for (i = 0; i < put->nsecrets; i++)
		len += put->secrets[i].secret.len;
	for (i = 0; i < put->norigins; i++)
		len += put->origins[i].len;
	for (i = 0; i < put->nidentity_secrets; i++)
		len += put->identity_secrets[i].secret.len;
	return len;
}

static void
set_version(channel *c)
{
	unsigned char hash[EVP_MAX_MD_SIZE] = {0};
	int i;

	(void) EVP_Digest(c->widget.p, c->widget.len, hash, NULL, EVP_sha256(), NULL);
	for (i = 0; i < CHANNELS_VERSION / 2; i++)
		snprintf(c->widget_version + 2 * i, 3, "%02x", hash[i]);
}

bool
channels_put(channels *set, const wc_channel_put *put)
{
	channel *c;
	char *at;
	int i;

	channels_gone(set, put->id);
	if (set->ids.count >= CHANNELS_MAX || (c = calloc(1, sizeof(*c))) == NULL)
		return false;
	memcpy(c->id, put->id, 16);
	c->hub = put->hub;
	c->accept_unsigned = put->accept_unsigned != 0;
	c->local = put->local != 0;
	c->nsecrets = put->nsecrets;
	c->norigins = put->norigins;
	c->identity = put->identity;
	c->nidentity_secrets = put->nidentity_secrets;
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
		c->secrets[i].secret = text_put(&at, put->secrets[i].secret);
	}
	c->public_key = text_put(&at, put->public_key);
	c->display_name = text_put(&at, put->display_name);
	c->widget = text_put(&at, put->widget);
	set_version(c);
	for (i = 0; i < put->norigins; i++)
		c->origins[i] = text_put(&at, put->origins[i]);
	for (i = 0; i < put->nidentity_secrets; i++)
	{
		c->identity_secrets[i] = put->identity_secrets[i];
		c->identity_secrets[i].secret = text_put(&at, put->identity_secrets[i].secret);
	}
	hash_add(&set->ids, &c->by_id);
	if (c->local)
		hash_add(&set->keys, &c->by_key);
	return true;
}

void
channels_gone(channels *set, const uint8_t id[16])
{
	channel *c = channels_get(set, id);

	if (c == NULL)
		return;
	hash_remove(&set->ids, &c->by_id);
	if (c->local)
		hash_remove(&set->keys, &c->by_key);
	channel_free(c);
}

const channel *
channels_find(const channels *set, const uint8_t id[16])
{
	return channels_get(set, id);
}

/* A key that another channel has for a moment: the newer one is found first. */
const channel *
channels_find_key(const channels *set, const char *key, size_t len)
{
	hash_link *link = hash_chain(&set->keys, hash_secret(key, len));

	for (; link != NULL; link = link->next)
	{
		const channel *c = HASH_ENTRY(channel, by_key, link);

		if (c->public_key.len == len && memcmp(c->public_key.p, key, len) == 0)
			return c;
	}
	return NULL;
}

const wc_str *
channels_origin(const channel *c, wc_str origin)
{
	char normal[WC_ORIGIN_SIZE];
	const char *reason;
	int i;

	if (origin.p == NULL || !wc_origin_normalize(origin.p, origin.len, normal, &reason) ||
		strlen(normal) != origin.len || memcmp(normal, origin.p, origin.len) != 0)
		return NULL;
	for (i = 0; i < c->norigins; i++)
	{
		if (wc_str_equals(c->origins[i], normal))
			return &c->origins[i];
	}
	return NULL;
}

uint32_t
channels_count(const channels *set)
{
	return set->ids.count;
}
