/*
 * fuzz_json_text.c
 *	  Any bytes, mended: UTF-8 without a NUL comes out, of the length that was
 *	  foretold, in which nothing is left to mend; what jansson takes it takes as
 *	  well, and the same of it; what it refuses it refuses for none of what was to
 *	  be mended; and a member's value is within its text.
 */
#include <jansson.h>
#include <string.h>

#include "common/utf8.h"
#include "fuzz.h"
#include "common/json_text.h"

static void
check_text(const char *text, size_t len)
{
	while (len > 0)
	{
		uint32_t n = wc_utf8_length((const uint8_t *) text, len < 4 ? (uint32_t) len : 4);

		MUST(n > 0 && *text != '\0');
		text += n;
		len -= n;
	}
}

static void
check_members(const char *text, size_t len, json_t *root)
{
	const char *key;
	json_t *value;

	json_object_foreach(root, key, value)
	{
		wc_str found;
		json_t *again;

		/* a name that is written with escapes is not found, or another that looks as it is */
		if (!wc_json_member(text, len, key, &found) || strpbrk(key, "\\\"") != NULL)
			continue;
		MUST(found.p >= text && found.p + found.len <= text + len);
		again = json_loadb(found.p, found.len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
		MUST(again != NULL);
		if (json_is_number(value) && json_is_number(again))
			MUST(json_number_value(value) == json_number_value(again) || memchr(text, '\\', len) != NULL);
		json_decref(again);
	}
}

/* Text that cannot be stored is no reason any more to refuse what has been mended. */
static void
check_refusal(const json_error_t *error)
{
	enum json_error_code code = json_error_code(error);

	MUST(code != json_error_null_character && code != json_error_null_byte_in_key);
	MUST(code != json_error_invalid_utf8 && code != json_error_numeric_overflow);
	MUST(strncmp(error->text, "invalid Unicode", 15) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *raw = (const char *) data;
	size_t len;
	size_t again;
	bool sound = wc_json_is_sound(raw, size, &len);
	char *text;
	json_error_t error;
	json_t *before;
	json_t *after;

	MUST(len <= 6 * size);
	text = malloc(len > 0 ? len : 1);
	MUST(wc_json_mend(raw, size, text) == len);
	MUST(!sound || (len == size && (size == 0 || memcmp(raw, text, len) == 0)));
	check_text(text, len);
	MUST(wc_json_is_sound(text, len, &again) && again == len);

	before = json_loadb(raw, size, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
	after = json_loadb(text, len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
	if (after == NULL)
		check_refusal(&error);
	MUST(before == NULL || after != NULL);
	if (sound)
		MUST((before == NULL) == (after == NULL));
	if (json_is_object(after))
		check_members(text, len, after);
	json_decref(before);
	json_decref(after);
	free(text);
	return 0;
}
