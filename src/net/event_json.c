/*
 * event_json.c
 *	  An event's body taken apart with jansson: see event_json.h.
 */
#include "event_json.h"

#include <stdio.h>
#include <string.h>

/* One top-level field, as the common rules want it. */
static wc_json_field
field(const json_t *root, const char *name)
{
	const json_t *v = json_object_get(root, name);
	wc_json_field f = {WC_JSON_ABSENT, {"", 0}, 0};

	if (v == NULL || json_is_null(v))
		return f;
	if (json_is_string(v))
	{
		f.type = WC_JSON_STRING;
		f.string.p = json_string_value(v);
		f.string.len = (uint32_t) json_string_length(v);
	}
	else if (json_is_number(v))
	{
		f.type = WC_JSON_NUMBER;
		f.number = json_number_value(v);
	}
	else
		f.type = json_is_object(v) ? WC_JSON_OBJECT : WC_JSON_OTHER;
	return f;
}

static bool
check(json_t *root, const uint8_t expected[16], wc_event *event, event_json *keep,
	  char reason[WC_REASON_SIZE])
{
	wc_event_fields fields;

	fields.event_type = field(root, "eventType");
	fields.channel_id = field(root, "channelId");
	fields.message_id = field(root, "messageId");
	fields.from = field(root, "from");
	fields.timestamp = field(root, "timestamp");
	fields.channel = field(root, "channel");
	fields.content = field(root, "content");
	fields.status = field(root, "status");
	fields.error_code = field(root, "errorCode");
	fields.error_message = field(root, "errorMessage");
	return wc_event_check(&fields, expected, event, keep->scratch, reason);
}

bool
event_json_parse(const char *body, size_t len, const uint8_t expected[16],
				 wc_event *event, event_json *keep, char reason[WC_REASON_SIZE])
{
	json_error_t error;
	json_t	   *root;

	memset(event, 0, sizeof(*event));
	if (len > UINT32_MAX || !wc_json_shallow(body, len))
	{
		snprintf(reason, WC_REASON_SIZE, "The body nests deeper than %d levels.",
				 WC_MAX_EVENT_DEPTH);
		return false;
	}

	/* Integers as doubles: one over 64 bits is no reason to refuse an event. */
	root = json_loadb(body, len, JSON_DECODE_INT_AS_REAL, &error);
	if (root == NULL)
	{
		/* error.text quotes the body, which belongs into no log: say where only. */
		snprintf(reason, WC_REASON_SIZE,
				 "The body is not valid JSON in UTF-8 (at byte %d, line %d).",
				 error.position, error.line);
		return false;
	}
	if (!json_is_object(root))
	{
		snprintf(reason, WC_REASON_SIZE, "The body must be a JSON object.");
		json_decref(root);
		return false;
	}
	if (!check(root, expected, event, keep, reason))
	{
		json_decref(root);
		return false;
	}
	event->body.p = body;
	event->body.len = (uint32_t) len;
	keep->root = root;
	return true;
}

void
event_json_free(event_json *keep)
{
	json_decref(keep->root);
	keep->root = NULL;
}
