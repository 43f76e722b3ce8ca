/*
 * event_scan.c
 *	  Only what is good is taken here: what is to be refused goes the other way, so
 *	  that the reason is the same.
 */
#include "inbound/event_scan.h"

#include <string.h>

#include "base/json_scan.h"
#include "common/json_text.h"

/* Members of an event that is taken. */
#define MOST_MEMBERS 16

#define KNOWN(name, field)                                                                                             \
	{                                                                                                                  \
		name, sizeof(name) - 1, offsetof(wc_event_fields, field)                                                       \
	}

static const struct
{
	const char *name;
	size_t len;
	size_t at; /* in wc_event_fields */
} known[] = {
	KNOWN("eventType", event_type), KNOWN("channelId", channel_id),
	KNOWN("messageId", message_id), KNOWN("from", from),
	KNOWN("timestamp", timestamp),	KNOWN("channel", channel),
	KNOWN("content", content),		KNOWN("status", status),
	KNOWN("errorCode", error_code), KNOWN("errorMessage", error_message),
};

/* The field that a member fills; NULL: it is none that we look at. */
static wc_json_field *
field_of(wc_event_fields *fields, wc_str name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		if (name.len == known[i].len && memcmp(name.p, known[i].name, name.len) == 0)
			return (wc_json_field *) (void *) ((char *) fields + known[i].at);
	}
	return NULL;
}

/* A whole number; the scan has seen to it that it has few digits. */
static bool
take_number(wc_str text, wc_json_field *field)
{
	int64_t n = 0;

	if (!wc_json_is_whole(text))
		return false;
	for (uint32_t i = text.p[0] == '-'; i < text.len; i++)
		n = n * 10 + (text.p[i] - '0');
	*field = (wc_json_field){WC_JSON_NUMBER, text, (double) (text.p[0] == '-' ? -n : n)};
	return true;
}

static bool
take_field(const json_scan_member *m, wc_json_field *field)
{
	switch (m->value.p[0])
	{
		case '"':
			field->type = WC_JSON_STRING;
			return json_scan_string(m, &field->string);
		case '{':
			field->type = WC_JSON_OBJECT;
			return true;
		case 'n':
			return true; /* null is as good as absent, which it is already */
		case '[':
		case 't':
		case 'f':
			return false;
		default:
			return take_number(m->value, field);
	}
}

/* Where a message's content stands, and whether there is what has no field in the frame: as event_json.c has it. */
static void
note_content(const json_scan_member *m, const wc_json_field *field, const wc_event_fields *fields, wc_event *event)
{
	if (field == &fields->content)
	{
		event->content_at = (uint32_t) (m->value.p - event->body.p);
		event->content_len = m->value.len;
	}
	else if (field == NULL || field == &fields->status || field == &fields->error_code ||
			 field == &fields->error_message)
		event->extra = 1;
}

/* True: it is a good event, of which nothing needs to be freed. */
static bool
scan(const char *body, size_t len, const uint8_t expected[16], wc_event *event, event_json *keep,
	 char reason[WC_REASON_SIZE])
{
	json_scan_member members[MOST_MEMBERS];
	wc_json_field *filled[MOST_MEMBERS];
	wc_event_fields fields;
	int n = json_scan_object(body, len, members, MOST_MEMBERS);

	memset(&fields, 0, sizeof(fields));
	for (int i = 0; i < n; i++)
	{
		filled[i] = field_of(&fields, members[i].name);
		if (filled[i] != NULL && !take_field(&members[i], filled[i]))
			return false;
	}
	if (n < 0 || !wc_event_check(&fields, expected, event, keep->scratch, reason))
		return false;
	event->body = (wc_str){body, (uint32_t) len};
	for (int i = 0; i < n && event->kind == WC_EVENT_MESSAGE; i++)
		note_content(&members[i], filled[i], &fields, event);
	return true;
}

bool
event_scan_parse(const char *body, size_t len, const uint8_t expected[16], wc_event *event, event_json *keep,
				 char reason[WC_REASON_SIZE])
{
	memset(event, 0, sizeof(*event));
	keep->root = NULL;
	keep->text = (json_mended){body, len, NULL};
	return scan(body, len, expected, event, keep, reason) || event_json_parse(body, len, expected, event, keep, reason);
}
