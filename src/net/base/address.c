/*
 * address.c
 *	  An IPv4 address is kept as its IPv4-mapped IPv6 address, so that there is one
 *	  form to compare and to count by.
 */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

/* Hops of an X-Forwarded-For that are looked at, from its end. */
#define MAX_HOPS 16

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct address_count
{
	hash_link link;
	uint8_t key[16];
	uint32_t n;
};

struct address_counts
{
	hash by_key;
};

void
address_from_sockaddr(const struct sockaddr *sa, net_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (sa->sa_family == AF_INET6)
		memcpy(addr->b, &((const struct sockaddr_in6 *) (const void *) sa)->sin6_addr, 16);
	else if (sa->sa_family == AF_INET)
	{
		memcpy(addr->b, v4_prefix, sizeof(v4_prefix));
		memcpy(addr->b + 12, &((const struct sockaddr_in *) (const void *) sa)->sin_addr, 4);
	}
	else
		addr->local = true;
}

bool
address_parse(const char *s, size_t len, net_addr *addr)
{
	char text[ADDRESS_TEXT_SIZE];

	memset(addr, 0, sizeof(*addr));
	if (len == 0 || len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	if (inet_pton(AF_INET6, text, addr->b) == 1)
		return true;
	memcpy(addr->b, v4_prefix, sizeof(v4_prefix));
	return inet_pton(AF_INET, text, addr->b + 12) == 1;
}

static bool
is_v4(const uint8_t b[16])
{
	return memcmp(b, v4_prefix, sizeof(v4_prefix)) == 0;
}

void
address_print(const net_addr *addr, char out[ADDRESS_TEXT_SIZE])
{
	if (addr->local)
		snprintf(out, ADDRESS_TEXT_SIZE, "a unix socket");
	else if (is_v4(addr->b))
		inet_ntop(AF_INET, addr->b + 12, out, ADDRESS_TEXT_SIZE);
	else
		inet_ntop(AF_INET6, addr->b, out, ADDRESS_TEXT_SIZE);
}

/* One address or CIDR into the list. */
static bool
add_net(address_list *list, const char *s, size_t len)
{
	const char *slash = memchr(s, '/', len);
	size_t addr_len = slash ? (size_t) (slash - s) : len;
	net_addr addr;
	uint64_t bits;
	unsigned most;

	if (list->n >= ADDRESS_LIST_MAX || !address_parse(s, addr_len, &addr))
		return false;
	most = is_v4(addr.b) && memchr(s, ':', addr_len) == NULL ? 32 : 128;
	bits = most;
	if (slash != NULL && (len - addr_len > 4 || !text_number(slash + 1, len - addr_len - 1, most, &bits)))
		return false;
	memcpy(list->nets[list->n].b, addr.b, 16);
	list->nets[list->n].bits = (uint8_t) (bits + (128 - most));
	list->n++;
	return true;
}

bool
address_list_parse(const char *s, size_t len, address_list *list, char bad[64])
{
	wc_str rest = {s, (uint32_t) len};
	wc_str item;
	bool good = true;

	list->n = 0;
	while (text_next(&rest, &item))
	{
		if (item.len == 0 || add_net(list, item.p, item.len))
			continue;
		if (good)
			snprintf(bad, 64, "%.*s", (int) (item.len < 63 ? item.len : 63), item.p);
		good = false;
	}
	return good;
}

bool
address_list_has(const address_list *list, const net_addr *addr)
{
	int i;

	if (addr->local)
		return true;
	for (i = 0; i < list->n; i++)
	{
		unsigned bits = list->nets[i].bits;
		unsigned bytes = bits / 8;
		uint8_t mask = (uint8_t) (0xff00 >> (bits % 8));

		if (memcmp(list->nets[i].b, addr->b, bytes) == 0 &&
			(bits % 8 == 0 || ((list->nets[i].b[bytes] ^ addr->b[bytes]) & mask) == 0))
			return true;
	}
	return false;
}

/* An element of X-Forwarded-For: an address, perhaps in brackets, perhaps with a port. */
static bool
parse_hop(const char *s, size_t len, net_addr *addr)
{
	const char *end;

	if (address_parse(s, len, addr))
		return true;
	if (len > 2 && s[0] == '[' && (end = memchr(s, ']', len)) != NULL)
		return address_parse(s + 1, (size_t) (end - s - 1), addr);
	end = memchr(s, ':', len);
	return end != NULL && address_parse(s, (size_t) (end - s), addr);
}

bool
address_forwarded(const address_list *trusted, const char *value, size_t len, net_addr *client)
{
	bool found = false;
	int hops;

	for (hops = 0; hops < MAX_HOPS; hops++)
	{
		wc_str item;
		size_t at = len;
		net_addr hop;

		while (at > 0 && value[at - 1] != ',')
			at--;
		item = text_trim(value + at, len - at);
		if (!parse_hop(item.p, item.len, &hop))
			return found;
		*client = hop;
		found = true;
		if (at == 0 || !address_list_has(trusted, &hop))
			return true;
		len = at - 1;
	}
	return found;
}

static address_count *
address_count_of(const hash_link *link)
{
	return HASH_ENTRY(address_count, link, link);
}

static uint64_t
address_count_hash(const hash_link *link)
{
	return hash_secret(address_count_of(link)->key, 16);
}

address_counts *
address_counts_new(void)
{
	address_counts *counts = calloc(1, sizeof(*counts));

	if (counts != NULL && hash_init(&counts->by_key, address_count_hash))
		return counts;
	free(counts);
	return NULL;
}

void
address_counts_free(address_counts *counts)
{
	hash_link *link;

	if (counts == NULL)
		return;
	for (link = hash_next(&counts->by_key, NULL); link != NULL;)
	{
		address_count *c = address_count_of(link);

		link = hash_next(&counts->by_key, link);
		free(c);
	}
	hash_exit(&counts->by_key);
	free(counts);
}

address_count *
address_counts_take(address_counts *counts, const net_addr *addr, uint32_t cap)
{
	uint8_t key[16];
	hash_link *link;
	address_count *c;

	memcpy(key, addr->b, 16);
	if (!is_v4(key))
		memset(key + 8, 0, 8);
	link = hash_chain(&counts->by_key, hash_secret(key, 16));
	while (link != NULL && memcmp(address_count_of(link)->key, key, 16) != 0)
		link = link->next;
	if (link != NULL)
	{
		c = address_count_of(link);
		if (c->n >= cap)
			return NULL;
		c->n++;
		return c;
	}
	if (cap == 0 || (c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	memcpy(c->key, key, 16);
	c->n = 1;
	hash_add(&counts->by_key, &c->link);
	return c;
}

void
address_counts_give(address_counts *counts, address_count *count)
{
	if (--count->n > 0)
		return;
	hash_remove(&counts->by_key, &count->link);
	free(count);
}
