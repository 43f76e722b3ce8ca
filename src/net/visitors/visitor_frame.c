/*
 * visitor_frame.c
 */
#include "visitors/visitor_frame.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/event_rules.h"
#include "common/json_text.h"
#include "common/reply_rules.h"
#include "base/alloc.h"
#include "base/json_load.h"
#include "base/text.h"
#include "visitors/visitor_content.h"

static const struct
{
	const char *name;
	visitor_frame_type type;
} types[] = {
	{"hello", VISITOR_HELLO},		{"message", VISITOR_MESSAGE}, {"delivered", VISITOR_DELIVERED},
	{"read", VISITOR_READ},			{"typing", VISITOR_TYPING},	  {"history", VISITOR_HISTORY},
	{"page", VISITOR_PAGE},			{"ping", VISITOR_PING},		  {"rating", VISITOR_RATING},
	{"identify", VISITOR_IDENTIFY},
};

static visitor_frame_verdict
bad(visitor_frame *frame, const char *why)
{
	frame->why = why;
	return VISITOR_BAD;
}

static bool
take_uuid(const json_t *v, uint8_t uuid[16])
{
	return json_is_string(v) && wc_uuid_parse(json_string_value(v), json_string_length(v), uuid);
}

/* An array of ids; the same one twice does no harm. */
static bool
take_ids(const json_t *array, int least, int most, visitor_frame *frame)
{
	size_t n = json_array_size(array);
	size_t i;

	if (!json_is_array(array) || n < (size_t) least || n > (size_t) most)
		return false;
	for (i = 0; i < n; i++)
	{
		if (!take_uuid(json_array_get(array, i), frame->ids[i]))
			return false;
	}
	frame->nids = (int) n;
	return true;
}

static bool
take_attributes(json_t *object, visitor_frame *frame)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object) || json_object_size(object) > VISITOR_MAX_ATTRIBUTES)
		return false;
	json_object_foreach(object, name, value)
	{
		if (!json_is_string(value) && !json_is_null(value))
			return false;
	}
	frame->attributes = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
	return frame->attributes != NULL && strlen(frame->attributes) <= VISITOR_MAX_ATTRIBUTES_SIZE;
}

static void
take_page(const json_t *root, visitor_frame *frame)
{
	frame->page = net_alloc(sizeof(*frame->page));
	visitor_page_take(root, frame->page);
}

/* Who the visitor is: by a token that the site's server has signed, and by what the page says. */
static visitor_frame_verdict
take_identity(const json_t *root, const char *member, visitor_frame *frame)
{
	const json_t *token = json_object_get(root, member);
	json_t *attributes = json_object_get(root, "attributes");

	if (token != NULL && !json_is_null(token))
	{
		if (!json_is_string(token))
			return bad(frame, "An identity must be a string.");
		frame->identity = text_copy((wc_str){json_string_value(token), (uint32_t) json_string_length(token)});
	}
	if (attributes != NULL && !take_attributes(attributes, frame))
		return bad(frame, "The attributes must be at most 16 strings, 2048 bytes in all.");
	frame->profile = net_alloc(sizeof(*frame->profile));
	visitor_profile_take(root, frame->profile);
	return VISITOR_GOOD;
}

/* A token, if there is one; false: it is none. */
static bool
take_token(const json_t *token, bool *is_there, char text[VISITOR_MAX_TOKEN + 1])
{
	*is_there = token != NULL && !json_is_null(token);
	if (!*is_there)
		return true;
	if (!json_is_string(token) || json_string_length(token) > VISITOR_MAX_TOKEN)
		return false;
	memcpy(text, json_string_value(token), json_string_length(token));
	return true;
}

static visitor_frame_verdict
take_hello(const json_t *root, visitor_frame *frame)
{
	const json_t *have = json_object_get(root, "have");

	if (!take_token(json_object_get(root, "token"), &frame->has_token, frame->token))
		return bad(frame, "A hello's token must be the string that welcome gave.");
	if (!take_token(json_object_get(root, "link"), &frame->has_link, frame->link))
		return bad(frame, "A hello's link must be the string that is in the link.");
	frame->ask_link = json_is_true(json_object_get(root, "ask"));
	if (have != NULL && !take_ids(have, 0, WC_MAX_HAVE, frame))
		return bad(frame, "A hello's have must be an array of at most 100 message ids.");
	take_page(root, frame);
	return take_identity(root, "identity", frame);
}

bool
visitor_frame_take_id(const char *id, size_t len, visitor_frame *frame)
{
	/* the characters of base64url: letters, digits, "-" and "_" */
	if (len < 1 || len > VISITOR_MAX_ID || !text_is_of(id, len, TEXT_BASE64URL))
		return false;
	memcpy(frame->id, id, len);
	frame->id[len] = '\0';
	return true;
}

static visitor_frame_verdict
take_message(const json_t *root, visitor_frame *frame)
{
	const json_t *content = json_object_get(root, "content");
	const json_t *id = json_object_get(root, "id");

	if (!json_is_string(id) || !visitor_frame_take_id(json_string_value(id), json_string_length(id), frame))
		return bad(frame, "A message's id must be 1 to 64 letters, digits, \"-\" and \"_\".");
	if (!json_is_object(content))
		return bad(frame, "A message must have a content that is an object.");
	frame->made = visitor_content(content, &frame->why);
	if (frame->made == NULL)
		return VISITOR_BAD_CONTENT;
	frame->content = wc_str_from(frame->made);
	frame->why = NULL;
	return VISITOR_GOOD;
}

static visitor_frame_verdict
take_rating(const json_t *root, visitor_frame *frame)
{
	const json_t *value = json_object_get(root, "value");
	const json_t *comment = json_object_get(root, "comment");

	if (!json_is_number(value) || !(json_number_value(value) >= 1 && json_number_value(value) <= 5) ||
		json_number_value(value) != (int) json_number_value(value))
		return bad(frame, "A rating's value must be a whole number from 1 to 5.");
	if (comment != NULL && !json_is_null(comment) &&
		(!json_is_string(comment) || json_string_length(comment) > WC_MAX_RATING))
		return bad(frame, "A rating's comment must be a text of at most 4000 bytes.");
	frame->value = (uint8_t) json_number_value(value);
	if (json_is_string(comment) && !wc_text_is_blank(json_string_value(comment), json_string_length(comment)))
		frame->made = text_copy((wc_str){json_string_value(comment), (uint32_t) json_string_length(comment)});
	return VISITOR_GOOD;
}

static visitor_frame_verdict
take_members(const json_t *root, visitor_frame *frame)
{
	switch (frame->type)
	{
		case VISITOR_HELLO:
			return take_hello(root, frame);
		case VISITOR_MESSAGE:
			return take_message(root, frame);
		case VISITOR_DELIVERED:
		case VISITOR_READ:
			if (!take_ids(json_object_get(root, "ids"), 1, VISITOR_MAX_IDS, frame))
				return bad(frame, "ids must be an array of 1 to 100 message ids.");
			return VISITOR_GOOD;
		case VISITOR_HISTORY:
			if (!take_uuid(json_object_get(root, "before"), frame->before))
				return bad(frame, "before must be a message's id.");
			return VISITOR_GOOD;
		case VISITOR_PAGE:
			take_page(root, frame);
			return VISITOR_GOOD;
		case VISITOR_RATING:
			return take_rating(root, frame);
		case VISITOR_IDENTIFY:
			return take_identity(root, "token", frame);
		default:
			return VISITOR_GOOD;
	}
}

/* Where a string ends that begins with this quote; NULL: its end is not there. */
static const char *
closing_quote(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
	{
		if (*p == '\\')
			p++;
	}
	return p < end ? p : NULL;
}

/* The string that is the value of a name, behind which p is: its opening quote; NULL: it is no string. */
static const char *
string_value(const char *p, const char *end)
{
	while (p < end && wc_json_is_blank(*p))
		p++;
	if (p == end || *p++ != ':')
		return NULL;
	while (p < end && wc_json_is_blank(*p))
		p++;
	return p < end && *p == '"' ? p : NULL;
}

void
visitor_frame_guess(const char *text, size_t len, visitor_frame *frame)
{
	const char *end = text + len;
	const char *p = text;
	int depth = 0;

	memset(frame, 0, offsetof(visitor_frame, ids));
	while (p < end)
	{
		const char *close = *p == '"' ? closing_quote(p, end) : p;
		const char *value = NULL;

		if (close == NULL)
			return;
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		else if (depth == 1 && close - p == 3 && memcmp(p + 1, "id", 2) == 0)
			value = string_value(close + 1, end);
		if (value != NULL && (close = closing_quote(value, end)) != NULL)
			(void) visitor_frame_take_id(value + 1, (size_t) (close - value - 1), frame);
		if (value != NULL)
			return;
		p = close + 1;
	}
}

/* It is none, but perhaps it says which message it should have been. */
static visitor_frame_verdict
not_json(const char *text, size_t len, visitor_frame *frame)
{
	visitor_frame_guess(text, len, frame);
	frame->why = "A frame must be one JSON object.";
	return VISITOR_NOT_JSON;
}

visitor_frame_verdict
visitor_frame_parse(const char *text, size_t len, visitor_frame *frame)
{
	visitor_frame_verdict verdict = VISITOR_NOT_JSON;
	const char *type;
	json_t *root;
	size_t i;

	memset(frame, 0, offsetof(visitor_frame, ids));
	if (!wc_json_shallow(text, len))
		return not_json(text, len, frame);
	root = json_load_text(text, len, JSON_REJECT_DUPLICATES);
	if (json_is_object(root))
	{
		type = json_string_value(json_object_get(root, "type"));
		for (i = 0; type != NULL && i < sizeof(types) / sizeof(types[0]); i++)
		{
			if (strcmp(type, types[i].name) == 0)
				frame->type = types[i].type;
		}
		verdict = type ? take_members(root, frame) : bad(frame, "A frame must have a type that is a string.");
	}
	json_decref(root);
	return verdict == VISITOR_NOT_JSON ? not_json(text, len, frame) : verdict;
}

void
visitor_frame_free(visitor_frame *frame)
{
	free(frame->attributes);
	free(frame->made);
	free(frame->page);
	free(frame->identity);
	free(frame->profile);
	frame->attributes = frame->made = frame->identity = NULL;
	frame->profile = NULL;
	frame->page = NULL;
}
