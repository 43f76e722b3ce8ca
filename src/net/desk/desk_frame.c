/*
 * desk_frame.c
 */
#include "desk/desk_frame.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/json_load.h"
#include "base/text.h"
#include "common/json_text.h"

/* "channel" and "visitor" of an object; false: they name no conversation. */
static bool
read_conversation(const json_t *root, desk_conversation *which)
{
	const json_t *channel = json_object_get(root, "channel");
	const json_t *visitor = json_object_get(root, "visitor");
	size_t len = json_string_length(visitor);

	if (!json_is_string(channel) || !json_is_string(visitor) || len == 0 || len > DESK_MAX_VISITOR ||
		!wc_uuid_parse(json_string_value(channel), json_string_length(channel), which->channel))
		return false;
	which->visitor_len = (uint16_t) len;
	memcpy(which->visitor, json_string_value(visitor), len);
	return true;
}

static desk_frame_type
type_of(const json_t *root, desk_conversation *which)
{
	const char *type = json_string_value(json_object_get(root, "type"));

	if (type == NULL)
		return DESK_FRAME_BROKEN;
	if (strcmp(type, "open") == 0)
		return read_conversation(root, which) ? DESK_FRAME_OPEN : DESK_FRAME_BROKEN;
	if (strcmp(type, "close") == 0)
		return DESK_FRAME_CLOSE;
	return strcmp(type, "typing") == 0 ? DESK_FRAME_TYPING : DESK_FRAME_OTHER;
}

desk_frame_type
desk_frame_parse(const char *text, size_t len, desk_conversation *which)
{
	char why[WC_REASON_SIZE];
	desk_frame_type type;
	json_mended whole;
	json_t *root;

	json_load_mend(&whole, text, len);
	root = json_load_body(whole.p, whole.len, why);
	type = type_of(root, which);
	json_decref(root);
	json_load_free(&whole);
	return type;
}

bool
desk_frame_arguments(const char *text, size_t len, desk_conversation *which, bool *named, char why[WC_REASON_SIZE])
{
	json_t *root = json_load_body(text, len, why);
	bool good = json_is_object(root);

	if (root != NULL && !good)
		snprintf(why, WC_REASON_SIZE, "The body must be a JSON object.");
	*named = good && read_conversation(root, which);
	json_decref(root);
	return good;
}

/* A JSON string of any text. */
static void
put_text(wc_buf *buf, const char *text, size_t len)
{
	json_t *string = json_stringn(text, len);
	char *json = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

	text_append(buf, json != NULL ? json : "\"\"");
	free(json);
	json_decref(string);
}

void
desk_frame_write(wc_buf *buf, const char *type, const desk_conversation *which)
{
	char channel[37];

	text_append(buf, "{\"type\":\"");
	text_append(buf, type);
	text_append(buf, "\"");
	if (which != NULL)
	{
		wc_uuid_print(which->channel, channel);
		text_append(buf, ",\"channel\":\"");
		text_append(buf, channel);
		text_append(buf, "\",\"visitor\":");
		put_text(buf, which->visitor, which->visitor_len);
	}
	text_append(buf, "}");
}

bool
desk_frame_same(const desk_conversation *a, const desk_conversation *b)
{
	return a->visitor_len == b->visitor_len && memcmp(a->channel, b->channel, 16) == 0 &&
		   memcmp(a->visitor, b->visitor, a->visitor_len) == 0;
}

uint64_t
desk_frame_tag(const desk_conversation *which)
{
	char key[16 + DESK_MAX_VISITOR];

	memcpy(key, which->channel, 16);
	memcpy(key + 16, which->visitor, which->visitor_len);
	return hash_secret(key, 16u + which->visitor_len);
}
