/*
 * desk_sessions_test.c
 *	  Which sessions are known, and what each has read: the latest are, however many come.
 */
#include <string.h>

#include "desk/desk_sessions.h"
#include "tap.h"

static const uint8_t *
hash_of(uint32_t n)
{
	static uint8_t hash[WC_HASH_SIZE];

	memset(hash, 0, sizeof(hash));
	memcpy(hash + 4, &n, sizeof(n));
	return hash;
}

static void
check_calls(desk_sessions *set)
{
	bool counted = true;
	int n = 0;

	ok(desk_sessions_begin(set, hash_of(7), &counted) && !counted, "a session that is not known is not counted");
	desk_sessions_end(set, hash_of(7));
	while (n < 1000 && desk_sessions_begin(set, hash_of(1), &counted) && counted)
		n++;
	ok(n == 32 && !counted, "32 calls of one wait, and no more");
	desk_sessions_end(set, hash_of(1));
	ok(desk_sessions_begin(set, hash_of(1), &counted) && counted, "one that is over makes room");
}

int
main(void)
{
	desk_sessions *set = desk_sessions_new();
	uint32_t known = 0;

	ok(!desk_sessions_knows(set, hash_of(1)), "nobody is known");
	desk_sessions_good(set, hash_of(1), 0);
	ok(desk_sessions_knows(set, hash_of(1)), "one is");
	ok(!desk_sessions_has_read(set, hash_of(1), 0), "which has read nothing");
	for (uint64_t tag = 1; tag <= 16; tag++)
		desk_sessions_good(set, hash_of(1), tag);
	desk_sessions_good(set, hash_of(1), 1);
	desk_sessions_good(set, hash_of(1), 17);
	ok(desk_sessions_has_read(set, hash_of(1), 17) && desk_sessions_has_read(set, hash_of(1), 1), "what it read last");
	ok(!desk_sessions_has_read(set, hash_of(1), 2) && desk_sessions_has_read(set, hash_of(1), 3), "the 16 latest");
	ok(!desk_sessions_has_read(set, hash_of(2), 17), "not another");
	check_calls(set);
	for (uint32_t n = 2; n <= 5000; n++)
	{
		desk_sessions_good(set, hash_of(n), n);
		if (n % 1000 == 0)
			desk_sessions_good(set, hash_of(1), 0);
	}
	for (uint32_t n = 1; n <= 5000; n++)
		known += desk_sessions_knows(set, hash_of(n));
	ok(known == 4096, "4096 are remembered (%u)", known);
	ok(desk_sessions_knows(set, hash_of(5000)) && !desk_sessions_knows(set, hash_of(2)), "the latest");
	ok(desk_sessions_has_read(set, hash_of(1), 17), "and those that call now and then");
	desk_sessions_gone(set, hash_of(1));
	desk_sessions_gone(set, hash_of(1));
	ok(!desk_sessions_knows(set, hash_of(1)), "one that has ended is not");
	desk_sessions_free(set);
	return tap_done();
}
