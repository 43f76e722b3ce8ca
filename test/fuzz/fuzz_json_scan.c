/*
 * fuzz_json_scan.c
 *	  What the scan takes of an object needs no mending, and jansson takes it with
 *	  the same members, each with the same value.
 */
#include <jansson.h>
#include <string.h>

#include "base/json_scan.h"
#include "common/event_rules.h"
#include "common/json_text.h"
#include "fuzz.h"

#define MOST 8

static void
check_member(const json_t *root, const json_scan_member *m)
{
	json_t *value = json_loadb(m->value.p, m->value.len, JSON_DECODE_ANY, NULL);
	char *name = strndup(m->name.p, m->name.len);
	const json_t *there = json_object_get(root, name);
	wc_str string;

	MUST(there != NULL && value != NULL && json_equal(there, value));
	MUST(!m->escaped || json_is_string(value));
	if (json_scan_string(m, &string))
		MUST(json_string_length(value) == string.len && memcmp(json_string_value(value), string.p, string.len) == 0);
	else
		MUST(!json_is_string(value) || m->escaped);
	json_decref(value);
	free(name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_scan_member members[MOST];
	char *text = fuzz_exact(data, size);
	int n = json_scan_object(text, size, members, MOST);
	json_t *root;
	size_t len;

	if (n >= 0)
	{
		root = json_loadb(text, size, 0, NULL);
		MUST(json_is_object(root) && json_object_size(root) == (size_t) n);
		MUST(wc_json_is_sound(text, size, &len) && wc_json_shallow(text, size));
		for (int i = 0; i < n; i++)
			check_member(root, &members[i]);
		json_decref(root);
	}
	free(text);
	return 0;
}
