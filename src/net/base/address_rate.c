/*
 * address_rate.c
 */
#include "base/address_rate.h"

#include <string.h>

#define LEVELS 3

/* The networks of an address: bytes of the prefix, and how much it may have. */
static const struct
{
	uint8_t bytes;
	uint32_t times;
} levels[LEVELS] = {{8, 1}, {7, ADDRESS_RATE_56}, {6, ADDRESS_RATE_48}};

/*
 * The key of one of the address's buckets, and its rate.  False: it has none on
 * that level.  The last byte tells apart what begins alike.
 */
static bool
bucket_at(const net_addr *addr, int level, const rate_limit *rate, uint8_t key[16], rate_limit *its)
{
	static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

	*its = *rate;
	memcpy(key, addr->b, 16);
	if (memcmp(key, v4_prefix, sizeof(v4_prefix)) == 0)
		return level == 0;
	memset(key + levels[level].bytes, 0, 16 - levels[level].bytes);
	key[15] = (uint8_t) level;
	if (its->rate <= UINT32_MAX / levels[level].times && its->burst <= UINT32_MAX / levels[level].times)
	{
		its->rate *= levels[level].times;
		its->burst *= levels[level].times;
	}
	return true;
}

uint32_t
address_rate_wait(rate_limit_table *set, const net_addr *addr, const rate_limit *rate, uint64_t now_ms)
{
	uint32_t longest = 0;

	for (int level = 0; level < LEVELS; level++)
	{
		uint8_t key[16];
		rate_limit its;
		uint32_t wait;

		if (!bucket_at(addr, level, rate, key, &its))
			break;
		wait = rate_limit_table_wait(set, key, &its, now_ms);
		longest = wait > longest ? wait : longest;
	}
	return longest;
}

void
address_rate_take(rate_limit_table *set, const net_addr *addr, const rate_limit *rate, uint64_t now_ms, uint32_t n)
{
	for (int level = 0; level < LEVELS; level++)
	{
		uint8_t key[16];
		rate_limit its;

		if (!bucket_at(addr, level, rate, key, &its))
			break;
		if (n > 0)
			rate_limit_table_take_many(set, key, &its, now_ms, n);
	}
}

void
address_rate_give(rate_limit_table *set, const net_addr *addr, const rate_limit *rate)
{
	for (int level = 0; level < LEVELS; level++)
	{
		uint8_t key[16];
		rate_limit its;

		if (!bucket_at(addr, level, rate, key, &its))
			break;
		rate_limit_table_give(set, key, &its);
	}
}
