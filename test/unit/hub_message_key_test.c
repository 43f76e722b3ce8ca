/*
 * hub_message_key_test.c
 *	  Hubs' ids as 16 bytes: the bytes that are on databases' disks, and the order that
 *	  ids bring with them.
 */
#include "common/hub_message_key.h"
#include "tap.h"

#include <string.h>

static const uint8_t here[16] = {0x6c, 0xbd, 0x67, 0x89, 0x1d, 0x2b, 0x47, 0xe0,
								 0x93, 0x91, 0x5e, 0xb9, 0x1d, 0x28, 0x39, 0xea};
static const uint8_t elsewhere[16] = {1};

/* How the keys of two ids stand to each other. */
static int
compare(const uint8_t *channel, const char *a, const uint8_t *other, const char *b)
{
	uint8_t x[WC_HUB_MESSAGE_KEY];
	uint8_t y[WC_HUB_MESSAGE_KEY];

	if (!wc_hub_message_key(channel, a, strlen(a), x) || !wc_hub_message_key(other, b, strlen(b), y))
		return 2;
	return memcmp(x, y, sizeof(x));
}

/* The keys as digits, of SHA-256 as others make it: they must not change. */
static void
test_bytes(void)
{
	static const char *const cases[][2] = {
		{"", "2d3461664ee1bbf29ff37c08e8b02a6e"},
		{"abc", "03d820d640a28823c43b90d2be5f0113"},
		{"visitor/c1f7", "05744822bd85ae032a667e1e5e26ade9"},
		{"0190b4f2-1c3d-7abc-8def-0123456789ab", "8190b4f21c3dd20e6a71ce92b2062c43"},
		{"0190b4f2-1c3d-7000-8000-000000000000/0190b4f2-ffff-7abc-8def-0123456789ab",
		 "8190b4f2ffffe8f0b4a6e223745eb7d9"},
		{"wamid-000123", "800000000123aecda189125e586254b6"},
		{"99999", "1000f01d12b46af2a6ada7044d1b675d"},
		{"6b0bc39a1ed826ca-00000000557f", "80000000557f218d9a6171062e5100ff"},
		{"f47ac10b-58cc-4372-a567-0e02b2c3d479", "80e02b2c3d47a06e7b0b43cfb91a1a4e"},
		{"1234567890123456789", "8091a2b3c480b29f3c25400caa00fcd6"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		uint8_t key[WC_HUB_MESSAGE_KEY];
		char text[2 * WC_HUB_MESSAGE_KEY + 1];
		bool made = wc_hub_message_key(here, cases[i][0], strlen(cases[i][0]), key);

		for (size_t b = 0; b < sizeof(key); b++)
			(void) snprintf(text + 2 * b, 3, "%02x", key[b]);
		ok(made && strcmp(text, cases[i][1]) == 0, "%s: %s", cases[i][0], text);
	}
}

static void
test_different(void)
{
	char a[1024];
	char b[1024];

	ok(compare(here, "abc", here, "abc") == 0, "the same id has the same key");
	ok(compare(here, "abc", elsewhere, "abc") != 0, "but not in another channel");
	ok(compare(here, "abc", here, "abC") != 0 && compare(here, "abc", here, "abc ") != 0 &&
		   compare(here, "", here, "0") != 0,
	   "each byte counts");
	ok(compare(here, "a-000001", here, "b-000001") != 0 && compare(here, "a-000001", here, "a-0000001") != 0,
	   "also before the same number");
	ok(compare(here, "0190b4f2-1c3d-7abc-8def-0123456789ab", here, "0190b4f2-1c3d-7abc-8def-0123456789aB") != 0,
	   "and after the same time");
	memset(a, 'x', sizeof(a) - 1);
	a[sizeof(a) - 1] = '\0';
	memcpy(b, a, sizeof(b));
	ok(compare(here, a, here, b) == 0, "a long id has a key");
	b[sizeof(b) - 2] = 'y';
	ok(compare(here, a, here, b) != 0, "in which its last byte counts");
}

static void
test_order(void)
{
	static const char *const rising[] = {
		"abc", /* what has no order comes first */
		"hub-100000",
		"other-100001",
		"hub-10000f",
		"hub-100010",
		"hub-2000000",
		"99999999999",
		"9999999999999999999",					/* its first 15 digits */
		"0190b4f2-1c3d-7abc-8def-0123456789ab", /* times behind numbers */
		"0190b4f2-1c3e-7000-8000-000000000000/0190B4F2-1C3E-7ABC-8DEF-0123456789AB",
		"0190b4f2-1c3f-7000-8000-000000000000",
	};

	for (size_t i = 0; i + 1 < sizeof(rising) / sizeof(rising[0]); i++)
		ok(compare(here, rising[i], here, rising[i + 1]) < 0, "%s before %s", rising[i], rising[i + 1]);
	ok(compare(here, "0190b4f2-1c3f-7000-8000-000000000000", elsewhere, "0190b4f2-1c40-7000-8000-000000000000") < 0,
	   "in whatever channel");
}

int
main(void)
{
	test_bytes();
	test_different();
	test_order();
	return tap_done();
}
