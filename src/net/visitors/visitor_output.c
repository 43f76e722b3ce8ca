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
#include "base/text.h"
#include "common/event_rules.h"

/* When a page of history that could not be read is to be asked for again, in ms. */
#define ASK_AGAIN_MS 500

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
	text_append(buf, name);
	put_uuid(buf, uuid);
	text_append(buf, "\"");
}

/* A list of ids. */
static void
put_ids(wc_buf *buf, const uint8_t (*ids)[16], int n)
{
	int i;

	for (i = 0; i < n; i++)
	{
		text_append(buf, i ? ",\"" : "[\"");
		put_uuid(buf, ids[i]);
		text_append(buf, "\"");
	}
	text_append(buf, n > 0 ? "]" : "[]");
}

/* Are there older messages? */
static void
put_more(wc_buf *buf, bool more)
{
	text_append(buf, more ? ",\"more\":true" : ",\"more\":false");
}

static void
put_limits(wc_buf *buf, const visitors *v)
{
	text_append(buf, ",\"limits\":{\"message\":");
	text_append_number(buf, v->max_message);
	text_append(buf, "}");
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

	text_append(buf, "{\"type\":\"welcome\",\"visitor\":\"");
	put_uuid(buf, welcome->visitor);
	if (token != NULL)
	{
		text_append(buf, "\",\"token\":\"");
		text_append(buf, token);
	}
	text_append(buf, "\",\"name\":");
	put_text(buf, ch->display_name.p, ch->display_name.len);
	text_append(buf, ",\"messages\":");
	if (welcome->messages.len > 0)
		put_str(buf, welcome->messages);
	else
		text_append(buf, "[]");
	put_id(buf, ",\"from\":\"", welcome->from);
	put_id(buf, ",\"read\":\"", welcome->read);
	put_more(buf, welcome->more);
	text_append(buf, welcome->closed ? ",\"conversation\":\"closed\"" : ",\"conversation\":\"open\"");
	if (welcome->user_id.len > 0)
	{
		text_append(buf, ",\"user\":{\"verified\":true,\"userId\":");
		put_text(buf, welcome->user_id.p, welcome->user_id.len);
		text_append(buf, "}");
	}
	if (welcome->gone.len > 0)
	{
		text_append(buf, ",\"gone\":");
		put_ids(buf, (const uint8_t(*)[16]) welcome->gone.p, (int) (welcome->gone.len / 16));
	}
	put_limits(buf, s->v);
	text_append(buf, "}");
	finish(s);
}

void
visitor_output_limits(session *s)
{
	wc_buf *buf = begin(s->v);

	text_append(buf, "{\"type\":\"limits\"");
	put_limits(buf, s->v);
	text_append(buf, "}");
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
	text_append(buf, "{\"type\":\"history\",\"before\":\"");
	put_uuid(buf, history->before);
	text_append(buf, "\",\"messages\":");
	if (history->messages.len > 0)
		put_str(buf, history->messages);
	else
		text_append(buf, "[]");
	put_more(buf, history->more);
	text_append(buf, "}");
	finish(s);
}

void
visitor_output_ack(session *s, const char *id, const uint8_t message[16], int64_t at_ms)
{
	wc_buf *buf = begin(s->v);

	text_append(buf, "{\"type\":\"ack\",\"id\":\"");
	text_append(buf, id);
	text_append(buf, "\"");
	if (message != NULL)
	{
		text_append(buf, ",\"message\":\"");
		put_uuid(buf, message);
		text_append(buf, "\"");
	}
	text_append(buf, ",\"at\":");
	text_append_number(buf, at_ms);
	text_append(buf, "}");
	finish(s);
}

void
visitor_output_error(session *s, const char *code, const char *id, uint32_t retry_after_ms, const char *text)
{
	wc_buf *buf = begin(s->v);

	text_append(buf, "{\"type\":\"error\",\"code\":\"");
	text_append(buf, code);
	text_append(buf, "\"");
	if (id != NULL && id[0] != '\0')
	{
		text_append(buf, ",\"id\":\"");
		text_append(buf, id);
		text_append(buf, "\"");
	}
	if (retry_after_ms > 0)
	{
		text_append(buf, ",\"retry_after\":");
		text_append_number(buf, retry_after_ms);
	}
	text_append(buf, ",\"text\":");
	put_text(buf, text, strlen(text));
	text_append(buf, "}");
	finish(s);
}

void
visitor_output_pong(session *s)
{
	static const char pong[] = "{\"type\":\"pong\"}";

	ws_server_send(&s->w, pong, sizeof(pong) - 1);
}

void
visitor_output_conversation(visitors *v, const wc_conversation *m)
{
	text_append(begin(v), m->closed ? "{\"type\":\"conversation\",\"state\":\"closed\"}"
									: "{\"type\":\"conversation\",\"state\":\"open\"}");
	(void) finish_all(v, m->channel, m->visitor, 0);
}

/* All of the visitor's clients show what was stored; what was not is said to the one that asked. */
void
visitor_output_rated(visitors *v, const wc_rated *m)
{
	visitor_entry *e = visitor_registry_find(v->sessions, m->session);
	wc_buf *buf;

	if (m->result == WC_RATING_STORED)
	{
		buf = begin(v);
		text_append(buf, "{\"type\":\"rating\",\"value\":");
		text_append_number(buf, m->value);
		text_append(buf, "}");
		(void) finish_all(v, m->channel, m->visitor, 0);
	}
	else if (e != NULL && m->result == WC_RATING_BUSY)
		visitor_output_error(session_of(e), "busy", NULL, 1000, "The rating could not be stored now; send it again.");
	else if (e != NULL)
		visitor_output_error(session_of(e), "rating", NULL, 0,
							 m->result == WC_RATING_OPEN ? "Only a conversation that is closed can be rated."
														 : "It was rated too long ago to be changed.");
}

void
visitor_output_settings(session *s)
{
	static const char settings[] = "{\"type\":\"settings\"}";

	ws_server_send(&s->w, settings, sizeof(settings) - 1);
}

/* What both directions' messages begin with. */
static wc_buf *
begin_message(visitors *v, const uint8_t message[16], const char *direction, const char *status)
{
	wc_buf *buf = begin(v);

	text_append(buf, "{\"type\":\"message\",\"id\":\"");
	put_uuid(buf, message);
	text_append(buf, "\",\"direction\":\"");
	text_append(buf, direction);
	text_append(buf, "\",\"at\":");
	text_append_number(buf, ms_of(message));
	text_append(buf, ",\"status\":\"");
	text_append(buf, status);
	text_append(buf, "\"");
	return buf;
}

int
visitor_output_message_out(visitors *v, const wc_send *send, const uint8_t visitor[16])
{
	wc_buf *buf;

	if (!is_told(v, send->channel, visitor, 0))
		return 0;
	buf = begin_message(v, send->message, "out", "sent");
	if (send->author.len > 0)
	{
		text_append(buf, ",\"author\":");
		put_str(buf, send->author);
	}
	text_append(buf, ",\"content\":");
	put_str(buf, send->content);
	text_append(buf, "}");
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
	text_append(buf, ",\"client\":\"");
	text_append(buf, client);
	text_append(buf, "\",\"content\":");
	put_str(buf, content);
	text_append(buf, "}");
	return finish_all(v, channel, visitor, but);
}

int
visitor_output_status_ids(visitors *v, const uint8_t channel[16], const uint8_t visitor[16], const char *status,
						  const uint8_t (*ids)[16], int n)
{
	wc_buf *buf = begin(v);

	text_append(buf, "{\"type\":\"status\",\"status\":\"");
	text_append(buf, status);
	text_append(buf, "\",\"ids\":");
	put_ids(buf, ids, n);
	text_append(buf, "}");
	return finish_all(v, channel, visitor, 0);
}

int
visitor_output_retracted(visitors *v, const wc_retracted *message)
{
	wc_buf *buf = begin(v);

	text_append(buf, "{\"type\":\"retracted\",\"ids\":");
	put_ids(buf, &message->message, 1);
	text_append(buf, "}");
	return finish_all(v, message->channel, message->visitor, 0);
}

int
visitor_output_status_upto(visitors *v, const wc_status *status)
{
	wc_buf *buf = begin(v);

	text_append(buf, "{\"type\":\"status\",\"status\":");
	put_text(buf, status->status.p, status->status.len);
	text_append(buf, ",\"upto\":\"");
	put_uuid(buf, status->upto);
	text_append(buf, "\"}");
	return finish_all(v, status->channel, status->visitor, 0);
}

int
visitor_output_typing(visitors *v, const wc_typing *typing)
{
	text_append(begin(v), "{\"type\":\"typing\"}");
	return finish_all(v, typing->channel, typing->visitor, 0);
}
