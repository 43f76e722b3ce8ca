/*
 * api_keys.c
 */
#include "config/api_keys.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include "base/log.h"

#define KEY_PREFIX "wck_"
#define FIRST_KEYS 16u

struct api_keys
{
	api_key *all;
	uint32_t count;
	uint32_t cap;
};

api_keys *
api_keys_new(void)
{
	return calloc(1, sizeof(api_keys));
}

void
api_keys_free(api_keys *set)
{
	uint32_t i;

	for (i = 0; set != NULL && i < set->count; i++)
		free(set->all[i].channels);
	if (set != NULL)
		free(set->all);
	free(set);
}

static api_key *
find(const api_keys *set, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < set->count; i++)
	{
		if (set->all[i].id == id)
			return &set->all[i];
	}
	return NULL;
}

/* A place for a key that is new; NULL: out of memory, or too many. */
static api_key *
add(api_keys *set)
{
	uint32_t cap = set->cap ? set->cap * 2 : FIRST_KEYS;
	api_key *all;

	if (set->count >= API_KEYS_MAX)
		return NULL;
	if (set->count == set->cap)
	{
		all = realloc(set->all, cap * sizeof(*all));
		if (all == NULL)
			return NULL;
		set->all = all;
		set->cap = cap;
	}
	all = &set->all[set->count++];
	memset(all, 0, sizeof(*all));
	return all;
}

static bool
put_key(api_keys *set, const wc_key_put *put)
{
	api_key *key = find(set, put->id);
	uint8_t *channels = NULL;

	if (put->channels.len > 0)
	{
		channels = malloc(put->channels.len);
		if (channels == NULL)
			return false;
		memcpy(channels, put->channels.p, put->channels.len);
	}
	if (key == NULL)
		key = add(set);
	if (key == NULL)
	{
		free(channels);
		return false;
	}
	free(key->channels);
	key->id = put->id;
	memcpy(key->hash, put->hash, sizeof(key->hash));
	key->scopes = put->scopes;
	key->channels = channels;
	key->nchannels = put->channels.len / 16;
	return true;
}

void
api_keys_put(api_keys *set, const wc_key_put *put)
{
	if (!put_key(set, put))
		log_line(WC_LOG_WARNING,
				 "one more API key than the %u that fit, or no memory for it: requests with it get 401; revoke keys "
				 "that nobody uses",
				 API_KEYS_MAX);
}

void
api_keys_gone(api_keys *set, uint32_t id)
{
	api_key *key = find(set, id);

	if (key == NULL)
		return;
	free(key->channels);
	*key = set->all[--set->count];
}

static bool
is_well_formed(const char *key, size_t len)
{
	size_t prefix = sizeof(KEY_PREFIX) - 1;

	return len == API_KEY_LENGTH && memcmp(key, KEY_PREFIX, prefix) == 0 &&
		   text_is_of(key + prefix, len - prefix, TEXT_BASE64URL);
}

static const api_key *
find_secret(const api_keys *set, const char *key, size_t len)
{
	uint8_t hash[WC_HASH_SIZE];
	uint32_t hits = 0;
	uint32_t found = 0;
	uint32_t i;

	SHA256((const unsigned char *) key, len, hash);
	for (i = 0; i < set->count; i++)
	{
		uint32_t hit = CRYPTO_memcmp(set->all[i].hash, hash, sizeof(hash)) == 0;

		/* No branch: all bits of the place, or none. */
		found |= i & (0 - hit);
		hits |= hit;
	}
	return hits > 0 ? &set->all[found] : NULL;
}

refusal
api_keys_check(const api_keys *set, const char *key, size_t len, uint8_t scope, uint32_t *id)
{
	const api_key *entry;

	*id = 0;
	if (key == NULL)
		return REFUSE_KEY_MISSING;
	if (!is_well_formed(key, len))
		return REFUSE_KEY_MALFORMED;
	entry = find_secret(set, key, len);
	if (entry == NULL)
		return REFUSE_KEY_UNKNOWN;
	*id = entry->id;
	return (entry->scopes & scope) != 0 ? REFUSE_NOTHING : REFUSE_KEY_SCOPE;
}

const api_key *
api_keys_get(const api_keys *set, uint32_t id)
{
	return find(set, id);
}

bool
api_keys_has_channel(const api_key *key, const uint8_t channel[16])
{
	uint32_t i;

	for (i = 0; i < key->nchannels; i++)
	{
		if (memcmp(key->channels + 16 * (size_t) i, channel, 16) == 0)
			return true;
	}
	return key->channels == NULL;
}
