/*
 * send_api_json.c
 *	  The content is copied as it was written: through a parser and back, numbers
 *	  would lose digits.
 */
#include "rest/send_api_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json_load.h"
#include "common/json_text.h"

/*
 * Copy the value of an object's member without the white space in it, as it was
 * written: through a parser and back, numbers would lose digits.  The text is
 * JSON already known to be valid; which counts the members from 0.  Returns the
 * end of the copy; to has room for all of the text.
 */
static char *
copy_member(const char *p, const char *end, size_t which, char *to)
{
	size_t member = 0;
	int depth = 0;
	bool in_value = false;

	while (p < end)
	{
		const char *next = *p == '"' ? wc_json_string_end(p, end) : p + 1;
		bool closes = *p == '}' || *p == ']';

		if (depth == 1 && !in_value && *p == ':')
			in_value = true;
		else if (depth == 1 && (*p == ',' || closes))
		{
			member++;
			in_value = false;
		}
		else if (in_value && member == which && !wc_json_is_blank(*p))
		{
			memcpy(to, p, (size_t) (next - p));
			to += next - p;
		}
		if (closes)
			depth--;
		else if (*p == '{' || *p == '[')
			depth++;
		p = next;
	}
	return to;
}

/* The place of a member among the others: jansson keeps the order of the text. */
static size_t
place_of(json_t *root, const char *name)
{
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach(root, key, value)
	{
		if (strcmp(key, name) == 0)
			break;
		n++;
	}
	return n;
}

static bool
check_from(const json_t *root, send_api_request *send, char reason[WC_REASON_SIZE])
{
	const json_t *from = json_object_get(root, "from");

	if (json_is_string(from) && wc_uuid_parse(json_string_value(from), json_string_length(from), send->channel))
		return true;
	snprintf(reason, WC_REASON_SIZE,
			 "\"from\" must be the id of a channel, a UUID in its canonical form (not its public key).");
	return false;
}

static bool
check_to(const json_t *root, const json_mended *text, send_api_request *send, char reason[WC_REASON_SIZE])
{
	const json_t *to = json_object_get(root, "to");
	size_t len = json_string_length(to);
	wc_str number;

	/* a number is no visitor of ours, but an id all the same */
	if (json_is_number(to) && wc_json_member(text->p, text->len, "to", &number) && wc_json_is_whole(number))
		len = number.len;
	else if (!json_is_string(to))
		len = 0;
	if (len == 0 || len > WC_MAX_VISITOR_ID)
	{
		snprintf(reason, WC_REASON_SIZE, "\"to\" must be the id of a visitor, a string of 1 to %d bytes.",
				 WC_MAX_VISITOR_ID);
		return false;
	}
	send->is_visitor = json_is_string(to) && wc_uuid_parse(json_string_value(to), len, send->visitor);
	return true;
}

/* A member that is true or false, and may be left out. */
static bool
check_flag(const json_t *root, const char *name, bool unless_given, bool *value, char reason[WC_REASON_SIZE])
{
	const json_t *given = json_object_get(root, name);

	*value = given == NULL || json_is_null(given) ? unless_given : json_is_true(given);
	if (given == NULL || json_is_null(given) || json_is_boolean(given))
		return true;
	snprintf(reason, WC_REASON_SIZE, "\"%s\" must be true or false.", name);
	return false;
}

static bool
check_flags(const json_t *root, send_api_request *send, char reason[WC_REASON_SIZE])
{
	bool final;

	if (!check_flag(root, "hold", false, &send->hold, reason) || !check_flag(root, "final", true, &final, reason))
		return false;
	send->interim = !final;
	return true;
}

static bool
check_priority(const json_t *root, send_api_request *send, char reason[WC_REASON_SIZE])
{
	const json_t *priority = json_object_get(root, "priority");
	const char *word = json_string_value(priority);

	send->bulk = word != NULL && strcmp(word, "bulk") == 0;
	if (priority == NULL || json_is_null(priority) || send->bulk || (word != NULL && strcmp(word, "live") == 0))
		return true;
	snprintf(reason, WC_REASON_SIZE, "\"priority\" must be \"live\" or \"bulk\".");
	return false;
}

static bool
take_author(const json_t *root, send_api_request *send, char reason[WC_REASON_SIZE])
{
	const json_t *author = json_object_get(root, "author");
	size_t len = json_string_length(author);

	if (author == NULL || json_is_null(author))
		return true;
	if (len == 0 || len > WC_MAX_AUTHOR)
	{
		snprintf(reason, WC_REASON_SIZE, "\"author\" must be the name of who answers, a string of 1 to %d bytes.",
				 WC_MAX_AUTHOR);
		return false;
	}
	send->author_memory = net_alloc(len);
	memcpy(send->author_memory, json_string_value(author), len);
	send->author = (wc_str){send->author_memory, (uint32_t) len};
	return true;
}

static bool
take_content(json_t *root, const char *body, size_t len, send_api_request *send, char reason[WC_REASON_SIZE])
{
	char *end;

	if (!json_is_object(json_object_get(root, "content")))
	{
		snprintf(reason, WC_REASON_SIZE, "\"content\" must be an object, such as {\"text\": \"...\"}.");
		return false;
	}
	send->memory = net_alloc(len);
	end = copy_member(body, body + len, place_of(root, "content"), send->memory);
	send->content = (wc_str){send->memory, (uint32_t) (end - send->memory)};
	return true;
}

static bool
parse(const json_mended *text, send_api_request *send, char reason[WC_REASON_SIZE])
{
	json_t *root = json_load_body(text->p, text->len, reason);
	bool good;

	if (root == NULL)
		return false;
	if (!json_is_object(root))
	{
		snprintf(reason, WC_REASON_SIZE, "The body must be a JSON object.");
		good = false;
	}
	else
		good = check_from(root, send, reason) && check_to(root, text, send, reason) &&
			   check_flags(root, send, reason) && check_priority(root, send, reason) &&
			   take_content(root, text->p, text->len, send, reason) && take_author(root, send, reason);
	if (!good)
		send_api_json_free(send);
	json_decref(root);
	return good;
}

bool
send_api_json_parse(const char *body, size_t len, send_api_request *send, char reason[WC_REASON_SIZE])
{
	json_mended text;
	bool good;

	memset(send, 0, sizeof(*send));
	json_load_mend(&text, body, len);
	good = parse(&text, send, reason);
	json_load_free(&text);
	return good;
}

void
send_api_json_free(send_api_request *send)
{
	free(send->memory);
	free(send->author_memory);
	send->memory = NULL;
	send->author_memory = NULL;
}

static http_response
answer_json(json_t *root)
{
	char *text = root ? json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

	json_decref(root);
	return text ? http_response_text(text, strlen(text), "application/json") : http_response_refusal(REFUSE_NOTHING);
}

http_response
send_api_json_stored(const uint8_t message[16], const char *status)
{
	char id[37];

	wc_uuid_print(message, id);
	return answer_json(json_pack("{s:s, s:s}", "messageId", id, "status", status));
}

http_response
send_api_json_error(const char *code, const char *message)
{
	return answer_json(
		json_pack("{s:n, s:s, s:s, s:s}", "messageId", "status", "error", "errorMessage", message, "errorCode", code));
}
