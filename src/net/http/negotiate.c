/*
 * negotiate.c
 */
#include "http/negotiate.h"

#include <string.h>
#include <strings.h>

/* Weights count in thousandths; NOT_NAMED is less than any. */
#define NOT_NAMED (-1)

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The part from *at up to the next comma, without blanks around it. */
static head_value
next_part(head_value list, size_t *at)
{
	const char *p = list.p + *at;
	size_t len = 0;

	while (*at + len < list.len && p[len] != ',')
		len++;
	*at += len + 1;
	while (len > 0 && is_blank(p[0]))
	{
		p++;
		len--;
	}
	while (len > 0 && is_blank(p[len - 1]))
		len--;
	return (head_value){p, len};
}

/* "0", "1", "0.125": in thousandths; what is no weight counts as 0. */
static int
weight_of(const char *p, size_t len)
{
	int weight;
	int unit = 100;
	size_t i;

	if (len < 1 || len > 5 || (p[0] != '0' && p[0] != '1') || (len > 1 && p[1] != '.'))
		return 0;
	weight = (p[0] - '0') * 1000;
	for (i = 2; i < len; i++, unit /= 10)
	{
		if (p[i] < '0' || p[i] > '9')
			return 0;
		weight += (p[i] - '0') * unit;
	}
	return weight <= 1000 ? weight : 0;
}

/* Split "gzip;q=0.5" into its name, which stays in part, and its weight. */
static int
take_weight(head_value *part)
{
	const char *semicolon = part->len ? memchr(part->p, ';', part->len) : NULL;
	const char *end = part->p + part->len;
	const char *p;

	if (semicolon == NULL)
		return 1000;
	part->len = (size_t) (semicolon - part->p);
	while (part->len > 0 && is_blank(part->p[part->len - 1]))
		part->len--;
	for (p = semicolon + 1; p < end && is_blank(*p);)
		p++;
	if (end - p < 2 || (p[0] != 'q' && p[0] != 'Q') || p[1] != '=')
		return 0;
	return weight_of(p + 2, (size_t) (end - p - 2));
}

static bool
is(head_value part, const char *name)
{
	return part.len == strlen(name) && strncasecmp(part.p, name, part.len) == 0;
}

bool
static_files_wants_gzip(head_value accept_encoding)
{
	int gzip = NOT_NAMED;
	int identity = NOT_NAMED;
	int others = NOT_NAMED;
	size_t at = 0;

	while (at < accept_encoding.len)
	{
		head_value part = next_part(accept_encoding, &at);
		int weight = take_weight(&part);

		if (is(part, "gzip") || is(part, "x-gzip"))
			gzip = weight;
		else if (is(part, "identity"))
			identity = weight;
		else if (is(part, "*"))
			others = weight;
	}
	if (gzip == NOT_NAMED)
		gzip = others;
	return gzip > 0 && gzip >= identity;
}

bool
static_files_client_has(head_value none_match, const char *etag)
{
	size_t len = strlen(etag);
	size_t at = 0;

	/* No ETag of ours holds a comma, so one that does is not split wrongly into ours. */
	while (at < none_match.len)
	{
		head_value part = next_part(none_match, &at);

		if (is(part, "*"))
			return true;
		if (part.len > 2 && memcmp(part.p, "W/", 2) == 0)
		{
			part.p += 2;
			part.len -= 2;
		}
		if (part.len == len && memcmp(part.p, etag, len) == 0)
			return true;
	}
	return false;
}
