/*
 * rate_limit_test.c
 *	  Token buckets: bursts, waits, refunds, and a table that is full.
 */
#include <string.h>

#include "base/rate_limit.h"
#include "tap.h"

static void
one_bucket(void)
{
	rate_limit rate = {60000, 60, 3}; /* one a second, three at once */
	bucket b = 0;
	uint64_t now = 5000000;
	int i;

	for (i = 0; i < 3; i++)
	{
		ok(rate_limit_wait(b, &rate, now) == 0, "token %d of the burst is there", i + 1);
		b = rate_limit_take(b, &rate, now);
	}
	ok(rate_limit_wait(b, &rate, now) == 1000, "then a second must pass");
	ok(rate_limit_wait(b, &rate, now) == 1000, "and asking costs nothing");
	ok(rate_limit_wait(b, &rate, now + 400) == 600, "of which some has passed");
	ok(rate_limit_wait(b, &rate, now + 1000) == 0, "until it is there");
	ok(rate_limit_wait(rate_limit_give(b, &rate), &rate, now) == 0, "one that is given back is there at once");
	ok(rate_limit_give(0, &rate) == 0, "a full one stays full");
	ok(rate_limit_wait(b, &rate, now + 3000) == 0, "three seconds later it is full again");
	b = rate_limit_take(b, &rate, now + 100000);
	b = rate_limit_take(b, &rate, now + 100000);
	b = rate_limit_take(b, &rate, now + 100000);
	ok(rate_limit_wait(b, &rate, now + 100000) == 1000, "and never fuller than full");
	rate.burst = 1;
	ok(rate_limit_wait(rate_limit_take(0, &rate, now), &rate, now) == 1000, "a burst of one");
	rate = (rate_limit){1, 4000000000u, 1};
	ok(rate_limit_wait(rate_limit_take(0, &rate, now), &rate, now) <= 1, "a rate beyond what can be counted");
}

static void
table(void)
{
	rate_limit rate = {60000, 1, 1};
	rate_limit_table *set = rate_limit_table_new(64);
	uint8_t key[16] = {0};
	uint8_t other[16] = {1};
	uint32_t i;
	int held = 0;

	ok(set != NULL, "a table");
	ok(rate_limit_table_wait(set, key, &rate, 1000) == 0, "a key that never came");
	rate_limit_table_take(set, key, &rate, 1000);
	ok(rate_limit_table_wait(set, key, &rate, 1000) == 60000, "waits after it came");
	ok(rate_limit_table_wait(set, other, &rate, 1000) == 0, "another does not");
	rate_limit_table_give(set, key, &rate);
	ok(rate_limit_table_wait(set, key, &rate, 1000) == 0, "and not after a refund");
	rate_limit_table_give(set, other, &rate);
	ok(rate_limit_table_wait(set, other, &rate, 1000) == 0, "a refund of nothing is nothing");
	for (i = 0; i < 100000; i++)
	{
		memcpy(key, &i, sizeof(i));
		rate_limit_table_take(set, key, &rate, 1000 + i);
		if (rate_limit_table_wait(set, key, &rate, 1000 + i) == 0)
			break;
	}
	ok(i == 100000, "the newest key is always held, however many came");
	for (i = 0; i < 100000; i++)
	{
		memcpy(key, &i, sizeof(i));
		held += rate_limit_table_wait(set, key, &rate, 101000) > 0;
	}
	ok(held > 0 && held <= 64, "of the others as many as there are places: %d", held);
	rate_limit_table_free(set);
}

/* Addresses of one network differ in their last bytes only: none pushes another out of its place. */
static void
network(void)
{
	rate_limit rate = {60000, 1, 1};
	rate_limit_table *set = rate_limit_table_new(65536);
	uint8_t key[16] = {[10] = 0xff, [11] = 0xff, [12] = 203, [13] = 0};
	int held = 0;

	for (int i = 0; i < 512; i++)
	{
		key[14] = (uint8_t) (i >> 8);
		key[15] = (uint8_t) i;
		rate_limit_table_take(set, key, &rate, 1000);
	}
	for (int i = 0; i < 512; i++)
	{
		key[14] = (uint8_t) (i >> 8);
		key[15] = (uint8_t) i;
		held += rate_limit_table_wait(set, key, &rate, 1000) > 0;
	}
	ok(held == 512, "512 addresses of a network are held, each by itself: %d", held);
	rate_limit_table_free(set);
}

int
main(void)
{
	one_bucket();
	table();
	network();
	return tap_done();
}
