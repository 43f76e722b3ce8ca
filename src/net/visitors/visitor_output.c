/*
 * visitor_output.c
 *	  Frames from the hub to visitors' clients, as doc/protocol.md has them.
 *
 * Ids are our own or were checked on their way in, contents and messages are
 * JSON that the worker or visitor_content() made: only other texts are escaped.
 */
#include "visitors/visitor_output.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "common/event_rules.h"

/* When a page of history that could not be read is to be asked for again, in ms. */
#define ASK_AGAIN_MS 500

/* Append a text of ours; its length is known to the compiler where it is a literal. */
static inline void __attribute__((always_inline)) put(wc_buf *buf, const char *text)
{
	wc_buf_append(buf, text, strlen(text));
}

static void
put_number(wc_buf *buf, int64_t n)
{
	char digits[24];
	char *p = digits + sizeof(digits);
	uint64_t left = n < 0 ? -(uint64_t) n : (uint64_t) n;

	do
		*--p = (char) ('0' + left % 10);
	while ((left /= 10) > 0);
	if (n < 0)
		*--p = '-';
	wc_buf_append(buf, p, (size_t) (digits + sizeof(digits) - p));
}

static void
put_str(wc_buf *buf, wc_str s)
{
	wc_buf_append(buf, s.p, s.len);
}

/* A JSON string of any text. */
static void
put_text(wc_buf *buf, const char *text, size_t len)
{
	json_t *string = json_stringn(text, len);
	char *json = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

	if (json != NULL)
		wc_buf_append(buf, json, strlen(json));
	else
		wc_buf_append(buf, "\"\"", 2);
	free(json);
	json_decref(string);
}

static void
put_uuid(wc_buf *buf, const uint8_t uuid[16])
{
	char text[37];

	wc_uuid_print(uuid, text);
	wc_buf_append(buf, text, 36);
}

/* A member of an object, unless the id is all zeros. */
static void
put_id(wc_buf *buf, const char *name, const uint8_t uuid[16])
{
	static const uint8_t zeros[16];

	if (memcmp(uuid, zeros, sizeof(zeros)) == 0)
		return;
	put(buf, name);
	put_uuid(buf, uuid);
	put(buf, "\"");
}

/* Are there older messages? */
static void
put_more(wc_buf *buf, bool more)
{
	put(buf, more ? ",\"more\":true" : ",\"more\":false");
}

static wc_buf *
begin(visitors *v)
{
	wc_buf_reset(&v->text);
	return &v->text;
}

/* Send what was written to one session. */
static bool
finish(session *s)
{
	wc_buf *buf = &s->v->text;

	ws_server_cork(&s->w);
	if (!buf->failed)
		return ws_server_send(&s->w, buf->data, buf->len);
	ws_server_close(&s->w, WS_CLOSE_INTERNAL, "out of memory");
	return false;
}

typedef struct telling
{
	uint64_t but; /* a session that is left out; 0: none */
	int took;
} telling;

static void
tell(void *arg, visitor_entry *e)
{
	telling *t = arg;
	session *s = session_of(e);

	if (e->number != t->but && finish(s))
		t->took++;
}

static void
count(void *arg, visitor_entry *e)
{
	telling *t = arg;

	t->took += e->number != t->but;
}

/* Is there a session that would be told?  Mostly the visitor has one, which wrote, or none. */
static bool
is_told(visitors *v, const uint8_t channel[16], const uint8_t visitor[16], uint64_t but)
{
	telling t = {but, 0};

	visitor_registry_each(v->sessions, channel, visitor, count, &t);
	return t.took > 0;
}

/* Send what was written to all sessions of a visitor. */
static int
finish_all(visitors *v, const uint8_t channel[16], const uint8_t visitor[16], uint64_t but)
{
	telling t = {but, 0};

	visitor_registry_each(v->sessions, channel, visitor, tell, &t);
	return t.took;
}

static int64_t
ms_of(const uint8_t message[16])
{
	return wc_uuid7_time_us(message) / 1000;
}

void
visitor_output_welcome(session *s, const wc_welcome *welcome, const channel *ch, const char *token)
{
	wc_buf *buf = begin(s->v);

	put(buf, "{\"type\":\"welcome\",\"visitor\":\"");
	put_uuid(buf, welcome->visitor);
	if (token != NULL)
	{
		put(buf, "\",\"token\":\"");
		put(buf, token);
	}
	put(buf, "\",\"name\":");
	put_text(buf, ch->display_name.p, ch->display_name.len);
	put(buf, ",\"messages\":");
	if (welcome->messages.len > 0)
		put_str(buf, welcome->messages);
	else
		put(buf, "[]");
	put_id(buf, ",\"from\":\"", welcome->from);
	put_id(buf, ",\"read\":\"", welcome->read);
	put_more(buf, welcome->more);
	put(buf, ",\"limits\":{\"message\":");
	put_number(buf, s->v->max_message);
	put(buf, "}}");
	finish(s);
}

void
visitor_output_history(session *s, const wc_history *history)
{
	wc_buf *buf;

	if (history->busy)
	{
		visitor_output_error(s, "busy", NULL, ASK_AGAIN_MS, "Older messages could not be read now; ask again.");
		return;
	}
	buf = begin(s->v);
	put(buf, "{\"type\":\"history\",\"before\":\"");
	put_uuid(buf, history->before);
	put(buf, "\",\"messages\":");
	if (history->messages.len > 0)
		put_str(buf, history->messages);
	else
		put(buf, "[]");
	put_more(buf, history->more);
	put(buf, "}");
	finish(s);
}

void
visitor_output_ack(session *s, const char *id, const uint8_t message[16], int64_t at_ms)
{
	wc_buf *buf = begin(s->v);

	put(buf, "{\"type\":\"ack\",\"id\":\"");
	put(buf, id);
	put(buf, "\"");
	if (message != NULL)
	{
		put(buf, ",\"message\":\"");
		put_uuid(buf, message);
		put(buf, "\"");
	}
	put(buf, ",\"at\":");
	put_number(buf, at_ms);
	put(buf, "}");
	finish(s);
}

void
visitor_output_error(session *s, const char *code, const char *id, uint32_t retry_after_ms, const char *text)
{
	wc_buf *buf = begin(s->v);

	put(buf, "{\"type\":\"error\",\"code\":\"");
	put(buf, code);
	put(buf, "\"");
	if (id != NULL && id[0] != '\0')
	{
		put(buf, ",\"id\":\"");
		put(buf, id);
		put(buf, "\"");
	}
	if (retry_after_ms > 0)
	{
		put(buf, ",\"retry_after\":");
		put_number(buf, retry_after_ms);
	}
	put(buf, ",\"text\":");
	put_text(buf, text, strlen(text));
	put(buf, "}");
	finish(s);
}

void
visitor_output_pong(session *s)
{
	static const char pong[] = "{\"type\":\"pong\"}";

	ws_server_send(&s->w, pong, sizeof(pong) - 1);
}

/* What both directions' messages begin with. */
static wc_buf *
begin_message(visitors *v, const uint8_t message[16], const char *direction, const char *status)
{
	wc_buf *buf = begin(v);

	put(buf, "{\"type\":\"message\",\"id\":\"");
	put_uuid(buf, message);
	put(buf, "\",\"direction\":\"");
	put(buf, direction);
	put(buf, "\",\"at\":");
	put_number(buf, ms_of(message));
	put(buf, ",\"status\":\"");
	put(buf, status);
	put(buf, "\"");
	return buf;
}

int
visitor_output_message_out(visitors *v, const wc_send *send, const uint8_t visitor[16])
{
	wc_buf *buf;

	if (!is_told(v, send->channel, visitor, 0))
		return 0;
	buf = begin_message(v, send->message, "out", "sent");
	put(buf, ",\"content\":");
	put_str(buf, send->content);
	put(buf, "}");
	return finish_all(v, send->channel, visitor, 0);
}

int
visitor_output_message_in(visitors *v, const uint8_t channel[16], const uint8_t visitor[16], uint64_t but,
						  const uint8_t message[16], const char *client, wc_str content)
{
	wc_buf *buf;

	if (!is_told(v, channel, visitor, but))
		return 0;
	buf = begin_message(v, message, "in", "received");
	put(buf, ",\"client\":\"");
	put(buf, client);
	put(buf, "\",\"content\":");
	put_str(buf, content);
	put(buf, "}");
	return finish_all(v, channel, visitor, but);
}

int
visitor_output_status_ids(visitors *v, const uint8_t channel[16], const uint8_t visitor[16], const char *status,
						  const uint8_t (*ids)[16], int n)
{
	wc_buf *buf = begin(v);
	int i;

	put(buf, "{\"type\":\"status\",\"status\":\"");
	put(buf, status);
	put(buf, "\",\"ids\":[");
	for (i = 0; i < n; i++)
	{
		put(buf, i ? ",\"" : "\"");
		put_uuid(buf, ids[i]);
		put(buf, "\"");
	}
	put(buf, "]}");
	return finish_all(v, channel, visitor, 0);
}

int
visitor_output_status_upto(visitors *v, const wc_status *status)
{
	wc_buf *buf = begin(v);

	put(buf, "{\"type\":\"status\",\"status\":");
	put_text(buf, status->status.p, status->status.len);
	put(buf, ",\"upto\":\"");
	put_uuid(buf, status->upto);
	put(buf, "\"}");
	return finish_all(v, status->channel, status->visitor, 0);
}

int
visitor_output_typing(visitors *v, const wc_typing *typing)
{
	put(begin(v), "{\"type\":\"typing\"}");
	return finish_all(v, typing->channel, typing->visitor, 0);
}
