/*
 * link_server_frame.c
 *	  A subscriber's frames: see link_server_frame.h.
 */
#include "link_server_frame.h"

#include <jansson.h>
#include <string.h>

#include "../common/event.h"

bool
link_ack_parse(const char *text, size_t len, uint64_t *seq)
{
	json_t	   *root = wc_json_shallow(text, len) ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const char *type = json_string_value(json_object_get(root, "type"));
	const json_t *number = json_object_get(root, "seq");
	bool		good = type != NULL && strcmp(type, "ack") == 0 && json_is_integer(number) &&
		json_integer_value(number) >= 0;

	*seq = good ? (uint64_t) json_integer_value(number) : 0;
	json_decref(root);
	return good;
}
