/*
 * json_load.c
 */
#include "base/json_load.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "common/json_text.h"

void
json_load_mend(json_mended *m, const char *text, size_t len)
{
	size_t mended_len;

	*m = (json_mended){text, len, NULL};
	if (len == 0 || wc_json_is_sound(text, len, &mended_len))
		return;
	m->memory = net_alloc(mended_len > 0 ? mended_len : 1);
	m->len = wc_json_mend(text, len, m->memory);
	m->p = m->memory;
}

void
json_load_free(json_mended *m)
{
	free(m->memory);
	m->memory = NULL;
}

json_t *
json_load_text(const char *text, size_t len, size_t flags)
{
	json_mended m;
	json_t *root;

	json_load_mend(&m, text, len);
	root = json_loadb(m.p, m.len, flags | JSON_DECODE_INT_AS_REAL, NULL);
	json_load_free(&m);
	return root;
}

json_t *
json_load_body(const char *text, size_t len, char reason[WC_REASON_SIZE])
{
	json_error_t error;
	json_t *root;

	if (len > UINT32_MAX || !wc_json_shallow(text, len))
	{
		snprintf(reason, WC_REASON_SIZE, "The body nests deeper than %d levels.", WC_MAX_EVENT_DEPTH);
		return NULL;
	}
	root = json_loadb(text, len, JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		snprintf(reason, WC_REASON_SIZE,
				 json_error_code(&error) == json_error_duplicate_key
					 ? "An object in the body has two members of one name (at byte %d, line %d)."
					 : "The body is not valid JSON in UTF-8 (at byte %d, line %d).",
				 error.position, error.line);
	return root;
}
