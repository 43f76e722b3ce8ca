/*
 * keys.c
 *	  The keys that open the REST API at home: see keys.h.
 */
#include "keys.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define KEY_PREFIX		"wck_"
#define FIRST_KEYS		16u

struct keys
{
	wc_key_put *all;
	uint32_t	count;
	uint32_t	cap;
};

keys *
keys_new(void)
{
	return calloc(1, sizeof(keys));
}

void
keys_free(keys *set)
{
	if (set != NULL)
		free(set->all);
	free(set);
}

static wc_key_put *
find(const keys *set, uint32_t id)
{
	uint32_t	i;

	for (i = 0; i < set->count; i++)
	{
		if (set->all[i].id == id)
			return &set->all[i];
	}
	return NULL;
}

bool
keys_put(keys *set, const wc_key_put *put)
{
	wc_key_put *key = find(set, put->id);
	uint32_t	cap = set->cap ? set->cap * 2 : FIRST_KEYS;

	if (key != NULL)
	{
		*key = *put;
		return true;
	}
	if (set->count >= KEYS_MAX)
		return false;
	if (set->count == set->cap)
	{
		key = realloc(set->all, cap * sizeof(*key));
		if (key == NULL)
			return false;
		set->all = key;
		set->cap = cap;
	}
	set->all[set->count++] = *put;
	return true;
}

void
keys_gone(keys *set, uint32_t id)
{
	wc_key_put *key = find(set, id);

	if (key != NULL)
		*key = set->all[--set->count];
}

static bool
is_base64url(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		c == '-' || c == '_';
}

bool
keys_well_formed(head_value key)
{
	size_t		i;

	if (key.len != KEY_LENGTH || memcmp(key.p, KEY_PREFIX, sizeof(KEY_PREFIX) - 1) != 0)
		return false;
	for (i = sizeof(KEY_PREFIX) - 1; i < key.len; i++)
	{
		if (!is_base64url(key.p[i]))
			return false;
	}
	return true;
}

bool
keys_find(const keys *set, head_value key, uint32_t *id)
{
	uint8_t		hash[WC_HASH_SIZE];
	uint32_t	hits = 0;
	uint32_t	found = 0;
	uint32_t	i;

	SHA256((const unsigned char *) key.p, key.len, hash);
	for (i = 0; i < set->count; i++)
	{
		uint32_t	hit = CRYPTO_memcmp(set->all[i].hash, hash, sizeof(hash)) == 0;

		/* No branch: all bits of the id, or none. */
		found |= set->all[i].id & (0 - hit);
		hits |= hit;
	}
	*id = found;
	return hits > 0;
}

bool
keys_has(const keys *set, head_value key)
{
	uint32_t	id;

	return keys_find(set, key, &id);
}
