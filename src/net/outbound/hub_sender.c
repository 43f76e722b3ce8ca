/*
 * hub_sender.c
 *	  Messages to hubs: what the worker wants sent goes in, one outcome for each
 *	  comes out.
 */
#include "outbound/hub_sender.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "client/client_pool.h"
#include "outbound/send_body.h"
#include "outbound/send_reply.h"

/* A hub's answer, in bytes. */
#define MAX_ANSWER_BODY (64 * 1024)

struct sender
{
	sender_outcome_fn on_outcome;
	void *arg;
	exchange *exchange;
};

static const char *
load(void *arg, transfer *t)
{
	const message *m = (const message *) t->errand;
	target *to = t->peer->target;
	char uuid[37];

	(void) arg;
	if (!transfer_is_at(t, to, m->kind))
	{
		char url[8192];
		int n = snprintf(url, sizeof(url), "%s/v1/communication/%s/message", to->url, m->kind);

		if (n < 0 || (size_t) n >= sizeof(url) || !transfer_aim(t, to, m->kind, url))
			return "libcurl has no memory, or the hub's api_url is too long";
	}
	transfer_load(t, t->errand);
	wc_uuid_print(m->id, uuid);
	transfer_line(t, "Idempotency-Key: %s", uuid);
	transfer_end_lines(t, to->headers);
	return NULL;
}

/* What the answer says, or its absence: everything but token and duration. */
static void
judge(const transfer *t, CURLcode code, reply_verdict *v)
{
	reply r = {0};
	char text[2 * REPLY_MAX_TEXT];
	long http_status = 0;
	long sent = 0;

	r.http_status = transfer_answered(t, code);
	if (r.http_status > 0)
	{
		r.body = t->body;
		r.body_len = t->body_len;
		r.body_too_large = t->body_too_large;
		r.retry_after_s = transfer_retry_after_s(t, r.http_status);
		r.host = t->target->host;
		reply_classify(&r, v);
		return;
	}
	transfer_explain(t, code, text, sizeof(text));
	reply_say(v, code == CURLE_OUT_OF_MEMORY || t->head_too_large ? WC_OUT_RETRY : WC_OUT_UNREACHABLE, "%s", text);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_status);
	v->outcome.http_status = (uint32_t) http_status;
	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
	v->outcome.unanswered = v->outcome.result == WC_OUT_UNREACHABLE && sent > 0;
}

static void
done(void *arg, const transfer *t, CURLcode code, uint32_t took_us)
{
	sender *s = arg;
	reply_verdict v;

	judge(t, code, &v);
	v.outcome.token = t->errand->token;
	v.outcome.duration_us = took_us;
	s->on_outcome(s->arg, &v.outcome);
}

static void
failed(void *arg, const errand *e)
{
	sender *s = arg;
	reply_verdict v;

	reply_say(&v, e->failure, "%s", e->failure_text);
	v.outcome.token = e->token;
	s->on_outcome(s->arg, &v.outcome);
}

static const exchange_owner owner = {
	.load = load,
	.done = done,
	.failed = failed,
	.keep = MAX_ANSWER_BODY,
	.most = MAX_ANSWER_BODY,
};

/* ---- the interface ---- */

sender *
sender_new(uv_loop_t *loop, sender_outcome_fn on_outcome, void *arg)
{
	sender *s = net_alloc(sizeof(sender));

	s->on_outcome = on_outcome;
	s->arg = arg;
	s->exchange = exchange_new(loop, &owner, s);
	if (s->exchange != NULL)
		return s;
	free(s);
	return NULL;
}

void
sender_configure(sender *s, const wc_config *config)
{
	exchange_configure(s->exchange, config->max_in_flight, config->send_timeout_ms, config->connect_timeout_ms,
					   config->connection_lifetime_ms, config->ca_file);
}

void
sender_hub_put(sender *s, const wc_hub_put *put)
{
	const peer *p = exchange_find(s->exchange, put->hub);

	if (p == NULL || !target_is_of_hub(p->target, put))
		exchange_put(s->exchange, put->hub, target_of_hub(put));
}

void
sender_hub_gone(sender *s, uint32_t id)
{
	exchange_drop(s->exchange, id, WC_OUT_UNREACHABLE, "the hub was removed before the message was sent");
}

static void
refuse(sender *s, const wc_send *send, wc_outcome_result result, const char *text)
{
	exchange_fail(s->exchange, errand_new(sizeof(errand), send->token), result, text);
}

void
sender_send(sender *s, const wc_send *send)
{
	peer *p = exchange_find(s->exchange, send->hub);
	const char *refusal = NULL;
	message *m;

	if (p == NULL)
		refuse(s, send, WC_OUT_UNREACHABLE, "the hub is not known to webchatt-net");
	else if (!exchange_has_room(s->exchange))
		refuse(s, send, WC_OUT_RETRY, "too many messages wait in webchatt-net; this one is sent later");
	else if ((m = message_new(send, &refusal)) == NULL)
		refuse(s, send, WC_OUT_REFUSED, refusal);
	else
		exchange_begin(s->exchange, p, &m->errand);
}

uint32_t
sender_pending(const sender *s)
{
	return exchange_pending(s->exchange);
}

void
sender_free(sender *s)
{
	exchange_free(s->exchange);
	free(s);
}
