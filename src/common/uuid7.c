/*
 * uuid7.c
 */
#include "common/uuid7.h"

#include <string.h>

#define NS_PER_MS	 UINT64_C(1000000)
#define TICKS_PER_MS UINT64_C(4096)

uint64_t
wc_uuid7_tick(uint64_t unix_ns)
{
	return unix_ns / NS_PER_MS * TICKS_PER_MS + unix_ns % NS_PER_MS * TICKS_PER_MS / NS_PER_MS;
}

void
wc_uuid7_at(uint64_t tick, const uint8_t random[8], uint8_t uuid[16])
{
	/* nanoseconds in 64 bits end in the year 2554, so 48 bits hold them */
	uint64_t ms = tick / TICKS_PER_MS;
	int i;

	for (i = 0; i < 6; i++)
		uuid[i] = (uint8_t) (ms >> (8 * (5 - i)));
	uuid[6] = (uint8_t) (0x70 | (tick >> 8 & 0x0F));
	uuid[7] = (uint8_t) tick;
	memcpy(uuid + 8, random, 8);
	uuid[8] = (uint8_t) (0x80 | (uuid[8] & 0x3F));
}

void
wc_uuid7_make(wc_uuid7_state *state, uint64_t unix_ns, const uint8_t random[8], uint8_t uuid[16])
{
	uint64_t tick = wc_uuid7_tick(unix_ns);

	if (tick <= state->last)
		tick = state->last + 1;
	state->last = tick;
	wc_uuid7_at(tick, random, uuid);
}

uint64_t
wc_uuid7_tick_of(const uint8_t uuid[16])
{
	uint64_t ms = 0;
	int i;

	if (uuid[6] >> 4 != 7 || uuid[8] >> 6 != 2)
		return 0;
	for (i = 0; i < 6; i++)
		ms = ms << 8 | uuid[i];
	return ms * TICKS_PER_MS + ((uint64_t) (uuid[6] & 0x0F) << 8 | uuid[7]);
}

uint64_t
wc_uuid7_tick_us(uint64_t tick)
{
	return tick / TICKS_PER_MS * 1000 + tick % TICKS_PER_MS * 1000 / TICKS_PER_MS;
}

/* Rounded down, so never later than the clock that made it. */
int64_t
wc_uuid7_time_us(const uint8_t uuid[16])
{
	return (int64_t) wc_uuid7_tick_us(wc_uuid7_tick_of(uuid));
}
