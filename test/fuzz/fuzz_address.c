/*
 * fuzz_address.c
 *	  Addresses, lists of them, and X-Forwarded-For: what is read is printed and
 *	  read again as the same, a list has what a slow comparison finds in it, and
 *	  whatever a client writes in front of the header moves nothing behind it.
 */
#include "base/address.h"
#include "client/address_policy.h"
#include "fuzz.h"

static void
check_round(const net_addr *addr)
{
	char text[ADDRESS_TEXT_SIZE];
	net_addr again;

	memset(text, 'x', sizeof(text));
	address_print(addr, text);
	MUST(strnlen(text, sizeof(text)) < sizeof(text));
	MUST(address_parse(text, strlen(text), &again) && memcmp(again.b, addr->b, 16) == 0 && !again.local);
}

static bool
bit(const uint8_t b[16], unsigned i)
{
	return b[i / 8] >> (7 - i % 8) & 1;
}

static bool
slowly_has(const address_list *list, const net_addr *addr)
{
	for (int i = 0; i < list->n; i++)
	{
		unsigned n = 0;

		while (n < list->nets[i].bits && bit(list->nets[i].b, n) == bit(addr->b, n))
			n++;
		if (n == list->nets[i].bits)
			return true;
	}
	return false;
}

static void
check_one(const address_list *list, const net_addr *addr)
{
	net_addr mapped = {.b = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};

	check_round(addr);
	MUST(address_list_has(list, addr) == slowly_has(list, addr));
	/* behind 6to4 stands that IPv4 address */
	memcpy(mapped.b + 12, addr->b + 2, 4);
	if (addr->b[0] == 0x20 && addr->b[1] == 0x02)
		MUST(address_policy_is_public(addr) == address_policy_is_public(&mapped));
	MUST(!address_list_has(list, addr) || list->n > 0);
}

static void
check_forwarded(const address_list *trusted, const char *value, size_t len)
{
	static const char lie[] = "192.0.2.66, ";
	net_addr client;
	net_addr again;
	char *longer;

	if (!address_forwarded(trusted, value, len, &client))
		return;
	MUST(!client.local);
	check_round(&client);
	if (address_list_has(trusted, &client))
		return;
	longer = malloc(sizeof(lie) - 1 + len);
	memcpy(longer, lie, sizeof(lie) - 1);
	memcpy(longer + sizeof(lie) - 1, value, len);
	MUST(address_forwarded(trusted, longer, sizeof(lie) - 1 + len, &again));
	MUST(memcmp(again.b, client.b, 16) == 0);
	free(longer);
}

/* The input: a list, an address, and an X-Forwarded-For, on lines of their own. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	address_list list;
	net_addr addr;
	char bad[64];
	size_t len;
	const uint8_t *line = fuzz_line(&data, &size, &len);
	char *text = fuzz_exact(line, len);

	memset(bad, 'x', sizeof(bad));
	if (!address_list_parse(text, len, &list, bad))
		MUST(strnlen(bad, sizeof(bad)) < sizeof(bad));
	MUST(list.n >= 0 && list.n <= ADDRESS_LIST_MAX);
	for (int i = 0; i < list.n; i++)
		MUST(list.nets[i].bits <= 128);
	free(text);
	line = fuzz_line(&data, &size, &len);
	text = fuzz_exact(line, len);
	if (address_parse(text, len, &addr))
		check_one(&list, &addr);
	free(text);
	text = fuzz_exact(data, size);
	check_forwarded(&list, text, size);
	free(text);
	return 0;
}
