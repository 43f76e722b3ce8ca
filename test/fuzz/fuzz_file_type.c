/*
 * fuzz_file_type.c
 *	  A file's first bytes: its type is one of the list, the same whatever lies behind
 *	  what is looked at, and nothing that a browser would run is shown.
 */
#include "common/file_type.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_exact(data, size);
	const char *type = wc_file_type(bytes, size, true);
	const char *begun = wc_file_type(bytes, size, false);
	wc_str list = {bytes, (uint32_t) size};

	MUST(wc_file_type_known(wc_str_from(type)) == type);
	MUST(wc_file_type_known(wc_str_from(begun)) == begun);
	MUST(strstr(type, "html") == NULL && strstr(type, "svg") == NULL && strstr(type, "xml;") == NULL);
	MUST(strncmp(type, "text/", 5) != 0 || !wc_file_type_is_shown(wc_str_from(type)));
	/* more may only make text of what looked like none: a letter that was cut off */
	MUST(type == begun || (strcmp(begun, "text/plain") == 0 && strcmp(type, "application/octet-stream") == 0));
	if (wc_file_type_is_list(list) && wc_file_type_is_listed(list, wc_str_from("image/png")))
		MUST(memchr(bytes, '*', size) != NULL || memmem(bytes, size, "image/png", 9) != NULL);
	free(bytes);
	return 0;
}
