/*
 * minute_ring.c
 */
#include "common/minute_ring.h"

#include <string.h>

static void
raise_to(uint64_t *most, uint64_t v)
{
	if (*most < v)
		*most = v;
}

void
wc_minute_ring_add(wc_minute_ring *ring, const wc_minute *more)
{
	wc_minute *m;

	if (more->number <= 0)
		return;
	m = &ring->minutes[more->number % WC_MINUTES];
	if (m->number != more->number)
	{
		memset(m, 0, sizeof(*m));
		m->number = more->number;
	}
	m->messages_in += more->messages_in;
	m->messages_out += more->messages_out;
	m->statuses += more->statuses;
	m->failed += more->failed;
	m->rejected += more->rejected;
	m->deliveries += more->deliveries;
	raise_to(&m->visitors, more->visitors);
	raise_to(&m->slowest_us, more->slowest_us);
	m->queued = more->queued;
}

int
wc_minute_ring_read(const wc_minute_ring *ring, int64_t now, wc_minute minutes[WC_MINUTES])
{
	int64_t number;
	int n = 0;

	for (number = now - (WC_MINUTES - 1); number <= now; number++)
	{
		if (number > 0 && ring->minutes[number % WC_MINUTES].number == number)
			minutes[n++] = ring->minutes[number % WC_MINUTES];
	}
	return n;
}
