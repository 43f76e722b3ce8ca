/*
 * utf8_test.c
 *	  Text of others made fit for SQL.
 */
#include <string.h>

#include "base/text.h"
#include "tap.h"

#define WRONG "\xEF\xBF\xBD"

static void
clean(const char *in, size_t len, size_t max, bool more, const char *expected, const char *what)
{
	char out[64];
	size_t n = utf8_clean(out, max, in, len, more);

	ok(n == strlen(expected) && memcmp(out, expected, n) == 0 && utf8_is_clean(out, n), "%s", what);
}

int
main(void)
{
	char out[64];

	ok(utf8_is_clean("", 0), "nothing is clean");
	ok(utf8_is_clean("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\n", 11), "characters of one to four bytes are");
	ok(!utf8_is_clean("a\0b", 3), "NUL is not");
	ok(!utf8_is_clean("\xC3", 1), "half a character is not");
	ok(!utf8_is_clean("\xED\xA0\x80", 3), "a surrogate is not");
	ok(!utf8_is_clean("\xC0\x80", 2), "an overlong form is not");
	ok(!utf8_is_clean("\xF4\x90\x80\x80", 4), "what lies beyond Unicode is not");
	clean("abc", 3, 64, false, "abc", "what is clean stays as it is");
	clean("abc", 3, 2, false, "ab", "but for its length");
	clean("a\xC3\xA9", 3, 2, false, "a", "the limit cuts no character");
	clean("a\xF0\x9F\x98\x80"
		  "b",
		  6, 4, false, "a", "nor one of four bytes");
	clean("a\0\xFF\xC3z", 5, 64, false, "a" WRONG WRONG WRONG "z", "each wrong byte is replaced");
	clean("\xFF\xFF", 2, 4, false, WRONG, "a replacement is not cut either");
	clean("ab\xE2\x82", 4, 64, true, "ab", "a character that goes on beyond what is there is left out");
	clean("ab\xE2\x82", 4, 64, false, "ab" WRONG WRONG, "one that ends there is wrong");
	clean("ab\xE2"
		  "c",
		  4, 64, true, "ab" WRONG "c", "and so is one that does not go on");
	clean("ab\xFF", 3, 64, true, "ab" WRONG, "and what cannot begin one");
	ok(utf8_line(out, sizeof(out), "a\tb\r\nc\x7F", 7) == 7 && memcmp(out, "a b  c ", 7) == 0,
	   "a line has blanks for control characters");
	return tap_done();
}
