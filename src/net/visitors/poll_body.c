/*
 * poll_body.c
 */
#include "visitors/poll_body.h"

#include <jansson.h>
#include <string.h>

#include "base/json_load.h"
#include "base/text.h"

/* The greatest number that every JavaScript counts exactly to. */
#define MOST 9007199254740992.0

static bool
take_number(const json_t *root, const char *name, uint64_t *number)
{
	const json_t *v = json_object_get(root, name);
	double d = json_number_value(v); /* whatever is not one: 0 */

	if (v == NULL)
		return true;
	if (!json_is_number(v) || !(d >= 0 && d <= MOST) || (double) (uint64_t) d != d)
		return false;
	*number = (uint64_t) d;
	return true;
}

static bool
take_flag(const json_t *root, const char *name, bool *flag)
{
	const json_t *v = json_object_get(root, name);

	*flag = json_is_true(v);
	return v == NULL || json_is_boolean(v);
}

static bool
take_id(const json_t *root, poll_body *poll)
{
	const json_t *v = json_object_get(root, "session");

	if (v == NULL)
		return true;
	if (!json_is_string(v) || json_string_length(v) != POLL_ID_LEN ||
		!text_is_of(json_string_value(v), POLL_ID_LEN, TEXT_BASE64URL))
		return false;
	memcpy(poll->id, json_string_value(v), POLL_ID_LEN);
	return true;
}

bool
poll_body_parse(const char *body, size_t len, poll_body *poll, const char **why)
{
	const char *end = memchr(body, '\n', len);
	size_t head = end ? (size_t) (end - body) : len;
	json_t *root;
	bool good;

	memset(poll, 0, sizeof(*poll));
	poll->first = 1;
	*why = "A poll must begin with a line of JSON: {\"session\", \"ack\", \"first\", \"wait\"}.";
	if (head > POLL_HEAD_MAX)
		return false;
	root = json_load_text(body, head, JSON_REJECT_DUPLICATES);
	good = json_is_object(root) && take_id(root, poll) && take_number(root, "ack", &poll->ack) &&
		   take_number(root, "first", &poll->first) && take_flag(root, "wait", &poll->wait) &&
		   take_flag(root, "close", &poll->over);
	json_decref(root);
	if (good && end != NULL)
		poll->frames = (wc_str){end + 1, (uint32_t) (len - head - 1)};
	return good;
}

bool
poll_body_next(wc_str *frames, wc_str *frame)
{
	while (frames->len > 0)
	{
		const char *end = memchr(frames->p, '\n', frames->len);
		uint32_t len = end ? (uint32_t) (end - frames->p) : frames->len;
		uint32_t used = end ? len + 1 : len;

		*frame = (wc_str){frames->p, len};
		frames->p += used;
		frames->len -= used;
		if (frame->len > 0)
			return true;
	}
	return false;
}
