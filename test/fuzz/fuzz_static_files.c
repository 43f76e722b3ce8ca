/*
 * fuzz_static_files.c
 *	  Accept-Encoding and If-None-Match: nothing is taken from what does not name
 *	  it, and whatever came before, what is said last counts.
 */
#include "http/static_files.h"
#include "fuzz.h"

const asset assets[] = {{NULL, NULL, NULL, 0, NULL, NULL, 0, NULL}};

#define ETAG "\"5d41402a\""

static bool
names(const char *list, const char *what)
{
	return strcasestr(list, what) != NULL || strchr(list, '*') != NULL;
}

static wc_str
with_end(char **memory, const char *list, size_t len, const char *end)
{
	size_t more = strlen(end);

	*memory = malloc(len + more);
	memcpy(*memory, list, len);
	memcpy(*memory + len, end, more);
	return (wc_str){*memory, len + more};
}

static bool
gzip_with(const char *list, size_t len, const char *end)
{
	char *memory;
	bool will_do = static_files_wants_gzip(with_end(&memory, list, len, end));

	free(memory);
	return will_do;
}

static bool
has_with(const char *list, size_t len, const char *end)
{
	char *memory;
	bool has = static_files_client_has(with_end(&memory, list, len, end), ETAG);

	free(memory);
	return has;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	char *list = fuzz_exact(data, size);

	/* a head's value holds no NUL */
	if (strlen(text) == size)
	{
		MUST(!static_files_wants_gzip((wc_str){list, size}) || names(text, "gzip"));
		MUST(!static_files_client_has((wc_str){list, size}, ETAG) || names(text, ETAG));
		MUST(!gzip_with(list, size, ",gzip;q=0"));
		MUST(!gzip_with(list, size, " , gzip; q=0.4, identity ; q=0.500"));
		MUST(gzip_with(list, size, ",GZip , identity;q=0.5"));
		MUST(has_with(list, size, ", " ETAG));
		MUST(has_with(list, size, ",W/" ETAG " "));
		MUST(has_with(list, size, ",*"));
	}
	free(list);
	free(text);
	return 0;
}
