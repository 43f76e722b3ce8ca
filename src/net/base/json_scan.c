/*
 * json_scan.c
 *	  A parser by descent that keeps nothing: each function takes what begins at p
 *	  and returns what is behind it, or NULL, which gives everything up.
 */
#include "base/json_scan.h"

#include <string.h>

#include "common/hex.h"
#include "common/json_text.h"
#include "common/utf8.h"

/* What is nested deeper, or has numbers of more digits, is left to jansson. */
#define MAX_DEPTH  8
#define MAX_DIGITS 15

static const char *scan_value(const char *p, const char *end, int depth);

static const char *
scan_blanks(const char *p, const char *end)
{
	while (p < end && wc_json_is_blank(*p))
		p++;
	return p;
}

/* Behind one character; NULL: it is another one, or there is none. */
static const char *
scan_char(const char *p, const char *end, char c)
{
	return p < end && *p == c ? p + 1 : NULL;
}

/* From behind the backslash on; no surrogates, and no NUL. */
static const char *
scan_escape(const char *p, const char *end)
{
	int unit = 0;

	if (p == end || *p == '\0' || strchr("\"\\/bfnrtu", *p) == NULL)
		return NULL;
	if (*p != 'u')
		return p + 1;
	if (end - p < 5)
		return NULL;
	for (int i = 1; i <= 4; i++)
	{
		if (wc_hex_value(p[i]) < 0)
			return NULL;
		unit = unit << 4 | wc_hex_value(p[i]);
	}
	return unit == 0 || (unit >= 0xD800 && unit <= 0xDFFF) ? NULL : p + 5;
}

/* From its first quote on. */
static const char *
scan_string(const char *p, const char *end, bool *escaped)
{
	uint32_t n;

	*escaped = false;
	for (p++; p != NULL && p < end;)
	{
		unsigned char c = (unsigned char) *p;

		if (c == '"')
			return p + 1;
		if (c < 0x20)
			return NULL;
		if (c == '\\')
		{
			*escaped = true;
			p = scan_escape(p + 1, end);
		}
		else if (c < 0x80)
			p++;
		else
		{
			n = wc_utf8_length((const uint8_t *) p, end - p < 4 ? (uint32_t) (end - p) : 4);
			p = n > 0 ? p + n : NULL;
		}
	}
	return NULL;
}

/* One digit or more. */
static const char *
scan_digits(const char *p, const char *end)
{
	const char *begin = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p == begin || p - begin > MAX_DIGITS ? NULL : p;
}

/* Without an exponent. */
static const char *
scan_number(const char *p, const char *end)
{
	const char *begin = *p == '-' ? p + 1 : p;

	p = scan_digits(begin, end);
	if (p != NULL && p - begin > 1 && *begin == '0')
		return NULL;
	if (p != NULL && p < end && *p == '.')
		p = scan_digits(p + 1, end);
	return p != NULL && p < end && (*p == 'e' || *p == 'E') ? NULL : p;
}

/* A member: its name, the colon, its value. */
static const char *
scan_member(const char *p, const char *end, int depth, json_scan_member *member)
{
	const char *begin = p;
	bool escaped;

	p = p < end && *p == '"' ? scan_string(p, end, &escaped) : NULL;
	if (p == NULL || escaped)
		return NULL;
	member->name = (wc_str){begin + 1, (uint32_t) (p - begin - 2)};
	p = scan_char(scan_blanks(p, end), end, ':');
	if (p == NULL)
		return NULL;
	begin = p = scan_blanks(p, end);
	member->escaped = false;
	p = p < end && *p == '"' ? scan_string(p, end, &member->escaped) : scan_value(p, end, depth);
	if (p != NULL)
		member->value = (wc_str){begin, (uint32_t) (p - begin)};
	return p;
}

/* A list of values, or with close '}' of members, from behind its bracket on. */
static const char *
scan_list(const char *p, const char *end, int depth, char close)
{
	json_scan_member unused;

	p = scan_blanks(p, end);
	if (p < end && *p == close)
		return p + 1;
	for (;;)
	{
		p = close == '}' ? scan_member(p, end, depth, &unused) : scan_value(p, end, depth);
		if (p == NULL)
			return NULL;
		p = scan_blanks(p, end);
		if (p == end || (*p != ',' && *p != close))
			return NULL;
		if (*p++ == close)
			return p;
		p = scan_blanks(p, end);
	}
}

static const char *
scan_word(const char *p, const char *end, const char *word)
{
	size_t len = strlen(word);

	return (size_t) (end - p) >= len && memcmp(p, word, len) == 0 ? p + len : NULL;
}

static const char *
scan_value(const char *p, const char *end, int depth)
{
	bool escaped;

	if (p == end || depth == MAX_DEPTH)
		return NULL;
	switch (*p)
	{
		case '"':
			return scan_string(p, end, &escaped);
		case '{':
			return scan_list(p + 1, end, depth + 1, '}');
		case '[':
			return scan_list(p + 1, end, depth + 1, ']');
		case 't':
			return scan_word(p, end, "true");
		case 'f':
			return scan_word(p, end, "false");
		case 'n':
			return scan_word(p, end, "null");
		default:
			return *p == '-' || (*p >= '0' && *p <= '9') ? scan_number(p, end) : NULL;
	}
}

/* Is there one of that name among the first n? */
static bool
is_known(const json_scan_member *members, int n, wc_str name)
{
	for (int i = 0; i < n; i++)
	{
		if (members[i].name.len == name.len && memcmp(members[i].name.p, name.p, name.len) == 0)
			return true;
	}
	return false;
}

int
json_scan_object(const char *text, size_t len, json_scan_member *members, int most)
{
	const char *end = text + len;
	const char *p = len <= UINT32_MAX ? scan_char(scan_blanks(text, end), end, '{') : NULL;
	int n = 0;
	char next = ',';

	while (p != NULL && next == ',' && n < most)
	{
		p = scan_member(scan_blanks(p, end), end, 1, &members[n]);
		if (p == NULL || is_known(members, n, members[n].name))
			return -1;
		n++;
		p = scan_blanks(p, end);
		next = p < end ? *p++ : '\0';
	}
	return p != NULL && next == '}' && scan_blanks(p, end) == end ? n : -1;
}

bool
json_scan_string(const json_scan_member *member, wc_str *string)
{
	if (member->escaped || member->value.p[0] != '"')
		return false;
	*string = (wc_str){member->value.p + 1, member->value.len - 2};
	return true;
}
