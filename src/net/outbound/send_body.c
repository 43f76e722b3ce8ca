/*
 * send_body.c
 *	  One message on its way to a hub, its request's body ready made.
 */
#include "outbound/send_body.h"

#include <string.h>

#include <jansson.h>

#include "common/event_rules.h"
#include "base/alloc.h"
#include "base/text.h"

/* A channel type that may become part of a path. */
static bool
kind_is_valid(wc_str kind)
{
	return kind.len > 0 && kind.len <= WC_MAX_CHANNEL_TYPE && text_is_of(kind.p, kind.len, TEXT_SLUG);
}

static bool
needs_no_escape(wc_str s)
{
	for (uint32_t i = 0; i < s.len; i++)
	{
		unsigned char c = (unsigned char) s.p[i];

		if (c < 0x20 || c > 0x7E || c == '"' || c == '\\')
			return false;
	}
	return true;
}

/* The visitor's id as a JSON string, NULL when it is not UTF-8; free() it. */
static char *
quote(wc_str s, size_t *len)
{
	char *out;

	if (needs_no_escape(s))
	{
		out = net_alloc((size_t) s.len + 3);
		out[0] = out[s.len + 1] = '"';
		if (s.len > 0)
			memcpy(out + 1, s.p, s.len);
	}
	else
	{
		json_t *string = json_stringn(s.p, s.len);

		out = json_dumps(string, JSON_ENCODE_ANY | JSON_COMPACT);
		json_decref(string);
		if (out == NULL)
			return NULL;
	}
	*len = strlen(out);
	return out;
}

static char *
put(char *at, const void *data, size_t len)
{
	if (len > 0)
		memcpy(at, data, len);
	return at + len;
}

static send_body *
make_message(const wc_send *send, const char *to, size_t to_len)
{
	static const char from_head[] = "{\"from\":\"";
	static const char to_head[] = "\",\"to\":";
	static const char content_head[] = ",\"content\":";
	size_t data_len = (size_t) send->kind.len + 1 + sizeof(from_head) + 36 + sizeof(to_head) + to_len +
					  sizeof(content_head) + send->content.len + 1;
	send_body *m = (send_body *) client_queue_new_request(sizeof(send_body) + data_len, send->token);
	char channel[37];
	char *at;

	memcpy(m->id, send->message, sizeof(m->id));
	m->kind = m->data;
	at = put(m->data, send->kind.p, send->kind.len);
	*at++ = '\0';
	m->request.body = at;
	wc_uuid_print(send->channel, channel);
	at = put(at, from_head, sizeof(from_head) - 1);
	at = put(at, channel, 36);
	at = put(at, to_head, sizeof(to_head) - 1);
	at = put(at, to, to_len);
	at = put(at, content_head, sizeof(content_head) - 1);
	at = put(at, send->content.p, send->content.len);
	*at++ = '}';
	m->request.body_len = (size_t) (at - m->request.body);
	return m;
}

send_body *
send_body_new(const wc_send *send, const char **refusal)
{
	size_t to_len = 0;
	char *to;
	send_body *m;

	if (!kind_is_valid(send->kind))
	{
		*refusal =
			"the channel's kind is not 1 to 64 of the characters a-z, 0-9 and -; add the channel with a valid one";
		return NULL;
	}
	if (send->content.len == 0)
	{
		*refusal = "the message has no content";
		return NULL;
	}
	to = quote(send->to, &to_len);
	if (to == NULL)
	{
		*refusal = "the visitor's id is not valid UTF-8";
		return NULL;
	}
	m = make_message(send, to, to_len);
	free(to);
	return m;
}
