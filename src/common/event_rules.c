/*
 * event_rules.c
 *	  The wording of each refusal is here, once: what a hub's POST is answered and
 *	  what webchatt.ingest() raises is the same text.
 */
#include "common/event_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "common/json_text.h"
#include "common/moment.h"
#include "common/utf8.h"

/* Whole numbers below the first print with 19 digits at most; from the second
 * on (2^53) a double has no fraction. */
#define MAX_ERROR_NUMBER 1e19
#define ALWAYS_WHOLE	 9007199254740992.0

/* The most of a refused value that a reason shows, in bytes; then "...". */
#define SHOWN_BYTES 40

/* No limit of its own: the body's limit bounds it. */
#define UNLIMITED UINT32_MAX

static const wc_str empty = {"", 0};

static bool refuse(char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool
refuse(char *reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, WC_REASON_SIZE, format, args);
	va_end(args);
	return false;
}

/*
 * Copy the front of a stranger's value for a reason that may end up in a log:
 * whole characters only, and a question mark for each control character (C0,
 * DEL, C1) and each byte that is no UTF-8.
 */
static void
show_value(wc_str value, char shown[SHOWN_BYTES + 4])
{
	const uint8_t *s = (const uint8_t *) value.p;
	uint32_t left = value.len;
	size_t at = 0;

	while (left > 0)
	{
		uint32_t n = wc_utf8_length(s, left);
		bool control = n == 0 || s[0] < 0x20 || s[0] == 0x7F || (s[0] == 0xC2 && s[1] < 0xA0);
		uint32_t width = control ? 1 : n;

		if (at + width > SHOWN_BYTES)
		{
			memcpy(shown + at, "...", 3);
			at += 3;
			break;
		}
		if (control)
			shown[at] = '?';
		else
			memcpy(shown + at, s, n);
		at += width;
		s += n ? n : 1;
		left -= n ? n : 1;
	}
	shown[at] = '\0';
}

/* A string of min to max bytes; min 0 makes it optional, absent being empty. */
static bool
check_string(const char *name, const wc_json_field *field, uint32_t min, uint32_t max, wc_str *out, char *reason)
{
	const char *missing = field->type == WC_JSON_ABSENT ? " is missing: it" : "";

	*out = empty;
	if (field->type == WC_JSON_ABSENT && min == 0)
		return true;
	if (field->type != WC_JSON_STRING || field->string.len < min || field->string.len > max)
	{
		if (min > 0)
			return refuse(reason, "%s%s must be a string of %u to %u bytes", name, missing, (unsigned) min,
						  (unsigned) max);
		if (max == UNLIMITED)
			return refuse(reason, "%s must be a string", name);
		return refuse(reason, "%s must be a string of at most %u bytes", name, (unsigned) max);
	}
	if (field->string.len == 0)
		return true;
	if (memchr(field->string.p, '\0', field->string.len) != NULL)
		return refuse(reason, "%s must not hold a NUL character", name);
	*out = field->string;
	return true;
}

static bool
check_event_type(const wc_json_field *field, uint8_t *kind, char *reason)
{
	char shown[SHOWN_BYTES + 4];

	if (field->type == WC_JSON_ABSENT)
		return refuse(reason, "eventType is missing: it must be \"Message\" or \"MessageStatus\"");
	if (field->type != WC_JSON_STRING)
		return refuse(reason, "eventType must be the string \"Message\" or \"MessageStatus\"");
	if (wc_str_equals(field->string, "Message"))
		*kind = WC_EVENT_MESSAGE;
	else if (wc_str_equals(field->string, "MessageStatus"))
		*kind = WC_EVENT_STATUS;
	else
	{
		show_value(field->string, shown);
		return refuse(reason, "eventType must be \"Message\" or \"MessageStatus\", not \"%s\"", shown);
	}
	return true;
}

/* A UUID, and the endpoint's own; all zeros when it may be absent and is. */
static bool
check_channel(const wc_json_field *field, bool required, const uint8_t *expected, uint8_t channel[16], char *reason)
{
	char theirs[37];
	char ours[37];

	if (field->type == WC_JSON_ABSENT)
	{
		if (required)
			return refuse(reason, "channelId is missing: it must be the channel's UUID");
		if (expected != NULL)
			memcpy(channel, expected, 16);
		return true;
	}
	if (field->type != WC_JSON_STRING || !wc_uuid_parse(field->string.p, field->string.len, channel))
		return refuse(reason, "channelId must be a UUID, such as 6cbd6789-1d2b-47e0-9391-5eb91d2839ea");
	if (expected != NULL && memcmp(channel, expected, 16) != 0)
	{
		wc_uuid_print(channel, theirs);
		wc_uuid_print(expected, ours);
		return refuse(reason,
					  "channelId is %s, but this is the endpoint of channel %s: "
					  "give the hub that channel's own URL",
					  theirs, ours);
	}
	return true;
}

/* An id: a string, or a whole number for the text that it is written as. */
static bool
check_id(const char *name, const wc_json_field *field, uint32_t max, wc_str *out, char *reason)
{
	if (field->type != WC_JSON_NUMBER || !wc_json_is_whole(field->string) || field->string.len > max)
		return check_string(name, field, 1, max, out, reason);
	*out = field->string;
	return true;
}

/* Optional; 0 when absent, else at least 1 microsecond. */
static bool
check_timestamp(const wc_json_field *field, int64_t *at_us, char *reason)
{
	if (field->type == WC_JSON_ABSENT || (field->type == WC_JSON_NUMBER && wc_moment_of_number(field->number, at_us)) ||
		(field->type == WC_JSON_STRING && wc_moment_of_text(field->string, at_us)))
		return true;
	return refuse(reason, "timestamp must be a number of unix seconds above 0 (up to the year 9999), "
						  "or of milliseconds, or a time in ISO 8601 with its zone");
}

bool
wc_event_is_anothers(const wc_event *event, const uint8_t expected[16])
{
	static const uint8_t none[16];

	return expected != NULL && memcmp(event->channel, none, 16) != 0 && memcmp(event->channel, expected, 16) != 0;
}

bool
wc_is_no_error(wc_str code)
{
	return code.len == 0 || wc_str_equals(code, "0");
}

/* Optional: a string, or a whole number as hubs that pass on Meta's send it. */
static bool
check_error_code(const wc_json_field *field, wc_str *out, char scratch[32], char *reason)
{
	double n = field->number;
	double size = n < 0 ? -n : n;

	if (field->type == WC_JSON_NUMBER && wc_json_is_whole(field->string) && field->string.len <= WC_MAX_ERROR_CODE)
		*out = field->string;
	else if (field->type == WC_JSON_NUMBER)
	{
		/* put so that a NaN is refused too, and without need of libm */
		if (!(size < MAX_ERROR_NUMBER) || (size < ALWAYS_WHOLE && (double) (int64_t) size != size))
			return refuse(reason,
						  "errorCode must be a string of at most %d bytes, "
						  "or a whole number of at most 19 digits",
						  WC_MAX_ERROR_CODE);
		/* + 0.0 makes a negative zero a plain one */
		snprintf(scratch, 32, "%.0f", n + 0.0);
		*out = wc_str_from(scratch);
	}
	else if (field->type != WC_JSON_ABSENT && field->type != WC_JSON_STRING)
		return refuse(reason, "errorCode must be a string of at most %d bytes, or a whole number", WC_MAX_ERROR_CODE);
	else if (!check_string("errorCode", field, 0, WC_MAX_ERROR_CODE, out, reason))
		return false;
	if (wc_is_no_error(*out) || wc_str_equals(*out, "-0"))
		*out = empty;
	return true;
}

static bool
check_message(const wc_event_fields *fields, wc_event *event, char *reason)
{
	if (!check_id("from", &fields->from, WC_MAX_VISITOR_ID, &event->visitor, reason))
		return false;
	if (fields->content.type == WC_JSON_ABSENT)
		return refuse(reason, "content is missing: it must be a JSON object");
	if (fields->content.type != WC_JSON_OBJECT)
		return refuse(reason, "content must be a JSON object");
	return true;
}

bool
wc_event_check(const wc_event_fields *fields, const uint8_t expected[16], wc_event *event, char event_scratch[32],
			   char reason[WC_REASON_SIZE])
{
	event->kind = 0;
	memset(event->channel, 0, sizeof(event->channel));
	event->at_us = 0;
	event->visitor = event->status = empty;
	reason[0] = '\0';

	if (!check_event_type(&fields->event_type, &event->kind, reason) ||
		!check_channel(&fields->channel_id, event->kind == WC_EVENT_MESSAGE, expected, event->channel, reason) ||
		!check_id("messageId", &fields->message_id, WC_MAX_HUB_MESSAGE_ID, &event->message_id, reason))
		return false;
	if (event->kind == WC_EVENT_MESSAGE)
	{
		if (!check_message(fields, event, reason))
			return false;
	}
	else if (!check_string("status", &fields->status, 1, WC_MAX_STATUS, &event->status, reason))
		return false;
	return check_timestamp(&fields->timestamp, &event->at_us, reason) &&
		   check_string("channel", &fields->channel, 0, WC_MAX_CHANNEL_TYPE, &event->channel_type, reason) &&
		   check_error_code(&fields->error_code, &event->error_code, event_scratch, reason) &&
		   check_string("errorMessage", &fields->error_message, 0, UNLIMITED, &event->error_message, reason);
}

/*
 * Up to its first error a parser reads the text as this scan does, and there it
 * stops: so the scan never counts less than a parser nests.
 */
bool
wc_json_shallow(const char *json, size_t len)
{
	size_t i;
	int depth = 0;
	bool in_string = false;

	for (i = 0; i < len; i++)
	{
		char c = json[i];

		if (in_string)
		{
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		}
		else if (c == '"')
			in_string = true;
		else if (c == '{' || c == '[')
		{
			if (++depth > WC_MAX_EVENT_DEPTH)
				return false;
		}
		else if ((c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return true;
}

bool
wc_uuid_parse(const char *s, size_t len, uint8_t uuid[16])
{
	uint8_t bytes[16];
	size_t at = 0;
	int i;

	if (len != 36)
		return false;
	for (i = 0; i < 16; i++)
	{
		int high;
		int low;

		if (at == 8 || at == 13 || at == 18 || at == 23)
		{
			if (s[at++] != '-')
				return false;
		}
		high = wc_hex_value(s[at]);
		low = wc_hex_value(s[at + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t) (high << 4 | low);
		at += 2;
	}
	memcpy(uuid, bytes, 16);
	return true;
}

void
wc_uuid_print(const uint8_t uuid[16], char out[37])
{
	static const char digits[] = "0123456789abcdef";
	int i;

	for (i = 0; i < 16; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = digits[uuid[i] >> 4];
		*out++ = digits[uuid[i] & 15];
	}
	*out = '\0';
}
