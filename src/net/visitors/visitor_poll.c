/*
 * visitor_poll.c
 *	  A request opens a session, brings frames, confirms the hub's, or waits for more: any
 *	  of these together.  The session is a session like the others: the same code
 *	  reads its frames and speaks to it.
 */
#include "visitors/visitor_poll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/proxies.h"
#include "common/origin.h"
#include "http/http_reply.h"
#include "visitors/poll_line.h"
#include "visitors/visitor_admit.h"
#include "visitors/visitor_input.h"
#include "ws/ws_handshake.h"

/* What is said to a client whose session is not known, or whose key is not. */
#define UNKNOWN_SESSION "{\"taken\":0,\"first\":1,\"close\":{\"code\":1006,\"reason\":\"no such session\"}}\n"
#define UNKNOWN_KEY                                                                                                    \
	"{\"taken\":0,\"first\":1,\"close\":{\"code\":4001,\"reason\":\"this public key is not valid; look at the "        \
	"widget's webChatId\"}}\n"

static enum MHD_Result
on_argument(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value, size_t value_len)
{
	(void) kind;
	ws_handshake_argument(cls, name, name_len, value ? value : "", value ? value_len : 0);
	return MHD_YES;
}

void
visitor_poll_check_head(conn *c, const char *method)
{
	if (strcmp(method, "POST") != 0)
		http_reply_refuse(c, REFUSE_METHOD_POST, NULL);
}

/* Only the page that asked may read it; its origin was found to be in its one form, or is nobody's. */
static void
answer_with(conn *c, char *text, size_t len)
{
	char origin[WC_ORIGIN_SIZE];

	c->answer = http_response_text(text, len, "text/plain; charset=utf-8");
	if (!c->answer.owned || c->head.origin.p == NULL || c->head.origin.len >= sizeof(origin))
		return;
	snprintf(origin, sizeof(origin), "%.*s", (int) c->head.origin.len, c->head.origin.p);
	MHD_add_response_header(c->answer.response, "Access-Control-Allow-Origin", origin);
	MHD_add_response_header(c->answer.response, "Vary", "Origin");
	MHD_add_response_header(c->answer.response, "Cache-Control", "no-store");
}

static void
answer_text(conn *c, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		http_reply_refuse(c, REFUSE_MEMORY, NULL);
	else
		answer_with(c, copy, strlen(copy));
}

static void
answer_line(conn *c, poll_line *p, bool frames, const char *id)
{
	wc_buf buf = {NULL, 0, 0, false};

	if (poll_line_answer(p, frames, id, &buf))
		answer_with(c, buf.data, buf.len); /* which frees it */
	else
	{
		wc_buf_free(&buf);
		http_reply_refuse(c, REFUSE_MEMORY, NULL);
	}
}

/* Give the request that waits its answer; it is resumed by the caller. */
static conn *
take_parked(poll_line *p)
{
	conn *c = p->parked;

	if (c == NULL)
		return NULL;
	p->parked = NULL;
	c->poll = NULL;
	p->s.v->polls_parked--;
	poll_line_heard(p);
	return c;
}

static void
release(poll_line *p)
{
	conn *c = take_parked(p);

	if (c == NULL)
		return;
	answer_line(c, p, true, NULL);
	http_reply_resume(c);
}

/* Take the client's frames that have not come before, as far as there is room for them. */
static void
take_frames(poll_line *p, poll_body *poll)
{
	ws *w = &p->s.w;
	uint64_t number = poll->first;
	uint32_t most = p->s.v->host.max_message;
	wc_str frame;

	for (; w->state == WS_OPEN && number <= p->taken + 1 && poll_body_next(&poll->frames, &frame); number++)
	{
		if (number <= p->taken)
			continue;
		if (w->host->calls->room(w) == 0)
			return;
		p->taken++;
		if (frame.len > most)
			visitor_input_large(w, frame.p, most);
		else
			visitor_input_text(w, frame.p, frame.len);
	}
}

static void
go_on(conn *c, poll_line *p, poll_body *poll)
{
	visitors *v = p->s.v;

	poll_line_confirmed(p, poll->ack);
	poll_line_heard(p);
	if (p->s.w.state == WS_OPEN)
		visitor_input_control(&p->s.w);
	take_frames(p, poll);
	if (poll->over)
		ws_server_close(&p->s.w, WS_CLOSE_NORMAL, "");
	if (!poll->wait || poll_line_speaks(p))
	{
		answer_line(c, p, poll->wait, NULL);
		return;
	}
	/* one at a time, and not so many that nobody else finds a connection */
	release(p);
	if (v->polls_parked >= c->server->max_connections / 2)
	{
		answer_line(c, p, true, NULL);
		return;
	}
	p->parked = c;
	c->poll = p;
	v->polls_parked++;
	http_reply_park(c);
}

/* As visitor_admit(), where the request is one. */
static refusal
may_open(conn *c, visitors *v, address_count **count)
{
	if (v->closing)
		return REFUSE_CLOSING;
	if (!c->server->open)
		return REFUSE_NOT_OPEN;
	if (corridor_io_full(v->corridor))
		return REFUSE_BEHIND;
	if (v->connections >= v->max_visitors)
		return REFUSE_VISITORS;
	if (proxies_trust(&c->client))
		return REFUSE_NOTHING;
	*count = address_counts_take(v->addresses, &c->client, v->max_per_address);
	return *count == NULL ? REFUSE_VISITORS_ADDRESS : REFUSE_NOTHING;
}

static void
open_line(conn *c, visitors *v, const channel *ch, poll_body *poll)
{
	address_count *count = NULL;
	refusal why = may_open(c, v, &count);
	char id[POLL_ID_LEN + 1];
	poll_line *p;

	if (why != REFUSE_NOTHING)
	{
		http_reply_refuse(c, why, NULL);
		return;
	}
	p = poll_line_new(v, id);
	if (p == NULL)
	{
		if (count != NULL)
			address_counts_give(v->addresses, count);
		http_reply_refuse(c, REFUSE_MEMORY, NULL);
		return;
	}
	p->s.client = c->client;
	p->s.count = count;
	p->s.origin_tag = visitor_admit_origin_tag(c->head.origin.p, c->head.origin.len);
	memcpy(p->s.entry.channel, ch->id, 16);
	visitor_registry_add(v->sessions, &p->s.entry);
	v->connections++;
	metrics_now.visitors_entered++;
	metrics_now.polls_entered++;
	timeouts_set(&v->timeouts, &p->s.w.timeout, PHASE_HELLO, uv_now(v->loop));
	take_frames(p, poll);
	answer_line(c, p, true, id);
	OPENSSL_cleanse(id, sizeof(id));
}

void
visitor_poll_handle(conn *c, const char *body, size_t len)
{
	visitors *v = c->server->owner;
	ws_handshake query = {.link = false};
	const channel *ch;
	poll_body poll;
	poll_line *p;
	const char *why;

	MHD_get_connection_values_n(c->mhd, MHD_GET_ARGUMENT_KIND, on_argument, &query);
	ch = query.public_key.p ? channels_find_key(v->channels, query.public_key.p, query.public_key.len) : NULL;
	if (ch == NULL)
		answer_text(c, UNKNOWN_KEY);
	else if (c->head.origin.p == NULL || channels_origin(ch, c->head.origin) == NULL)
	{
		log_origin(c->head.origin.p, c->head.origin.len);
		http_reply_refuse(c, REFUSE_ORIGIN, NULL);
	}
	else if (!poll_body_parse(body, len, &poll, &why))
		http_reply_refuse(c, REFUSE_PAYLOAD, why);
	else if (poll.id[0] == '\0')
		open_line(c, v, ch, &poll);
	/* of another page, or of another channel, it is as if it were not there */
	else if ((p = poll_line_find(v, poll.id)) == NULL || memcmp(p->s.entry.channel, ch->id, 16) != 0 ||
			 p->s.origin_tag != visitor_admit_origin_tag(c->head.origin.p, c->head.origin.len))
		answer_text(c, UNKNOWN_SESSION);
	else
		go_on(c, p, &poll);
}

/* Nothing was to be said for long: so the client asks again. */
void
visitor_poll_unpark(conn *c)
{
	poll_line *p = c->poll;

	if (p == NULL || take_parked(p) == NULL)
		answer_text(c, UNKNOWN_SESSION);
	else
		answer_line(c, p, true, NULL);
}

void
visitor_poll_forget(conn *c)
{
	if (c->poll != NULL)
		(void) take_parked(c->poll);
}

/* Outside of every callback: who has something to say says it, and who is dead goes. */
void
visitor_poll_run(visitors *v)
{
	poll_line *p;

	while ((p = v->polls_ready) != NULL)
	{
		v->polls_ready = p->next_ready;
		p->ready = false;
		release(p);
	}
	while ((p = v->polls_dead) != NULL)
	{
		v->polls_dead = p->next_dead;
		v->host.out_total -= p->out.len;
		v->host.calls->gone(&p->s.w);
		wc_buf_free(&p->out);
		free(p);
	}
}
