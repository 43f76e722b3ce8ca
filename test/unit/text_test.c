/*
 * text_test.c
 *	  Words, lists and numbers in the text of others, and what is made fit for SQL.
 */
#include <string.h>

#include "base/text.h"
#include "tap.h"

#define WRONG "\xEF\xBF\xBD"

static void
clean(const char *in, size_t len, size_t max, bool more, const char *expected, const char *what)
{
	char out[64];
	size_t n = text_clean(out, max, in, len, more);

	ok(n == strlen(expected) && memcmp(out, expected, n) == 0 && text_is_clean(out, n), "%s", what);
}

static void
words(void)
{
	ok(text_is((wc_str){"GZip", 4}, "gzip") && !text_is((wc_str){"gzip", 3}, "gzip"),
	   "a word, its letters large or small");
	ok(text_is_of("aZ09-_", 6, TEXT_BASE64URL) && !text_is_of("a+", 2, TEXT_BASE64URL), "base64url");
	ok(text_is_of("aZ09+/", 6, TEXT_BASE64) && !text_is_of("a-", 2, TEXT_BASE64), "base64");
	ok(text_is_of("!#$%&'*+-.^_`|~aZ0", 18, TEXT_TOKEN), "a header's name");
	for (const char *p = "\"(),/:;<=>?@[\\]{} \t\x7F\xE9"; *p != '\0'; p++)
		if (text_is_of(p, 1, TEXT_TOKEN))
			ok(false, "'%c' does not belong there", *p);
	ok(text_is_of("a-0", 3, TEXT_SLUG) && !text_is_of("A", 1, TEXT_SLUG) && !text_is_of("_", 1, TEXT_SLUG), "a slug");
	ok(text_is_ascii("a b~", 4, ' ') && !text_is_ascii("a b", 3, '!') && !text_is_ascii("\x7F", 1, ' ') &&
		   !text_is_ascii("\xE9", 1, ' ') && !text_is_ascii("\0", 1, ' '),
	   "printable, visible");
}

static void
numbers(void)
{
	uint64_t n = 7;

	ok(text_number("0", 1, 0, &n) && n == 0, "zero");
	ok(text_number("007", 3, 7, &n) && n == 7 && !text_number("008", 3, 7, &n), "the most");
	ok(text_number("18446744073709551615", 20, UINT64_MAX, &n) && n == UINT64_MAX, "the most that there is");
	ok(!text_number("18446744073709551616", 20, UINT64_MAX, &n) && n == UINT64_MAX, "one more");
	ok(!text_number("", 0, 9, &n) && !text_number("-1", 2, 9, &n) && !text_number("1 ", 2, 99, &n) &&
		   !text_number("\xB2", 1, 9, &n),
	   "what is no number");
}

static void
lists(void)
{
	wc_str list = wc_str_from(" a b\t,,c , ");
	wc_str item;

	ok(text_next(&list, &item) && wc_str_equals(item, "a b"), "the first of a list, without blanks around it");
	ok(text_next(&list, &item) && item.len == 0, "an empty one");
	ok(text_next(&list, &item) && wc_str_equals(item, "c"), "the third");
	ok(text_next(&list, &item) && item.len == 0 && !text_next(&list, &item), "and no more");
	list = (wc_str){NULL, 0};
	ok(!text_next(&list, &item), "nothing is no list");
}

int
main(void)
{
	char out[64];

	ok(text_is_clean("", 0), "nothing is clean");
	ok(text_is_clean("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\n", 11), "characters of one to four bytes are");
	ok(!text_is_clean("a\0b", 3), "NUL is not");
	ok(!text_is_clean("\xC3", 1), "half a character is not");
	ok(!text_is_clean("\xED\xA0\x80", 3), "a surrogate is not");
	ok(!text_is_clean("\xC0\x80", 2), "an overlong form is not");
	ok(!text_is_clean("\xF4\x90\x80\x80", 4), "what lies beyond Unicode is not");
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
	ok(text_line(out, sizeof(out), "a\tb\r\nc\x7F", 7) == 7 && memcmp(out, "a b  c ", 7) == 0,
	   "a line has blanks for control characters");
	words();
	numbers();
	lists();
	return tap_done();
}
