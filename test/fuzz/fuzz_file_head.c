/*
 * fuzz_file_head.c
 *	  What a request for a file says: ranges lie inside, ids are the path's own, and a
 *	  name breaks out of no header and no URL.  The input's lines: a path, a query, a
 *	  name, then a field each.
 */
#include "base/text.h"
#include "files/file_head.h"
#include "files/file_name.h"
#include "fuzz.h"

static void
check_range(const file_range *range, uint64_t size)
{
	uint64_t from;
	uint64_t n;

	if (file_head_range(range, size, &from, &n))
		MUST(from <= size && n <= size - from && (size == 0 || n > 0));
	else
		MUST(range->given);
}

static void
check_name(const char *given, size_t len)
{
	char name[WC_MAX_FILE_NAME + 1];
	char again[WC_MAX_FILE_NAME + 1];
	char header[FILE_NAME_HEADER_SIZE];
	char url[FILE_NAME_URL_SIZE];
	const char *p;

	file_name_clean(given, len, name);
	MUST(name[0] != '\0' && strpbrk(name, "/\\\r\n") == NULL && strcmp(name, "..") != 0 &&
		 text_is_clean(name, strlen(name)));
	file_name_clean(name, strlen(name), again);
	MUST(strcmp(name, again) == 0);
	file_name_disposition(wc_str_from(name), false, header);
	for (p = header; *p != '\0'; p++)
		MUST(*p >= ' ' && *p <= '~');
	p = strstr(header, "; filename*=UTF-8''");
	MUST(p != NULL && strchr(header, '"') + 1 < p && strrchr(header, '"') == p - 1 && strpbrk(p + 19, "\";, ") == NULL);
	file_name_in_url(wc_str_from(name), url);
	MUST(strpbrk(url, "/?#<>\"' \\") == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *all = fuzz_exact(data, size);
	const uint8_t *rest = (const uint8_t *) all;
	file_head head = {.bad = NULL};
	char id[WC_FILE_ID + 1];
	size_t len;
	const char *line = (const char *) fuzz_line(&rest, &size, &len);
	wc_str found;

	if (file_head_id(line, len, "/files/", id))
		MUST(memcmp(line + 7, id, WC_FILE_ID) == 0 && text_is_of(id, strlen(id), TEXT_BASE64URL) &&
			 strlen(id) == WC_FILE_ID);
	line = (const char *) fuzz_line(&rest, &size, &len);
	found = file_head_parameter(line, len, "webChatId");
	MUST(found.p == NULL || (found.p >= line && found.p + found.len <= line + len &&
							 (found.len == 0 || memchr(found.p, '&', found.len) == NULL)));
	line = (const char *) fuzz_line(&rest, &size, &len);
	check_name(line, len);
	while (size > 0)
	{
		const char *field = (const char *) fuzz_line(&rest, &size, &len);
		const char *colon = len > 0 ? memchr(field, ':', len) : NULL;

		if (colon != NULL)
			file_head_field(&head, field, (size_t) (colon - field), colon + 1, len - (size_t) (colon + 1 - field));
	}
	MUST(!head.has_offset || head.bad != NULL || head.offset <= INT64_MAX);
	check_range(&head.range, 0);
	check_range(&head.range, 1);
	check_range(&head.range, 1000000);
	check_range(&head.range, INT64_MAX);
	free(all);
	return 0;
}
