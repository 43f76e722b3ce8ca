/*
 * event_test.c
 *	  The rules of an event, field by field; the cases that come as JSON are in
 *	  test/cases/events.jsonl.
 */
#include "common/event_rules.h"
#include "tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHANNEL "6cbd6789-1d2b-47e0-9391-5eb91d2839ea"
#define OTHER	"00000000-0000-4000-8000-000000000000"

static const wc_json_field absent;
static const uint8_t channel[16] = {0x6c, 0xbd, 0x67, 0x89, 0x1d, 0x2b, 0x47, 0xe0,
									0x93, 0x91, 0x5e, 0xb9, 0x1d, 0x28, 0x39, 0xea};
static const uint8_t none[16];

static wc_event event;
static char scratch[32];
static char reason[WC_REASON_SIZE];

static wc_json_field
string(const char *s)
{
	return (wc_json_field){WC_JSON_STRING, {s, (uint32_t) strlen(s)}, 0};
}

static wc_json_field
string_of(uint32_t len)
{
	static char letters[1000];

	memset(letters, 'x', sizeof(letters));
	return (wc_json_field){WC_JSON_STRING, {letters, len}, 0};
}

static wc_json_field
number(double n)
{
	return (wc_json_field){WC_JSON_NUMBER, {NULL, 0}, n};
}

static wc_json_field
of_type(wc_json_type type)
{
	return (wc_json_field){type, {NULL, 0}, 0};
}

static wc_event_fields
message(void)
{
	return (wc_event_fields){.event_type = string("Message"),
							 .channel_id = string(CHANNEL),
							 .message_id = string("m1"),
							 .from = string("5511993986082"),
							 .timestamp = number(1700000000),
							 .channel = string("whatsapp"),
							 .content = of_type(WC_JSON_OBJECT)};
}

static wc_event_fields
status(void)
{
	return (wc_event_fields){.event_type = string("MessageStatus"),
							 .message_id = string("m1"),
							 .status = string("delivered"),
							 .timestamp = number(1700000042)};
}

static bool
accepted(const wc_event_fields *fields)
{
	memset(reason, 'x', sizeof(reason));
	if (wc_event_check(fields, channel, &event, scratch, reason))
		return true;
	printf("# %s\n", reason);
	return false;
}

/* Refused, in one short line that has these words. */
static bool
refused(const wc_event_fields *fields, const char *words)
{
	memset(reason, 'x', sizeof(reason));
	if (wc_event_check(fields, channel, &event, scratch, reason))
		return false;
	printf("# %s\n", reason);
	return memchr(reason, '\0', sizeof(reason)) != NULL && strstr(reason, words) != NULL &&
		   strpbrk(reason, "\n\r\x1b") == NULL;
}

static void
test_good(void)
{
	wc_event_fields m = message();
	wc_event_fields s = status();

	event.request = 7;
	event.body = wc_str_from("{}");
	ok(accepted(&m) && event.kind == WC_EVENT_MESSAGE && memcmp(event.channel, channel, 16) == 0 &&
		   event.at_us == INT64_C(1700000000000000) && wc_str_equals(event.message_id, "m1") &&
		   wc_str_equals(event.visitor, "5511993986082") && wc_str_equals(event.channel_type, "whatsapp") &&
		   event.status.len == 0 && event.error_code.len == 0 && event.error_message.len == 0,
	   "a message");
	ok(event.request == 7 && wc_str_equals(event.body, "{}"), "its request and body are left alone");
	ok(accepted(&s) && event.kind == WC_EVENT_STATUS && memcmp(event.channel, channel, 16) == 0 &&
		   wc_str_equals(event.status, "delivered") && event.visitor.len == 0 && event.channel_type.len == 0,
	   "a status, which has the endpoint's channel");
	ok(wc_event_check(&s, NULL, &event, scratch, reason) && memcmp(event.channel, none, 16) == 0,
	   "or none, when the endpoint is not known either");
	s.channel_id = string(CHANNEL);
	ok(wc_event_check(&s, NULL, &event, scratch, reason) && memcmp(event.channel, channel, 16) == 0, "or its own");
	ok(wc_event_check(&m, NULL, &event, scratch, reason) && memcmp(event.channel, channel, 16) == 0,
	   "as a message always has");
	m.channel_id = string("6CBD6789-1D2B-47E0-9391-5EB91D2839EA");
	ok(accepted(&m), "in either case");
}

static void
test_event_type(void)
{
	wc_event_fields m = message();

	m.event_type = absent;
	ok(refused(&m, "eventType is missing"), "eventType missing");
	m.event_type = number(1);
	ok(refused(&m, "eventType must be the string"), "eventType a number");
	m.event_type = string("message");
	ok(refused(&m, "not \"message\""), "eventType in another case");
	m.event_type = string("");
	ok(refused(&m, "not \"\""), "eventType empty");
	m.event_type = (wc_json_field){WC_JSON_STRING, {"Message\0", 8}, 0};
	ok(refused(&m, "not \"Message?\""), "eventType with a NUL");
	m.event_type = string("a\r\nb\x1b[31m\x7f\xC2\x85z");
	ok(refused(&m, "not \"a??b?[31m??z\""), "control characters are not shown");
	m.event_type = string_of(40);
	ok(refused(&m, "xxxxxxxx\"") && strstr(reason, "...") == NULL, "40 bytes are shown whole");
	m.event_type = string_of(41);
	ok(refused(&m, "xxxxxxxx...\""), "41 are not");
	m.event_type = string("123456789012345678901234567890123456789\xC3\xA4"
						  "b");
	ok(refused(&m, "\"123456789012345678901234567890123456789...\""), "nor is a character split");
	m.event_type = string("\xF0\x9F\x98\x80\xFF\xC3(\xED\xA0\x80\xE0\x80\x80\xF0\x80\x80\x80\xF4\x90\x80\x80");
	ok(refused(&m, "\"\xF0\x9F\x98\x80?"
				   "?(?"
				   "?????????????\""),
	   "what is no UTF-8 is not shown");
	m.event_type = (wc_json_field){WC_JSON_STRING, {"\xF0\x9F\x98", 3}, 0};
	ok(refused(&m, "\"???\""), "nor a character cut off");
}

static void
test_channel_id(void)
{
	static const char *const bad[] = {"",
									  "6cbd67891d2b47e093915eb91d2839ea",
									  CHANNEL "0",
									  "6cbd6789-1d2b-47e0-9391-5eb91d2839e",
									  "6cbd6789-1d2b-47e0-9391-5eb91d2839eg",
									  "6cbd6789_1d2b-47e0-9391-5eb91d2839ea",
									  "6cbd678-91d2b-47e0-9391-5eb91d2839ea",
									  "{6cbd6789-1d2b-47e0-9391-5eb91d2839e",
									  "6cbd6789-1d2b-47e0-9391-5eb91d2839-a"};
	wc_event_fields m = message();
	wc_event_fields s = status();

	m.channel_id = absent;
	ok(refused(&m, "channelId is missing"), "channelId missing in a message");
	m.channel_id = s.channel_id = number(5);
	ok(refused(&m, "channelId must be a UUID"), "channelId a number in a message");
	ok(refused(&s, "channelId must be a UUID"), "and in a status");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		s.channel_id = string(bad[i]);
		ok(refused(&s, "channelId must be a UUID"), "no UUID: '%s'", bad[i]);
	}
	m.channel_id = s.channel_id = string(OTHER);
	ok(refused(&m, "channelId is " OTHER ", but this is the endpoint of channel " CHANNEL),
	   "another channel in a message");
	ok(refused(&s, "channelId is " OTHER) && strlen(reason) < 200, "and in a status");
	ok(wc_event_check(&m, NULL, &event, scratch, reason), "any, when the endpoint's is not known");
}

/* A string's limits: field, one of f's, its name, least and most bytes (0: no most). */
static void
check_string_field(const wc_event_fields *f, wc_json_field *field, const char *name, uint32_t min, uint32_t max)
{
	const wc_json_type types[] = {WC_JSON_OBJECT, WC_JSON_OTHER, WC_JSON_NUMBER};
	char words[64];
	bool right = true;

	snprintf(words, sizeof(words), "%s must be a string", name);
	for (int i = 0; i < 3; i++)
	{
		*field = types[i] == WC_JSON_NUMBER ? number(0.5) : of_type(types[i]);
		right &= refused(f, words);
	}
	ok(right, "%s of other types", name);
	*field = string("");
	ok(min > 0 ? refused(f, words) : accepted(f), "%s empty", name);
	*field = string("x");
	ok(accepted(f), "%s of one byte", name);
	*field = string_of(max ? max : 1000);
	ok(accepted(f), "%s at its limit", name);
	if (max > 0)
	{
		*field = string_of(max + 1);
		ok(refused(f, words), "%s over its limit", name);
	}
	*field = (wc_json_field){WC_JSON_STRING, {"a\0b", 3}, 0};
	snprintf(words, sizeof(words), "%s must not hold a NUL", name);
	ok(refused(f, words), "%s with a NUL", name);
	*field = absent;
	snprintf(words, sizeof(words), "%s is missing: it must be a string of 1 to %u bytes", name, max);
	ok(min > 0 ? refused(f, words) : accepted(f), "%s absent", name);
}

static void
test_strings(void)
{
	static wc_event_fields m;
	static wc_event_fields s;

	m = message();
	s = status();
	check_string_field(&m, &m.message_id, "messageId", 1, 255);
	check_string_field(&s, &s.message_id, "messageId", 1, 255);
	m.message_id = s.message_id = string("m1");
	check_string_field(&m, &m.from, "from", 1, 255);
	m.from = string("x");
	check_string_field(&s, &s.status, "status", 1, 64);
	s.status = string("read");
	check_string_field(&m, &m.channel, "channel", 0, 64);
	check_string_field(&s, &s.channel, "channel", 0, 64);
	check_string_field(&m, &m.error_code, "errorCode", 0, 128);
	check_string_field(&s, &s.error_code, "errorCode", 0, 128);
	check_string_field(&m, &m.error_message, "errorMessage", 0, 0);
	check_string_field(&s, &s.error_message, "errorMessage", 0, 0);
}

static void
test_content(void)
{
	wc_event_fields m = message();
	wc_event_fields s = status();

	m.content = absent;
	ok(refused(&m, "content is missing: it must be a JSON object"), "content missing");
	m.content = of_type(WC_JSON_OTHER);
	ok(refused(&m, "content must be a JSON object"), "content an array");
	m.content = string("hi");
	ok(refused(&m, "content must be a JSON object"), "content a string");
	s.content = s.from = number(1);
	ok(accepted(&s), "a status's content and from are nobody's business");
	m = message();
	m.status = number(1);
	ok(accepted(&m) && event.status.len == 0, "nor is a message's status");
}

static void
test_timestamp(void)
{
	static const struct
	{
		double seconds;
		int64_t us; /* 0: refused */
	} times[] = {
		{1700000000, INT64_C(1700000000000000)},
		{1700000000.25, INT64_C(1700000000250000)},
		{1700000000.123456, INT64_C(1700000000123456)},
		{1, 1000000},
		{1e-6, 1},
		{1e-300, 1},
		{253402300799, INT64_C(253402300799000000)},
		{0, 0},
		{-0.0, 0},
		{-1, 0},
		{-1e308, 0},
		{253402300799.5, 0},
		{253402300800, 0},
		{999999999999, 0},
		{1700000000000, INT64_C(1700000000000000)},
		{253402300800000, 0},
		{1e308, 0},
		{INFINITY, 0},
		{-INFINITY, 0},
		{NAN, 0},
	};
	wc_event_fields m = message();

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
	{
		m.timestamp = number(times[i].seconds);
		ok(times[i].us ? accepted(&m) && event.at_us == times[i].us
					   : refused(&m, "timestamp must be a number of unix seconds"),
		   "timestamp %g", times[i].seconds);
	}
	m.timestamp = absent;
	ok(accepted(&m) && event.at_us == 0, "timestamp absent");
	m.timestamp = string("1700000000");
	ok(accepted(&m) && event.at_us == INT64_C(1700000000000000), "timestamp a string");
	m.timestamp = string("2023-11-14T22:13:20Z");
	ok(accepted(&m) && event.at_us == INT64_C(1700000000000000), "timestamp in ISO 8601");
	m.timestamp = string("2023-11-14T22:13:20");
	ok(refused(&m, "timestamp must be a number"), "but not without its zone");
	m.timestamp = of_type(WC_JSON_OTHER);
	ok(refused(&m, "timestamp must be a number"), "timestamp true");
}

static void
test_error_code(void)
{
	static const struct
	{
		double n;
		const char *printed; /* NULL: refused */
	} codes[] = {
		{130472, "130472"},
		{0, ""},
		{-0.0, ""},
		{-1, "-1"},
		{4294967296.0, "4294967296"},
		{9007199254740991.0, "9007199254740991"},
		{9007199254740994.0, "9007199254740994"},
		{9e18, "9000000000000000000"},
		{-9e18, "-9000000000000000000"},
		{9999999999999997952.0, "9999999999999997952"},
		{1e19, NULL},
		{-1e19, NULL},
		{1e300, NULL},
		{0.5, NULL},
		{130472.5, NULL},
		{4503599627370495.5, NULL},
		{1e-300, NULL},
		{INFINITY, NULL},
		{NAN, NULL},
	};
	wc_event_fields s = status();

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
	{
		s.error_code = number(codes[i].n);
		ok(codes[i].printed ? accepted(&s) && wc_str_equals(event.error_code, codes[i].printed) &&
								  (event.error_code.len == 0 || event.error_code.p == scratch)
							: refused(&s, "whole number"),
		   "errorCode %.17g", codes[i].n);
	}
	s.error_code = string("0");
	ok(accepted(&s) && event.error_code.len == 0, "errorCode \"0\" is none");
	s.error_code = number(1e30);
	s.error_code.string = wc_str_from("1000000000000000000000000000000");
	ok(accepted(&s) && wc_str_equals(event.error_code, "1000000000000000000000000000000"), "a large one is its text");
	s.error_code = string("130472");
	s.error_message = string("refused");
	ok(accepted(&s) && wc_str_equals(event.error_code, "130472") && wc_str_equals(event.error_message, "refused"),
	   "errorCode and errorMessage as strings");
}

/* From memory of just its size. */
static bool
shallow(const char *json, size_t len)
{
	char *copy = malloc(len ? len : 1);
	bool result;

	if (len > 0)
		memcpy(copy, json, len);
	result = wc_json_shallow(copy, len);
	free(copy);
	return result;
}

static void
test_depth(void)
{
	char nested[200];
	char mixed[400];

	memset(nested, '[', 100);
	memset(nested + 100, ']', 100);
	ok(shallow(nested + 100 - 64, 128), "64 deep");
	ok(!shallow(nested + 100 - 65, 130), "65 deep");
	ok(shallow(nested + 100 - 64, 64) && !shallow(nested + 35, 65), "also when nothing closes");
	for (int i = 0; i < 100; i++)
		memcpy(mixed + i * 4, i % 2 ? "[{}]" : "{[]}", 4);
	ok(shallow(mixed, 400), "beside each other they do not add up");
	memset(nested, '{', 65);
	nested[0] = '"';
	ok(shallow(nested, 65), "in a string they do not count");
	memcpy(nested, "\"\\\"\\\\\"", 6);
	memset(nested + 6, '{', 65);
	ok(!shallow(nested, 6 + 65), "an escaped quote does not end a string, an escaped backslash does not escape");
	ok(shallow("\"\\", 2) && shallow("\\", 1) && shallow(NULL, 0), "cut anywhere it ends");
	ok(shallow("]]]]}}}}[[[]", 12), "closing what was not open is the parser's to refuse");
}

static void
test_uuid(void)
{
	uint8_t uuid[16] = {9};
	char printed[37];

	ok(wc_uuid_parse(CHANNEL, 36, uuid) && memcmp(uuid, channel, 16) == 0, "a UUID is parsed");
	wc_uuid_print(uuid, printed);
	ok(strcmp(printed, CHANNEL) == 0, "and printed");
	ok(wc_uuid_parse("ABCDEFab-cdef-ABCD-EFAB-cdefABCDEF01", 36, uuid), "in either case");
	wc_uuid_print(uuid, printed);
	ok(strcmp(printed, "abcdefab-cdef-abcd-efab-cdefabcdef01") == 0, "and printed in lower case");
	memset(uuid, 9, 16);
	ok(!wc_uuid_parse(CHANNEL "x", 35, uuid) && !wc_uuid_parse("6cbd6789-1d2b-47e0-9391-5eb91d2839e\0", 36, uuid) &&
		   uuid[0] == 9 && uuid[15] == 9,
	   "what is none leaves the result as it was");
}

int
main(void)
{
	test_good();
	test_event_type();
	test_channel_id();
	test_strings();
	test_content();
	test_timestamp();
	test_error_code();
	test_depth();
	test_uuid();
	return tap_done();
}
