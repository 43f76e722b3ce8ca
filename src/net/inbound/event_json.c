/*
 * event_json.c
 */
#include "inbound/event_json.h"

#include <stdio.h>
#include <string.h>

#include "common/json_text.h"

/* One top-level field, as the common rules want it. */
static wc_json_field
field(const event_json *keep, const char *name)
{
	const json_t *v = json_object_get(keep->root, name);
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
		(void) wc_json_member(keep->text.p, keep->text.len, name, &f.string);
	}
	else
		f.type = json_is_object(v) ? WC_JSON_OBJECT : WC_JSON_OTHER;
	return f;
}

static bool
check(event_json *keep, const uint8_t expected[16], wc_event *event, char reason[WC_REASON_SIZE])
{
	wc_event_fields fields;

	fields.event_type = field(keep, "eventType");
	fields.channel_id = field(keep, "channelId");
	fields.message_id = field(keep, "messageId");
	fields.from = field(keep, "from");
	fields.timestamp = field(keep, "timestamp");
	fields.channel = field(keep, "channel");
	fields.content = field(keep, "content");
	fields.status = field(keep, "status");
	fields.error_code = field(keep, "errorCode");
	fields.error_message = field(keep, "errorMessage");
	return wc_event_check(&fields, expected, event, keep->scratch, reason);
}

/* NULL, with a reason: it is no object. */
static json_t *
load(const json_mended *text, char reason[WC_REASON_SIZE])
{
	json_error_t error;
	json_t *root;

	if (text->len > UINT32_MAX || !wc_json_shallow(text->p, text->len))
	{
		snprintf(reason, WC_REASON_SIZE, "The body nests deeper than %d levels.", WC_MAX_EVENT_DEPTH);
		return NULL;
	}

	/* Integers as doubles: one over 64 bits is no reason to refuse an event. */
	root = json_loadb(text->p, text->len, JSON_DECODE_INT_AS_REAL, &error);
	if (root == NULL)
		/* error.text quotes the body, which belongs into no log: say where only. */
		snprintf(reason, WC_REASON_SIZE, "The body is not valid JSON in UTF-8 (at byte %d, line %d).", error.position,
				 error.line);
	else if (!json_is_object(root))
	{
		snprintf(reason, WC_REASON_SIZE, "The body must be a JSON object.");
		json_decref(root);
		root = NULL;
	}
	return root;
}

/* Those that have a field of their own in the frame, or say what the event is. */
static bool
is_known(wc_str name)
{
	static const char *const names[] = {"eventType", "channelId", "messageId", "from",
										"timestamp", "channel",	  "content"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (wc_str_equals(name, names[i]))
			return true;
	}
	return false;
}

/* Where a message's content stands, and whether there is more than we know: so nobody has to parse the whole again. */
static void
find_content(wc_event *event)
{
	wc_json_members members = {event->body.p, event->body.p + event->body.len};
	wc_str name;
	wc_str value;

	while (wc_json_next_member(&members, &name, &value))
	{
		if (memchr(name.p, '\\', name.len) != NULL)
		{
			/* may be any of them */
			event->content_len = 0;
			event->extra = 1;
			return;
		}
		if (!is_known(name))
			event->extra = 1;
		else if (wc_str_equals(name, "content"))
		{
			event->content_at = (uint32_t) (value.p - event->body.p);
			event->content_len = value.len;
		}
	}
}

bool
event_json_parse(const char *body, size_t len, const uint8_t expected[16], wc_event *event, event_json *keep,
				 char reason[WC_REASON_SIZE])
{
	memset(event, 0, sizeof(*event));
	json_load_mend(&keep->text, body, len);
	keep->root = load(&keep->text, reason);
	if (keep->root == NULL || !check(keep, expected, event, reason))
	{
		event_json_free(keep);
		return false;
	}
	event->body.p = keep->text.p;
	event->body.len = (uint32_t) keep->text.len;
	if (event->kind == WC_EVENT_MESSAGE)
		find_content(event);
	return true;
}

void
event_json_free(event_json *keep)
{
	json_decref(keep->root);
	keep->root = NULL;
	json_load_free(&keep->text);
}
