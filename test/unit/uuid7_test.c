/*
 * uuid7_test.c
 *	  UUID version 7: layout, order, and a clock that does not behave.
 */
#include "common/uuid7.h"
#include "tap.h"

#include <string.h>

#define NS UINT64_C(1000000000)

static const uint8_t zeros[8];
static const uint8_t ones[8] = {255, 255, 255, 255, 255, 255, 255, 255};

static void
test_layout(void)
{
	/* RFC 9562 appendix A.6's time, 2022-02-22 19:22:22 UTC; half a millisecond more */
	static const uint8_t expected[16] = {0x01, 0x7F, 0x22, 0xE2, 0x79, 0xB0, 0x78, 0x00,
										 0xBF, 255,	 255,  255,	 255,  255,	 255,  255};
	wc_uuid7_state state = {0};
	uint8_t uuid[16];

	wc_uuid7_make(&state, UINT64_C(0x017F22E279B0) * 1000000 + 500000, ones, uuid);
	ok(memcmp(uuid, expected, 16) == 0, "time, version, fraction, variant and random bits are in place");
	ok(wc_uuid7_time_us(uuid) == INT64_C(0x017F22E279B0) * 1000 + 500, "its time is read back");
	wc_uuid7_make(&state, 1700000000 * NS, zeros, uuid);
	ok(uuid[6] >> 4 == 7 && uuid[8] == 0x80, "version and variant without random bits");
	uuid[6] = (uint8_t) (0x40 | (uuid[6] & 15));
	ok(wc_uuid7_time_us(uuid) == 0, "a version 4 UUID has no time");
	uuid[6] = 0x70;
	uuid[8] = 0xC0;
	ok(wc_uuid7_time_us(uuid) == 0, "nor has one of another variant");
}

/* Time read back is never later, and less than a microsecond early. */
static void
test_precision(void)
{
	bool right = true;

	for (uint64_t ns = 0; ns < 2000000; ns += 37)
	{
		wc_uuid7_state state = {0};
		uint64_t time = 1700000000 * NS + ns;
		uint8_t uuid[16];
		uint64_t back;

		wc_uuid7_make(&state, time, ones, uuid);
		back = (uint64_t) wc_uuid7_time_us(uuid);
		right &= back * 1000 <= time && time - back * 1000 < 2000;
	}
	ok(right, "time is kept to the microsecond, rounded down");
}

static void
test_order(void)
{
	wc_uuid7_state state = {0};
	uint8_t last[16] = {0};
	uint8_t uuid[16];
	bool rising = true;
	uint64_t now = 1700000000 * NS;

	for (int i = 0; i < 10000; i++)
	{
		/* random bits that fall: order must come from the time alone */
		wc_uuid7_make(&state, now, i % 2 ? zeros : ones, uuid);
		rising &= memcmp(uuid, last, 16) > 0;
		memcpy(last, uuid, 16);
	}
	ok(rising, "10,000 in one tick rise");
	ok(wc_uuid7_time_us(uuid) < (int64_t) (now / 1000) + 2500, "and run at most 2.5 ms ahead");

	for (int i = 0; i < 1000; i++)
	{
		wc_uuid7_make(&state, now - 3600 * NS + (uint64_t) i, zeros, uuid);
		rising &= memcmp(uuid, last, 16) > 0;
		memcpy(last, uuid, 16);
	}
	ok(rising, "they rise while the clock is an hour behind");
	wc_uuid7_make(&state, 0, zeros, uuid);
	ok(memcmp(uuid, last, 16) > 0, "and when it is at 1970");
	memcpy(last, uuid, 16);
	wc_uuid7_make(&state, now + NS, zeros, uuid);
	ok(memcmp(uuid, last, 16) > 0 && wc_uuid7_time_us(uuid) == (int64_t) ((now + NS) / 1000),
	   "and follow the clock again once it has caught up");
	wc_uuid7_make(&state, UINT64_MAX, ones, uuid);
	ok(uuid[6] >> 4 == 7 && wc_uuid7_time_us(uuid) / 1000 == (int64_t) (UINT64_MAX / 1000000),
	   "the last nanosecond that 64 bits hold is fine");
}

int
main(void)
{
	test_layout();
	test_precision();
	test_order();
	return tap_done();
}
