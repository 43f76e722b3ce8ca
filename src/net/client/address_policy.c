/*
 * address_policy.c
 *	  Which addresses a server may call for somebody who named them.
 *
 * Of IPv4 everything but what IANA's registry of special-purpose addresses and
 * the clouds keep for themselves; of IPv6 only what is given out to the public,
 * less what is special there.
 */
#include "client/address_policy.h"

#include <string.h>

typedef struct v4_net
{
	uint8_t b[4];
	uint8_t bits;
} v4_net;

typedef struct v6_net
{
	uint8_t b[16];
	uint8_t bits;
} v6_net;

static const v4_net special4[] = {
	{{0}, 8},				  /* this network; 0.0.0.0 is this machine */
	{{10}, 8},				  /* private */
	{{100, 64}, 10},		  /* between a provider and its customers; some clouds' metadata */
	{{127}, 8},				  /* loopback */
	{{168, 63, 129, 16}, 32}, /* a cloud's host, from inside */
	{{169, 254}, 16},		  /* link-local; the clouds' metadata */
	{{172, 16}, 12},		  /* private */
	{{192, 0, 0}, 24},		  /* protocol assignments; a cloud's metadata */
	{{192, 0, 2}, 24},		  /* documentation */
	{{192, 88, 99}, 24},	  /* relays of 6to4, given up */
	{{192, 168}, 16},		  /* private */
	{{198, 18}, 15},		  /* benchmarks */
	{{198, 51, 100}, 24},	  /* documentation */
	{{203, 0, 113}, 24},	  /* documentation */
	{{224}, 4},				  /* multicast */
	{{240}, 4},				  /* reserved, and broadcast */
};

static const v6_net public6 = {{0x20}, 3}; /* global unicast */

static const v6_net special6[] = {
	{{0x20, 0x01}, 23},				/* protocol assignments, Teredo among them */
	{{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
	{{0x3f, 0xff}, 20},				/* documentation */
};

/* Prefixes behind which an IPv4 address stands, and at which byte. */
static const struct
{
	v6_net net;
	int at;
} embedded[] = {
	{{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12}, /* IPv4 itself, or mapped */
	{{{0}, 96}, 12},										/* compatible; :: and ::1 are 0.0.0.0 and 0.0.0.1 */
	{{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},					/* NAT64 */
	{{{0x20, 0x02}, 16}, 2},								/* 6to4 */
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static bool
in_net(const uint8_t *addr, const uint8_t *net, unsigned bits)
{
	unsigned bytes = bits / 8;
	uint8_t mask = (uint8_t) (0xff00 >> (bits % 8));

	return memcmp(addr, net, bytes) == 0 && (bits % 8 == 0 || ((addr[bytes] ^ net[bytes]) & mask) == 0);
}

static bool
v4_is_public(const uint8_t *b)
{
	for (size_t i = 0; i < LENGTH(special4); i++)
		if (in_net(b, special4[i].b, special4[i].bits))
			return false;
	return true;
}

bool
address_policy_is_public(const net_addr *addr)
{
	if (addr->local)
		return false;
	for (size_t i = 0; i < LENGTH(embedded); i++)
		if (in_net(addr->b, embedded[i].net.b, embedded[i].net.bits))
			return v4_is_public(addr->b + embedded[i].at);
	for (size_t i = 0; i < LENGTH(special6); i++)
		if (in_net(addr->b, special6[i].b, special6[i].bits))
			return false;
	return in_net(addr->b, public6.b, public6.bits);
}
