/*
 * text.c
 */
#include "base/text.h"

#include <string.h>

#include "base/alloc.h"
#include "common/utf8.h"

#define EVERYWHERE (TEXT_BASE64 | TEXT_BASE64URL | TEXT_TOKEN)

/* The sets that a character is in. */
static const uint8_t text_sets[256] = {
	['a' ... 'z'] = EVERYWHERE | TEXT_SLUG,
	['A' ... 'Z'] = EVERYWHERE,
	['0' ... '9'] = EVERYWHERE | TEXT_SLUG,
	['-'] = TEXT_BASE64URL | TEXT_TOKEN | TEXT_SLUG,
	['_'] = TEXT_BASE64URL | TEXT_TOKEN,
	['+'] = TEXT_BASE64 | TEXT_TOKEN,
	['/'] = TEXT_BASE64,
	['!'] = TEXT_TOKEN,
	['#' ... '\''] = TEXT_TOKEN,
	['*'] = TEXT_TOKEN,
	['.'] = TEXT_TOKEN,
	['^'] = TEXT_TOKEN,
	['`'] = TEXT_TOKEN,
	['|'] = TEXT_TOKEN,
	['~'] = TEXT_TOKEN,
};

bool
text_is_of(const char *s, size_t len, text_set set)
{
	for (; len > 0; s++, len--)
		if ((text_sets[(unsigned char) *s] & set) == 0)
			return false;
	return true;
}

bool
text_is_ascii(const char *s, size_t len, char first)
{
	for (; len > 0; s++, len--)
		if (*s < first || *s > '~')
			return false;
	return true;
}

bool
text_number(const char *s, size_t len, uint64_t most, uint64_t *n)
{
	uint64_t number = 0;

	for (size_t i = 0; i < len; i++)
	{
		uint64_t digit = (uint64_t) s[i] - '0';

		if (digit > 9 || digit > most || number > (most - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	if (len > 0)
		*n = number;
	return len > 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

wc_str
text_trim(const char *s, size_t len)
{
	for (; len > 0 && is_blank(s[0]); s++)
		len--;
	while (len > 0 && is_blank(s[len - 1]))
		len--;
	return (wc_str){s, (uint32_t) len};
}

bool
text_next(wc_str *list, wc_str *item)
{
	const char *comma;
	uint32_t len;

	if (list->len == 0)
		return false;
	comma = memchr(list->p, ',', list->len);
	len = comma ? (uint32_t) (comma - list->p) : list->len;
	*item = text_trim(list->p, len);
	len += comma != NULL;
	*list = (wc_str){list->p + len, list->len - len};
	return true;
}

bool
text_list_has(wc_str list, const char *word, bool any_case)
{
	wc_str item;

	while (text_next(&list, &item))
		if (any_case ? text_is(item, word) : wc_str_equals(item, word))
			return true;
	return false;
}

char *
text_copy(wc_str s)
{
	char *end = net_alloc((size_t) s.len + 1);

	text_put(&end, s);
	return end - s.len;
}

wc_str
text_put(char **at, wc_str s)
{
	wc_str copy = {*at, s.len};

	if (s.len > 0)
		memcpy(*at, s.p, s.len);
	*at += s.len;
	return copy;
}

#define REPLACEMENT		   "\xEF\xBF\xBD"
#define REPLACEMENT_LENGTH 3

/* Bytes of the character at s; 0: none, or NUL. */
static uint32_t
length_at(const char *s, size_t left)
{
	return s[0] == '\0' ? 0 : wc_utf8_length((const uint8_t *) s, left < 4 ? (uint32_t) left : 4);
}

void
text_append_number(wc_buf *buf, int64_t n)
{
	char digits[24];
	char *p = digits + sizeof(digits);
	uint64_t left = n < 0 ? -(uint64_t) n : (uint64_t) n;

	do
		*--p = (char) ('0' + left % 10);
	while ((left /= 10) > 0);
	if (n < 0)
		*--p = '-';
	wc_buf_append(buf, p, (size_t) (digits + sizeof(digits) - p));
}

bool
text_is_clean(const char *s, size_t len)
{
	while (len > 0)
	{
		uint32_t n = length_at(s, len);

		if (n == 0)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

/* Could it become a character, if only more bytes came? */
static bool
is_cut_off(const char *s, size_t left)
{
	const uint8_t *b = (const uint8_t *) s;
	size_t wanted = b[0] < 0xC2 || b[0] > 0xF4 ? 0 : b[0] < 0xE0 ? 2 : b[0] < 0xF0 ? 3 : 4;

	if (left >= wanted)
		return false;
	for (size_t i = 1; i < left; i++)
		if ((b[i] & 0xC0) != 0x80)
			return false;
	return true;
}

static size_t
copy_clean(char *out, size_t max, const char *s, size_t len, bool more, bool line)
{
	size_t at = 0;

	while (len > 0)
	{
		uint32_t n = length_at(s, len);
		size_t width = n > 0 ? n : REPLACEMENT_LENGTH;

		if ((n == 0 && more && is_cut_off(s, len)) || at + width > max)
			break;
		memcpy(out + at, n > 0 ? s : REPLACEMENT, width);
		if (line && n == 1 && ((unsigned char) s[0] < 0x20 || s[0] == 0x7F))
			out[at] = ' ';
		at += width;
		s += n > 0 ? n : 1;
		len -= n > 0 ? n : 1;
	}
	return at;
}

size_t
text_clean(char *out, size_t max, const char *s, size_t len, bool more)
{
	return copy_clean(out, max, s, len, more, false);
}

size_t
text_line(char *out, size_t max, const char *s, size_t len)
{
	return copy_clean(out, max, s, len, true, true);
}
