/*
 * reply_rules.c
 */
#include "common/reply_rules.h"

/* The bytes of a blank at s, 0 when there is none: ASCII's and Unicode's. */
static size_t
blank_at(const unsigned char *s, size_t len)
{
	if (s[0] <= 0x20 || s[0] == 0x7f)
		return 1;
	if (len >= 2 && s[0] == 0xc2 && (s[1] == 0xa0 || s[1] == 0x85 || s[1] == 0xad))
		return 2; /* no-break space, next line, soft hyphen */
	if (len < 3)
		return 0;
	if (s[0] == 0xe2 && s[1] == 0x80 && (s[2] <= 0x8f || s[2] == 0xa8 || s[2] == 0xa9 || s[2] == 0xaf))
		return 3; /* U+2000 to U+200F, line and paragraph separators */
	if ((s[0] == 0xe2 && s[1] == 0x81 && (s[2] == 0x9f || s[2] == 0xa0)) ||
		(s[0] == 0xe3 && s[1] == 0x80 && s[2] == 0x80) || (s[0] == 0xe1 && s[1] == 0x9a && s[2] == 0x80) ||
		(s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf))
		return 3; /* the others, and the byte order mark */
	return 0;
}

bool
wc_text_is_blank(const char *text, size_t len)
{
	size_t at = 0;
	size_t n;

	while (at < len && (n = blank_at((const unsigned char *) text + at, len - at)) > 0)
		at += n;
	return at == len;
}
