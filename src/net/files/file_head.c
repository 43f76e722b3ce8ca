/*
 * file_head.c
 */
#include "files/file_head.h"

#include "base/text.h"

#define BEARER "Bearer "
#define BYTES  "bytes="

static void
single(file_head *head, wc_str *into, wc_str value, const char *twice)
{
	if (into->p != NULL)
		head->bad = twice;
	*into = value;
}

/* "bytes=5-9", "bytes=5-", "bytes=-5".  Several ranges, and what is none, are passed over (RFC 9110 §14.2). */
static void
range_field(file_range *range, wc_str value)
{
	size_t unit = sizeof(BYTES) - 1;
	const char *dash;
	wc_str first;
	wc_str last;
	file_range r = {.given = true, .last = UINT64_MAX};

	if (range->given || value.len <= unit || strncasecmp(value.p, BYTES, unit) != 0)
	{
		*range = (file_range){.given = false};
		return;
	}
	value = text_trim(value.p + unit, value.len - unit);
	dash = value.len > 0 ? memchr(value.p, '-', value.len) : NULL;
	if (dash == NULL)
		return;
	first = (wc_str){value.p, (uint32_t) (dash - value.p)};
	last = (wc_str){dash + 1, value.len - first.len - 1};
	r.suffix = first.len == 0;
	if (r.suffix ? !text_number(last.p, last.len, INT64_MAX, &r.first)
				 : !text_number(first.p, first.len, INT64_MAX, &r.first) ||
					   (last.len > 0 && !text_number(last.p, last.len, INT64_MAX, &r.last)))
		return;
	if (!r.suffix && r.last < r.first)
		return;
	*range = r;
}

void
file_head_field(file_head *head, const char *name, size_t name_len, const char *value, size_t value_len)
{
	wc_str field = {name, (uint32_t) name_len};
	wc_str given = text_trim(value, value_len);

	if (text_is(field, "Origin"))
		single(head, &head->origin, given, "The request has more than one Origin; send one.");
	else if (text_is(field, "X-Webchatt-Token"))
		single(head, &head->token, given, "The request has more than one X-Webchatt-Token; send one.");
	else if (text_is(field, "Authorization"))
	{
		size_t scheme = sizeof(BEARER) - 1;

		if (head->key.p != NULL || given.len < scheme || strncasecmp(given.p, BEARER, scheme) != 0)
			head->bad = "Authorization must be Bearer and an API key.";
		else
			head->key = text_trim(given.p + scheme, given.len - scheme);
	}
	else if (text_is(field, "If-Range"))
		head->if_range = given;
	else if (text_is(field, "Range"))
		range_field(&head->range, given);
	else if (text_is(field, "Upload-Offset"))
	{
		if (head->has_offset || !text_number(given.p, given.len, INT64_MAX, &head->offset))
			head->bad = "Upload-Offset must be one number.";
		head->has_offset = true;
	}
}

wc_str
file_head_parameter(const char *query, size_t len, const char *name)
{
	wc_str found = {NULL, 0};
	size_t n = strlen(name);
	size_t at = 0;

	while (at < len)
	{
		const char *amp = memchr(query + at, '&', len - at);
		size_t end = amp != NULL ? (size_t) (amp - query) : len;

		if (end - at > n && memcmp(query + at, name, n) == 0 && query[at + n] == '=')
		{
			if (found.p != NULL)
				return (wc_str){NULL, 0};
			found = (wc_str){query + at + n + 1, (uint32_t) (end - at - n - 1)};
		}
		at = end + 1;
	}
	return found;
}

bool
file_head_id(const char *path, size_t len, const char *prefix, char id[WC_FILE_ID + 1])
{
	size_t n = strlen(prefix);

	if (len < n + WC_FILE_ID || memcmp(path, prefix, n) != 0 || !text_is_of(path + n, WC_FILE_ID, TEXT_BASE64URL) ||
		(len > n + WC_FILE_ID && path[n + WC_FILE_ID] != '/'))
		return false;
	memcpy(id, path + n, WC_FILE_ID);
	id[WC_FILE_ID] = '\0';
	return true;
}

bool
file_head_range(const file_range *range, uint64_t size, uint64_t *from, uint64_t *n)
{
	*from = 0;
	*n = size;
	if (!range->given)
		return true;
	if (range->suffix)
	{
		if (range->first == 0 || size == 0)
			return false;
		*n = range->first < size ? range->first : size;
		*from = size - *n;
		return true;
	}
	if (range->first >= size)
		return false;
	*from = range->first;
	*n = (range->last < size - 1 ? range->last : size - 1) - range->first + 1;
	return true;
}
