/*
 * fuzz.h
 *	  What the fuzz targets share: the entry point that libFuzzer calls, a check
 *	  that ends the program, which libFuzzer reports with the input, and ways to
 *	  take an input apart.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_text.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                                                \
	do                                                                                                                 \
	{                                                                                                                  \
		if (!(condition))                                                                                              \
		{                                                                                                              \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition);                                 \
			abort();                                                                                                   \
		}                                                                                                              \
	} while (0)

/* Memory of its own for len bytes and a NUL behind them; free() it. */
static inline char *
fuzz_copy(const void *data, size_t len)
{
	char *copy = malloc(len + 1);

	MUST(copy != NULL);
	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

/* The same without the NUL, so that a read beyond it is seen; free() it. */
static inline char *
fuzz_exact(const void *data, size_t len)
{
	char *copy = malloc(len ? len : 1);

	MUST(copy != NULL);
	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

/* The input's next line without its end, and the rest. */
static inline const uint8_t *
fuzz_line(const uint8_t **data, size_t *size, size_t *len)
{
	const uint8_t *line = *data;
	const uint8_t *end = *size ? memchr(line, '\n', *size) : NULL;
	size_t used;

	*len = end ? (size_t) (end - line) : *size;
	used = *len + (end ? 1 : 0);
	*data += used;
	*size -= used;
	return line;
}

/* What everybody makes of a stranger's JSON before they parse it; free() it. */
static inline char *
fuzz_mended(const char *text, size_t *len)
{
	size_t mended_len;
	char *mended;

	(void) wc_json_is_sound(text, *len, &mended_len);
	mended = malloc(mended_len ? mended_len : 1);
	MUST(mended != NULL && wc_json_mend(text, *len, mended) == mended_len);
	*len = mended_len;
	return mended;
}

/* A sentence for a person: not empty, it ends, and has no control character. */
static inline void
fuzz_sentence(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	MUST(len > 0 && len < size);
	for (size_t i = 0; i < len; i++)
		MUST((uint8_t) text[i] >= 0x20 && text[i] != 0x7F);
}

#endif /* FUZZ_H */
