/*
 * send_reply.c
 *	  What a hub's HTTP answer to a send means (doc/hub-contract.md, section 2).
 */
#include "outbound/send_reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/json_load.h"
#include "base/json_scan.h"
#include "base/text.h"
#include "common/json_text.h"

/* Members of an answer that is taken apart without a tree. */
#define MOST_MEMBERS 8

/* A hub's answer, taken apart: by a scan, or where it is no common one, as a tree. */
typedef struct parsed
{
	json_scan_member members[MOST_MEMBERS];
	int count; /* of the members; -1: none were scanned */
	json_mended text;
	json_t *tree; /* NULL: it was scanned, or is no JSON object */
} parsed;

/* A text that ends up in logs and in SQL. */
static void
copy_text(char *out, size_t max, wc_str *str, const char *s, size_t len)
{
	*str = (wc_str){out, (uint32_t) text_line(out, max, s, len)};
	out[str->len] = '\0';
}

__attribute__((format(printf, 2, 0))) static void
say(send_reply_verdict *v, const char *format, va_list args)
{
	char text[2 * SEND_REPLY_MAX_TEXT];
	int n = vsnprintf(text, sizeof(text), format, args);

	if (n < 0)
		n = 0;
	if ((size_t) n >= sizeof(text))
		n = (int) sizeof(text) - 1;
	copy_text(v->error_message, SEND_REPLY_MAX_TEXT, &v->outcome.error_message, text, (size_t) n);
}

void
send_reply_set(send_reply_verdict *v, wc_outcome_result result, const char *format, ...)
{
	va_list args;

	memset(&v->outcome, 0, sizeof(v->outcome));
	v->outcome.result = (uint8_t) result;
	va_start(args, format);
	say(v, format, args);
	va_end(args);
}

/* Set result and text, and keep what else the verdict holds already. */
__attribute__((format(printf, 3, 4))) static void
conclude(send_reply_verdict *v, wc_outcome_result result, const char *format, ...)
{
	va_list args;

	v->outcome.result = (uint8_t) result;
	va_start(args, format);
	say(v, format, args);
	va_end(args);
}

static bool
is_object(const parsed *body)
{
	return body->count >= 0 || body->tree != NULL;
}

static const json_scan_member *
find_member(const parsed *body, const char *name)
{
	for (int i = 0; i < body->count; i++)
	{
		if (wc_str_equals(body->members[i].name, name))
			return &body->members[i];
	}
	return NULL;
}

/* A member that is a string; p is NULL when it is none. */
static wc_str
string_of(const parsed *body, const char *name)
{
	const json_scan_member *m = find_member(body, name);
	const json_t *value = json_object_get(body->tree, name);
	wc_str none = {NULL, 0};
	wc_str string;

	if (m != NULL)
		return json_scan_string(m, &string) ? string : none;
	if (json_is_string(value))
		return (wc_str){json_string_value(value), (uint32_t) json_string_length(value)};
	return none;
}

/* A member that is a string, or a whole number for the text that it is written as; p is NULL when it is neither. */
static wc_str
text_of(const parsed *body, const char *name)
{
	const json_scan_member *m = find_member(body, name);
	wc_str string = string_of(body, name);
	wc_str none = {NULL, 0};
	wc_str text;

	if (string.p != NULL)
		return string;
	if (m != NULL)
		return wc_json_is_whole(m->value) ? m->value : none;
	if (json_is_number(json_object_get(body->tree, name)) &&
		wc_json_member(body->text.p, body->text.len, name, &text) && wc_json_is_whole(text))
		return text;
	return none;
}

/*
 * The body's errorCode and errorMessage.  True when there is an errorCode; an
 * empty one, and 0, is none.
 */
static bool
take_error(send_reply_verdict *v, const parsed *body)
{
	wc_str message = string_of(body, "errorMessage");
	wc_str code = text_of(body, "errorCode");

	if (message.len > 0)
		copy_text(v->error_message, SEND_REPLY_MAX_TEXT, &v->outcome.error_message, message.p, message.len);
	if (code.p != NULL && !wc_is_no_error(code))
		copy_text(v->error_code, WC_MAX_ERROR_CODE, &v->outcome.error_code, code.p, code.len);
	return v->outcome.error_code.len > 0;
}

/* An error that the body tells of, in a 200 or in a 4xx. */
static void
refuse(send_reply_verdict *v, const send_reply *r)
{
	if (wc_str_equals(v->outcome.error_code, "session_not_found"))
	{
		v->outcome.result = WC_OUT_NO_SESSION;
		return;
	}
	v->outcome.result = WC_OUT_REFUSED;
	if (v->outcome.error_message.len > 0)
		return;
	if (v->outcome.error_code.len > 0)
		conclude(v, WC_OUT_REFUSED, "%s answered HTTP %u with errorCode %s and no errorMessage", r->host,
				 (unsigned) r->http_status, v->error_code);
	else
		conclude(v, WC_OUT_REFUSED, "%s answered HTTP %u and gave no reason", r->host, (unsigned) r->http_status);
}

/* The id is the key that statuses come under: all of it or nothing. */
static void
take_message_id(send_reply_verdict *v, const parsed *body)
{
	wc_str id = text_of(body, "messageId");

	if (id.p == NULL || id.len > WC_MAX_HUB_MESSAGE_ID)
		return;
	memcpy(v->hub_message_id, id.p, id.len);
	v->hub_message_id[id.len] = '\0';
	v->outcome.hub_message_id.p = v->hub_message_id;
	v->outcome.hub_message_id.len = id.len;
}

/*
 * A 2xx that says nothing of the message: the hub took it, and to send it again
 * would be to send it twice.  Its row tells why nothing more will come.
 */
static void
take_as_accepted(send_reply_verdict *v, const send_reply *r, const char *what)
{
	copy_text(v->hub_status, WC_MAX_STATUS, &v->outcome.hub_status, "accepted", strlen("accepted"));
	conclude(v, WC_OUT_ACCEPTED,
			 "%s answered HTTP %u with %s: taken as accepted, but what becomes of it cannot be known; "
			 "check that api_url is a hub's",
			 r->host, (unsigned) r->http_status, what);
}

static void
classify_success(const send_reply *r, const parsed *body, send_reply_verdict *v)
{
	wc_str status;

	if (!is_object(body))
	{
		take_as_accepted(v, r,
						 r->body_too_large	? "a body that is too large"
						 : r->body_len == 0 ? "no body"
											: "a body that is not a JSON object");
		return;
	}
	status = string_of(body, "status");
	if (status.p != NULL)
		copy_text(v->hub_status, WC_MAX_STATUS, &v->outcome.hub_status, status.p, status.len);
	take_message_id(v, body);

	if (take_error(v, body) || wc_str_equals(v->outcome.hub_status, "error"))
		refuse(v, r);
	else if (v->outcome.hub_status.len == 0 && v->outcome.hub_message_id.len == 0)
		take_as_accepted(v, r, "neither status nor messageId");
	else
	{
		v->outcome.result = WC_OUT_ACCEPTED;
		v->outcome.error_message.len = 0;
	}
}

static void
pause_hub(send_reply_verdict *v, const send_reply *r)
{
	int64_t seconds = r->retry_after_s;

	if (seconds > REPLY_MAX_PAUSE_S)
		seconds = REPLY_MAX_PAUSE_S;
	v->outcome.retry_after_ms = seconds > 0 ? (uint32_t) seconds * 1000 : REPLY_DEFAULT_PAUSE_MS;
	conclude(v, WC_OUT_PAUSED, "%s answered HTTP %u and asks for a pause of %u ms", r->host, (unsigned) r->http_status,
			 (unsigned) v->outcome.retry_after_ms);
}

static void
classify_failure(const send_reply *r, const parsed *body, send_reply_verdict *v)
{
	uint32_t status = r->http_status;

	if (is_object(body))
		(void) take_error(v, body);

	if (status == 429 || (status == 503 && r->retry_after_s > 0))
		pause_hub(v, r);
	else if (status == 401)
		conclude(v, WC_OUT_UNAUTHORIZED,
				 "%s does not accept the API key (HTTP 401); call webchatt.connect_hub() with a valid one", r->host);
	else if (status >= 300 && status < 400)
		conclude(v, WC_OUT_REFUSED,
				 "%s redirected the request (HTTP %u), which is not followed; set api_url to where the hub is", r->host,
				 (unsigned) status);
	else if (status >= 400 && status < 500 && status != 408)
		refuse(v, r);
	else if (v->outcome.error_message.len > 0)
		v->outcome.result = WC_OUT_RETRY;
	else
		conclude(v, WC_OUT_RETRY, "%s answered HTTP %u", r->host, (unsigned) status);
}

/* Without escapes in its members' strings; false: it has to become a tree. */
static bool
scan(parsed *body, const char *text, size_t len)
{
	body->count = json_scan_object(text, len, body->members, MOST_MEMBERS);
	for (int i = 0; i < body->count; i++)
	{
		if (body->members[i].escaped)
			body->count = -1;
	}
	return body->count >= 0;
}

/* What cannot be stored, or a number too large, does not make an answer strange. */
static void
take_apart(parsed *body, const char *text, size_t len)
{
	json_t *root;

	if (scan(body, text, len))
		return;
	json_load_mend(&body->text, text, len);
	root = json_loadb(body->text.p, body->text.len, JSON_DECODE_INT_AS_REAL, NULL);
	if (json_is_object(root))
		body->tree = root;
	else
		json_decref(root);
}

void
send_reply_classify(const send_reply *r, send_reply_verdict *v)
{
	parsed body;

	body.count = -1;
	body.text = (json_mended){NULL, 0, NULL};
	body.tree = NULL;
	memset(&v->outcome, 0, sizeof(v->outcome));
	v->outcome.http_status = r->http_status;
	if (!r->body_too_large && r->body_len > 0)
		take_apart(&body, r->body, r->body_len);
	if (r->http_status >= 200 && r->http_status < 300)
		classify_success(r, &body, v);
	else
		classify_failure(r, &body, v);
	json_decref(body.tree);
	json_load_free(&body.text);
}
