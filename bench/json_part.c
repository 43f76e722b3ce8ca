/*
 * json_part.c
 *	  See json_part.h.
 */
#include "json_part.h"

#include <stdlib.h>
#include <string.h>

static const char *
skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

static const char *
skip_value(const char *p, const char *end)
{
	int depth = 0;

	while (p < end)
	{
		if (*p == '"')
		{
			p = skip_string(p, end);
			if (depth == 0)
				return p;
			continue;
		}
		if (depth == 0 && (*p == ',' || *p == '}' || *p == ']'))
			return p;
		if (*p == '{' || *p == '[')
			depth++;
		else if ((*p == '}' || *p == ']') && --depth == 0)
			return p + 1;
		p++;
	}
	return end;
}

static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Past the mark that is next: a colon, a comma, a brace. */
static const char *
skip_mark(const char *p, const char *end)
{
	p = skip_blanks(p, end);
	return p < end ? p + 1 : end;
}

json_part
json_member(json_part object, const char *name)
{
	const char *end = object.at + object.len;
	const char *p = skip_mark(object.at, end);

	while ((p = skip_blanks(p, end)) < end && *p == '"')
	{
		json_part key = {p + 1, 0};
		json_part value;

		p = skip_string(p, end);
		key.len = p > key.at ? (size_t) (p - key.at) - 1 : 0;
		p = skip_blanks(skip_mark(p, end), end);
		value.at = p;
		p = skip_value(p, end);
		value.len = (size_t) (p - value.at);
		if (key.len == strlen(name) && memcmp(key.at, name, key.len) == 0)
		{
			if (value.len >= 2 && *value.at == '"')
				value = (json_part){value.at + 1, value.len - 2};
			return value;
		}
		p = skip_mark(p, end);
	}
	return (json_part){NULL, 0};
}

bool
json_is(json_part p, const char *text)
{
	return p.len == strlen(text) && memcmp(p.at, text, p.len) == 0;
}

uint64_t
json_number(json_part p, int base)
{
	char digits[32] = "";

	if (p.len < sizeof(digits))
		memcpy(digits, p.at, p.len);
	return strtoull(digits, NULL, base);
}

bool
json_copy(char *to, size_t size, json_part p)
{
	if (p.len == 0 || p.len >= size)
		return false;
	memcpy(to, p.at, p.len);
	to[p.len] = '\0';
	return true;
}
