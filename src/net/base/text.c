/*
 * text.c
 */
#include "base/text.h"

#include <string.h>

#include "common/event_rules.h"

#define REPLACEMENT		   "\xEF\xBF\xBD"
#define REPLACEMENT_LENGTH 3

/* Bytes of the character at s; 0: none, or NUL. */
static uint32_t
length_at(const char *s, size_t left)
{
	return s[0] == '\0' ? 0 : wc_utf8_length((const uint8_t *) s, left < 4 ? (uint32_t) left : 4);
}

bool
utf8_is_clean(const char *s, size_t len)
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
utf8_clean(char *out, size_t max, const char *s, size_t len, bool more)
{
	return copy_clean(out, max, s, len, more, false);
}

size_t
utf8_line(char *out, size_t max, const char *s, size_t len)
{
	return copy_clean(out, max, s, len, true, true);
}
