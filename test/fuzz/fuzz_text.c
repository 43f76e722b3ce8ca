/*
 * fuzz_text.c
 *	  Strangers' text on its way into SQL: what comes out is clean and fits, what
 *	  was clean is not touched, and it is for jansson what it is for us.
 */
#include <jansson.h>

#include "base/text.h"
#include "fuzz.h"

/* The input: a byte that says how much room there is, and the text. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;
	char *out;
	char *again;
	size_t max;
	size_t n;
	bool clean;
	json_t *string;

	if (size < 1)
		return 0;
	max = data[0] & 1 ? 3 * size : data[0] / 2u;
	text = fuzz_exact(data + 1, --size);
	out = malloc(max ? max : 1);
	again = malloc(max ? max : 1);
	clean = text_is_clean(text, size);
	string = json_stringn(text, size);
	MUST(clean == (string != NULL && (size == 0 || memchr(text, '\0', size) == NULL)));
	json_decref(string);

	n = text_clean(out, max, text, size, false);
	MUST(n <= max && text_is_clean(out, n));
	MUST(!clean || max < size || (n == size && (n == 0 || memcmp(out, text, n) == 0)));
	/* it breaks off only for want of room for one more character */
	MUST(max < 3 * size || n >= size);
	MUST(text_clean(again, max, out, n, false) == n && (n == 0 || memcmp(out, again, n) == 0));

	n = text_clean(out, max, text, size, true);
	MUST(n <= max && text_is_clean(out, n));
	n = text_line(out, max, text, size);
	MUST(n <= max && text_is_clean(out, n));
	for (size_t i = 0; i < n; i++)
		MUST((uint8_t) out[i] >= 0x20 && out[i] != 0x7F);
	free(again);
	free(out);
	free(text);
	return 0;
}
