/*
 * json_text_test.c
 *	  JSON as strangers write it, mended; and members' values as they are written.
 */
#include <stdlib.h>
#include <string.h>

#include "common/event_rules.h"
#include "common/json_text.h"
#include "tap.h"

#define W "\xEF\xBF\xBD"

/* Memory of its own size for each, so that the sanitizer sees a byte too far. */
static void
mends_bytes(const char *in, size_t len, const char *expected, const char *what)
{
	char *text = malloc(len ? len : 1);
	size_t mended_len;
	size_t written;
	bool sound;
	char *out;

	memcpy(text, in, len);
	sound = wc_json_is_sound(text, len, &mended_len);
	out = malloc(mended_len ? mended_len : 1);
	written = wc_json_mend(text, len, out);
	if (!ok(written == mended_len && written == strlen(expected) && memcmp(out, expected, written) == 0, "%s", what))
		printf("#   got %.*s\n", (int) written, out);
	ok(sound == (written == len && memcmp(out, text, len) == 0), "and whether anything was to be mended");
	ok(wc_json_is_sound(out, written, &mended_len), "and nothing is to be mended after that");
	free(text);
	free(out);
}

static void
mends(const char *in, const char *expected, const char *what)
{
	mends_bytes(in, strlen(in), expected, what);
}

static void
stays(const char *in, const char *what)
{
	mends(in, in, what);
}

static void
strings(void)
{
	stays("", "nothing");
	stays("{\"a\":\"b\\n\\\\\\\"\\u00e9\\ud83d\\ude00\",\"\xC3\xA9\":[\"\xF0\x9F\x98\x80\"]}", "sound text");
	stays("{\"a\":\"\\x41\\u12\"}", "escapes that there are not are left to the parser");
	mends("\xEF\xBB\xBF{}", "{}", "a byte order mark at the start");
	mends("\xEF\xBB\xBF\xEF\xBB\xBF{}", "{}", "and two of them");
	stays("{\"a\":\"\xEF\xBB\xBF\"}", "but none in a string");
	mends("\"\\ud83d\"", "\"\\ufffd\"", "half an emoji as an escape");
	mends("\"\\uD83Dx\\uDE00\"", "\"\\ufffdx\\ufffd\"", "both halves apart");
	mends("\"\\ude00\\ud83d\"", "\"\\ufffd\\ufffd\"", "the wrong way round");
	mends("\"\\ud83d\\ud83d\\ude00\"", "\"\\ufffd\\ud83d\\ude00\"", "a half before a whole");
	mends("\"\\ud83d\\u00e9\"", "\"\\ufffd\\u00e9\"", "a half before another character");
	mends("\"\\ud83d\\", "\"\\ufffd\\", "a half at the end");
	mends("{\"a\\u0000b\":\"\\u0000\"}", "{\"a\\ufffdb\":\"\\ufffd\"}", "NUL as an escape, in a key too");
	stays("\"\\\\u0000\\\\ud83d\"", "what looks like an escape behind a backslash is none");
	mends_bytes("\"a\0b\"", 5, "\"a" W "b\"", "NUL as a byte");
	mends_bytes("{}\0", 3, "{} ", "NUL behind the text");
	mends_bytes("\"\\\0\"", 4, "\"\\" W "\"", "NUL behind a backslash");
	mends("\"a\nb\tc\x1f\"", "\"a\\u000ab\\u0009c\\u001f\"", "control characters in a string");
	stays("{\n\t\"a\" : 1 }", "and outside of one, blanks");
	mends("\"caf\xE9\"", "\"caf" W "\"", "Latin-1");
	mends("\"\xED\xA0\xBD\"", "\"" W W W "\"", "half an emoji in bytes");
	mends("\"\xC0\x80\"", "\"" W W "\"", "an overlong form");
	mends("\"\xE2\x82\"", "\"" W "\"", "a character that is cut off is one");
	mends("\"\xF0\x9F\x98z\"", "\"" W "z\"", "so is one of four bytes");
	mends("\"\xF4\x90\x80\x80\"", "\"" W W W W "\"", "beyond Unicode");
	mends("\"\xE2\x82", "\"" W, "cut off with the text");
	mends("\xFFhello", W "hello", "what is no JSON becomes UTF-8 all the same");
}

static void
numbers(void)
{
	static char digits[1100];
	char in[1200];
	char out[1200];

	stays("[0,-0,0.0,-0.5e-10,1.5E+3,12345678901234567890123,9.99e307,1e-1000]", "numbers that can be kept");
	mends("[1e308,-1e400,1e2147483648,1E+99999999999999999999]",
		  "[\"1e308\",\"-1e400\",\"1e2147483648\",\"1E+99999999999999999999\"]", "numbers that are too large");
	mends("{\"a\":1e-1001}", "{\"a\":\"1e-1001\"}", "an exponent too far down");
	stays("[0.0001e311]", "too large an exponent of a small number");
	mends("[0.0001e312]", "[\"0.0001e312\"]", "and one more");
	mends("[100e306]", "[\"100e306\"]", "a large number of a small exponent");
	mends("[0e99999]", "[\"0e99999\"]", "nothing at all, oddly written");
	stays("[01e400,1.e400,.5,1e,--1e4001x]", "what is no number of JSON's is left to the parser");
	stays("\"1e400\"", "digits in a string are text");
	memset(digits, '7', 308);
	snprintf(in, sizeof(in), "[%s]", digits);
	stays(in, "308 digits");
	memset(digits, '7', 309);
	snprintf(in, sizeof(in), "[%s]", digits);
	snprintf(out, sizeof(out), "[\"%s\"]", digits);
	mends(in, out, "309 digits");
	memset(digits, '7', 999);
	memcpy(digits, "0.", 2);
	snprintf(in, sizeof(in), "[%s]", digits);
	stays(in, "a long fraction");
	memset(digits + 2, '7', 1000);
	snprintf(in, sizeof(in), "[%s]", digits);
	snprintf(out, sizeof(out), "[\"%s\"]", digits);
	mends(in, out, "one that is too long");
}

/* Of nothing but zeros: each is looked at once. */
static void
long_ones(void)
{
	size_t len = 4 * 1024 * 1024;
	char *text = malloc(len);
	size_t mended_len;

	memset(text, '0', len);
	ok(wc_json_is_sound(text, len, &mended_len) && mended_len == len, "four million zeros");
	for (size_t i = 0; i < len; i += 2)
		text[i] = '-';
	ok(wc_json_is_sound(text, len, &mended_len) && mended_len == len, "and signs between them");
	free(text);
}

static void
member_is(const char *text, const char *name, const char *expected)
{
	wc_str value = {NULL, 0};
	bool found = wc_json_member(text, strlen(text), name, &value);

	ok(found == (expected != NULL) && (!found || wc_str_equals(value, expected)), "%s of %s", name, text);
}

static void
members(void)
{
	member_is("{\"a\":1}", "a", "1");
	member_is(" { \"b\" : [1,{\"a\":2}] , \"a\" : 12345678901234567890 } ", "a", "12345678901234567890");
	member_is("{\"a\":1,\"a\":2}", "a", "2");
	member_is("{\"b\":{\"a\":1}}", "a", NULL);
	member_is("{\"b\":\"a\",\"c\":\"\\\",\\\"a\\\":1\"}", "a", NULL);
	member_is("{\"a\":{\"b\":[\"}\",2]},\"c\":3}", "a", "{\"b\":[\"}\",2]}");
	member_is("{\"a\":\"x,y}\"}", "a", "\"x,y}\"");
	member_is("{\"\":0}", "", "0");
	member_is("{}", "a", NULL);
	ok(wc_json_is_whole(wc_str_from("0")) && wc_json_is_whole(wc_str_from("-12")) &&
		   wc_json_is_whole(wc_str_from("123456789012345678901234567890")),
	   "whole numbers");
	ok(!wc_json_is_whole(wc_str_from("")) && !wc_json_is_whole(wc_str_from("1.0")) &&
		   !wc_json_is_whole(wc_str_from("1e3")) && !wc_json_is_whole(wc_str_from("01")) &&
		   !wc_json_is_whole(wc_str_from("1 ")) && !wc_json_is_whole(wc_str_from("\"1\"")),
	   "and others");
}

/* All members of an object, as name=value; */
static void
members_are(const char *text, const char *expected)
{
	wc_json_members members = {text, text + strlen(text)};
	wc_str name;
	wc_str value;
	char all[256] = "";
	size_t at = 0;

	while (at < sizeof(all) && wc_json_next_member(&members, &name, &value))
		at += (size_t) snprintf(all + at, sizeof(all) - at, "%.*s=%.*s;", (int) name.len, name.p, (int) value.len,
								value.p);
	ok(strcmp(all, expected) == 0, "members of %s", text);
}

static void
each_member(void)
{
	members_are("{}", "");
	members_are(" { } ", "");
	members_are("{\"a\":1}", "a=1;");
	members_are(" { \"a\" : [ 1 , {\"b\":2} ] ,\t\"c\":\"},{\" , \"a\":null } ",
				"a=[ 1 , {\"b\":2} ];c=\"},{\";a=null;");
	members_are("{\"\\\"\":{\"x\":\"\\\\\"},\"\":\"\"}", "\\\"={\"x\":\"\\\\\"};=\"\";");
	/* no parser has taken these: it ends, within the bytes */
	members_are("{\"a\"", "");
	members_are("{\"a\":", "a=;");
	members_are("{\"a", "");
	members_are("[1,2]", "");
}

int
main(void)
{
	strings();
	numbers();
	long_ones();
	members();
	each_member();
	return tap_done();
}
