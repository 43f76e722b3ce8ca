/*
 * fuzz_origin.c
 *	  Origins: what is normalised once is its own normal form, and is made of
 *	  the few characters that an origin has.
 */
#include <string.h>

#include "fuzz.h"
#include "common/origin.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[WC_ORIGIN_SIZE];
	char again[WC_ORIGIN_SIZE];
	const char *reason = NULL;
	char *copy = malloc(size ? size : 1);

	/* memory of its own, so that a read beyond it is seen */
	if (size > 0)
		memcpy(copy, data, size);
	memset(out, 'x', sizeof(out));
	if (wc_origin_normalize(copy, size, out, &reason))
	{
		size_t len = strnlen(out, sizeof(out));

		MUST(len < sizeof(out) && len > 7);
		MUST(strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789-_.:/[]") == len);
		MUST(wc_origin_normalize(out, len, again, &reason));
		MUST(strcmp(out, again) == 0);
	}
	else
		MUST(reason != NULL && strlen(reason) > 10);
	free(copy);
	return 0;
}
