/*
 * link_server_frame.c
 */
#include "feed/link_server_frame.h"

#include <jansson.h>
#include <string.h>

#include "common/event_rules.h"
#include "common/json_text.h"
#include "base/json_load.h"
#include "base/text.h"

bool
link_server_frame_parse(const char *text, size_t len, uint64_t *seq)
{
	json_mended whole;
	json_t *root = NULL;
	const char *type;
	wc_str number = {"", 0};
	bool good;

	json_load_mend(&whole, text, len);
	/* integers as doubles: one over 64 bits in a field that nobody reads is no fault */
	if (wc_json_shallow(whole.p, whole.len))
		root = json_loadb(whole.p, whole.len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
	type = json_string_value(json_object_get(root, "type"));
	good = type != NULL && strcmp(type, "ack") == 0 && wc_json_member(whole.p, whole.len, "seq", &number) &&
		   text_number(number.p, number.len, INT64_MAX, seq);
	if (!good)
		*seq = 0;
	json_decref(root);
	json_load_free(&whole);
	return good;
}
