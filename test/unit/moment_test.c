/*
 * moment_test.c
 *	  When something happened, in the forms in which hubs write it.
 */
#include "common/moment.h"
#include "tap.h"

#define S INT64_C(1000000)

static void
text_is(const char *text, int64_t expected)
{
	int64_t at = 0;

	if (!ok(wc_moment_of_text(wc_str_from(text), &at) == (expected != 0) && at == expected, "\"%s\"", text))
		printf("#   got %lld\n", (long long) at);
}

static void
number_is(double n, int64_t expected)
{
	int64_t at = 0;

	if (!ok(wc_moment_of_number(n, &at) == (expected != 0) && at == expected, "%.17g", n))
		printf("#   got %lld\n", (long long) at);
}

int
main(void)
{
	number_is(1700000000, 1700000000 * S);
	number_is(1700000000.25, 1700000000 * S + 250000);
	number_is(1e-9, 1);
	number_is(253402300799.0, 253402300799 * S);
	number_is(253402300800.0, 0);
	number_is(999999999999.0, 0);
	number_is(1e12, 1000000000 * S);
	number_is(1700000000123.0, 1700000000 * S + 123000);
	number_is(253402300799000.0, 253402300799 * S);
	number_is(253402300799001.0, 0);
	number_is(1.7e18, 0);
	number_is(0, 0);
	number_is(-1, 0);
	number_is(__builtin_nan(""), 0);
	text_is("1700000000", 1700000000 * S);
	text_is("1700000000.5", 1700000000 * S + 500000);
	text_is("1700000000123", 1700000000 * S + 123000);
	text_is("2023-11-14T22:13:20Z", 1700000000 * S);
	text_is("2023-11-14T22:13:20.123456Z", 1700000000 * S + 123456);
	text_is("2023-11-14T22:13:20.123456789Z", 1700000000 * S + 123456);
	text_is("2023-11-14t22:13:20,5z", 1700000000 * S + 500000);
	text_is("2023-11-14 19:13:20-03:00", 1700000000 * S);
	text_is("2023-11-15T03:58:20+0545", 1700000000 * S);
	text_is("2023-11-15T00:13:20+02", 1700000000 * S);
	text_is("2024-02-29T12:00Z", 1709208000 * S);
	text_is("2000-03-01T00:00:00Z", 951868800 * S);
	text_is("2100-03-01T00:00:00Z", 4107542400 * S);
	text_is("9999-12-31T23:59:59Z", 253402300799 * S);
	text_is("1970-01-01T00:00:00Z", 1);
	text_is("1970-01-01T00:00:00+01:00", 0);
	text_is("9999-12-31T23:59:59-01:00", 0);
	text_is("2016-12-31T23:59:60Z", 1483228800 * S);
	text_is("2023-11-14T22:13:20", 0);
	text_is("2023-11-14", 0);
	text_is("2023-02-29T00:00:00Z", 0);
	text_is("2100-02-29T00:00:00Z", 0);
	text_is("2023-13-01T00:00:00Z", 0);
	text_is("2023-11-14T24:00:00Z", 0);
	text_is("2023-11-14T22:13.5Z", 0);
	text_is("2023-11-14T22:13:20.Z", 0);
	text_is("2023-11-14T22:13:20Z ", 0);
	text_is("2023-11-14T22:13:20+", 0);
	text_is("2023-11-14T22:13:20+01:", 0);
	text_is("Tue, 14 Nov 2023 22:13:20 GMT", 0);
	text_is("now", 0);
	text_is("", 0);
	text_is(".", 0);
	text_is("1.", 0);
	text_is("-1", 0);
	text_is("0", 0);
	text_is("1e9", 0);
	text_is("1700000000 ", 0);
	text_is("1111111111111111111111111", 0);
	return tap_done();
}
