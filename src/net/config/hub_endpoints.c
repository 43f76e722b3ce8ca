/*
 * hub_endpoints.c
 */
#include "config/hub_endpoints.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define FIRST_ENDPOINTS 4u

struct hub_endpoints
{
	hub_endpoint *all;
	uint32_t count;
	uint32_t cap;
};

hub_endpoints *
hub_endpoints_new(void)
{
	return calloc(1, sizeof(hub_endpoints));
}

static void
empty(hub_endpoint *h)
{
	if (h->memory != NULL)
		OPENSSL_cleanse(h->memory, h->memory_len);
	free(h->memory);
	h->memory = NULL;
}

void
hub_endpoints_free(hub_endpoints *set)
{
	uint32_t i;

	if (set == NULL)
		return;
	for (i = 0; i < set->count; i++)
		empty(&set->all[i]);
	free(set->all);
	free(set);
}

static bool
copy_put(hub_endpoint *h, const wc_hub_put *put)
{
	char *at;
	int i;

	memset(h, 0, sizeof(*h));
	h->id = put->hub;
	h->nsecrets = put->nsecrets;
	h->memory_len = put->name.len;
	for (i = 0; i < put->nsecrets; i++)
		h->memory_len += put->secrets[i].secret.len;
	at = h->memory = malloc(h->memory_len + 1);
	if (at == NULL)
		return false;
	h->name = text_put(&at, put->name);
	for (i = 0; i < put->nsecrets; i++)
	{
		h->secrets[i].secret = text_put(&at, put->secrets[i].secret);
		h->secrets[i].valid_until = put->secrets[i].valid_until;
	}
	return true;
}

static bool
grow(hub_endpoints *set)
{
	uint32_t cap = set->cap ? set->cap * 2 : FIRST_ENDPOINTS;
	hub_endpoint *all = realloc(set->all, cap * sizeof(*all));

	if (all == NULL)
		return false;
	set->all = all;
	set->cap = cap;
	return true;
}

static hub_endpoint *
find_id(const hub_endpoints *set, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < set->count; i++)
	{
		if (set->all[i].id == id)
			return &set->all[i];
	}
	return NULL;
}

void
hub_endpoints_secret_comes(hub_endpoints *set, uint32_t id, uint64_t until)
{
	hub_endpoint *h = find_id(set, id);

	if (h != NULL)
		h->secret_comes = until;
}

bool
hub_endpoints_put(hub_endpoints *set, const wc_hub_put *put)
{
	const hub_endpoint *old = find_id(set, put->hub);
	uint64_t secret_comes = old ? old->secret_comes : 0;

	hub_endpoints_gone(set, put->hub);
	if (set->count >= HUB_ENDPOINTS_MAX || (set->count == set->cap && !grow(set)) ||
		!copy_put(&set->all[set->count], put))
		return false;
	set->all[set->count++].secret_comes = secret_comes;
	return true;
}

void
hub_endpoints_gone(hub_endpoints *set, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < set->count; i++)
	{
		if (set->all[i].id != id)
			continue;
		empty(&set->all[i]);
		set->all[i] = set->all[--set->count];
		return;
	}
}

const hub_endpoint *
hub_endpoints_find(const hub_endpoints *set, const char *name, size_t len)
{
	uint32_t i;

	for (i = 0; i < set->count; i++)
	{
		if (set->all[i].name.len == len && memcmp(set->all[i].name.p, name, len) == 0)
			return &set->all[i];
	}
	return NULL;
}
