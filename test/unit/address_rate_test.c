/*
 * address_rate_test.c
 *	  Rates by address: one IPv4 address, and the /64, /56 and /48 of an IPv6 one.
 */
#include <string.h>

#include "base/address_rate.h"
#include "tap.h"

static const rate_limit rate = {3600000, 10, 10};
static const uint64_t now = 5000000;

/* How many of n, each from the next network of that many bits, are taken. */
static int
taken(rate_limit_table *set, const char *base, int byte, int n, uint32_t each)
{
	net_addr addr;
	int good = 0;

	address_parse(base, strlen(base), &addr);
	for (int i = 0; i < n; i++)
	{
		addr.b[byte] = (uint8_t) i;
		if (address_rate_wait(set, &addr, &rate, now) > 0)
			continue;
		address_rate_take(set, &addr, &rate, now, each);
		good++;
	}
	return good;
}

int
main(void)
{
	rate_limit_table *set = rate_limit_table_new(4096);
	net_addr addr;

	ok(taken(set, "2001:db8:1:2::", 15, 50, 1) == 10, "a /64 is one address");
	ok(taken(set, "2001:db8:1:100::", 7, 200, 1) == 40, "a /56 may have four times as much, from however many /64s");
	ok(taken(set, "2001:db8:2::", 6, 256, 1) == 160, "a /48 sixteen times, from however many /56s");
	ok(taken(set, "2001:db9::", 5, 100, 1) == 100, "and another /48 is somebody else");
	ok(taken(set, "192.0.2.1", 12, 100, 1) == 100, "each IPv4 address is one");
	address_parse("203.0.113.1", 11, &addr);
	address_rate_take(set, &addr, &rate, now, 25);
	ok(address_rate_wait(set, &addr, &rate, now) > 5000000, "what costs more than there is makes the wait longer");
	address_rate_take(set, &(net_addr){.b = {0x20, 1, 9}}, &rate, now, 10);
	ok(address_rate_wait(set, &(net_addr){.b = {0x20, 1, 9}}, &rate, now) > 0, "a /64 that is used up waits");
	address_rate_give(set, &(net_addr){.b = {0x20, 1, 9}}, &rate);
	ok(address_rate_wait(set, &(net_addr){.b = {0x20, 1, 9}}, &rate, now) == 0, "what is given back is there at once");
	rate_limit_table_free(set);
	return tap_done();
}
