/*
 * minute_ring_test.c
 *	  The ring of the last hour's minutes: its order, gaps, and clocks that do not behave.
 */
#include "common/minute_ring.h"
#include "tap.h"

#include <string.h>

static wc_minute_ring ring;
static wc_minute out[WC_MINUTES];

static void
add(int64_t number, uint64_t in)
{
	wc_minute more = {.number = number, .messages_in = in};

	wc_minute_ring_add(&ring, &more);
}

static void
test_counts(void)
{
	wc_minute first = {7000, 3, 2, 5, 1, 4, 6, 40, 900, 12};
	wc_minute second = {7000, 1, 1, 1, 1, 1, 1, 30, 1200, 0};
	wc_minute both = {7000, 4, 3, 6, 2, 5, 7, 40, 1200, 0};

	memset(&ring, 0, sizeof(ring));
	ok(wc_minute_ring_read(&ring, 7000, out) == 0, "an empty ring has no minutes");
	wc_minute_ring_add(&ring, &first);
	ok(wc_minute_ring_read(&ring, 7000, out) == 1 && memcmp(out, &first, sizeof(first)) == 0, "what is noted is read");
	wc_minute_ring_add(&ring, &second);
	ok(wc_minute_ring_read(&ring, 7000, out) == 1 && memcmp(out, &both, sizeof(both)) == 0,
	   "counts add up, of visitors and the slowest turn the most stays, of what is queued the last");
}

static void
test_hour(void)
{
	int64_t i;
	int n;
	bool right = true;

	memset(&ring, 0, sizeof(ring));
	for (i = 0; i < 200; i++)
		add(7000 + i, (uint64_t) i);
	n = wc_minute_ring_read(&ring, 7199, out);
	for (i = 0; i < n; i++)
		right = right && out[i].number == 7199 - 60 + i && out[i].messages_in == (uint64_t) (139 + i);
	ok(n == 61 && right, "the current minute and the sixty before it, in their order, each with its own");
	ok(wc_minute_ring_read(&ring, 7200, out) == 60, "a minute later the oldest is none of the hour any more");
	ok(wc_minute_ring_read(&ring, 7199 + 61, out) == 0, "and after an hour none is");
}

static void
test_gaps(void)
{
	memset(&ring, 0, sizeof(ring));
	add(7000, 1);
	add(7003, 2);
	ok(wc_minute_ring_read(&ring, 7003, out) == 2 && out[0].number == 7000 && out[1].number == 7003,
	   "a minute that nobody noted is left out");
	add(7100, 3);
	ok(wc_minute_ring_read(&ring, 7100, out) == 1 && out[0].messages_in == 3,
	   "nothing old is left beside a longer gap");
}

static void
test_clocks(void)
{
	memset(&ring, 0, sizeof(ring));
	add(7000, 1);
	add(6999, 2);
	add(7000, 4);
	ok(wc_minute_ring_read(&ring, 7000, out) == 2 && out[0].messages_in == 2 && out[1].messages_in == 5,
	   "a clock that is set back a little adds to the minute that it shows again");
	add(700000, 9);
	ok(wc_minute_ring_read(&ring, 7001, out) == 2, "what a clock noted that was far ahead is not of this hour");
	add(7001, 1);
	ok(wc_minute_ring_read(&ring, 7001, out) == 3 && out[2].messages_in == 1, "and hinders nothing");
	add(700000 - 700000 % WC_MINUTES, 1);
	add(7000, 1);
	ok(wc_minute_ring_read(&ring, 7000, out) >= 2 && out[0].number == 6999, "nor once it is over");
	add(0, 1);
	add(-5, 1);
	ok(wc_minute_ring_read(&ring, 3, out) == 0, "a time before the epoch is none");
}

int
main(void)
{
	test_counts();
	test_hour();
	test_gaps();
	test_clocks();
	return tap_done();
}
