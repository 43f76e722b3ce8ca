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

struct hub_sender
{
	hub_sender_outcome_fn on_outcome;
	void *arg;
	client_pool *pool;
};

static const char *
load(void *arg, transfer *t)
{
	const send_body *m = (const send_body *) t->request;
	target *to = t->destination->target;
	char uuid[37];

	(void) arg;
	if (!transfer_is_at(t, to, m->kind))
	{
		char url[8192];
		int n = snprintf(url, sizeof(url), "%s/v1/communication/%s/message", to->url, m->kind);

		if (n < 0 || (size_t) n >= sizeof(url) || !transfer_aim(t, to, m->kind, url))
			return "libcurl has no memory, or the hub's api_url is too long";
	}
	transfer_load(t, t->request);
	wc_uuid_print(m->id, uuid);
	transfer_pair(t, "Idempotency-Key: ", uuid, 36);
	transfer_end_lines(t, to->headers);
	return NULL;
}

/* What the answer says, or its absence: everything but token and duration. */
static void
classify(const transfer *t, CURLcode code, send_reply_verdict *v)
{
	send_reply r = {0};
	char text[2 * SEND_REPLY_MAX_TEXT];
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
		send_reply_classify(&r, v);
		return;
	}
	transfer_explain(t, code, text, sizeof(text));
	send_reply_set(v, code == CURLE_OUT_OF_MEMORY || t->head_too_large ? WC_OUT_RETRY : WC_OUT_UNREACHABLE, "%s", text);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_status);
	v->outcome.http_status = (uint32_t) http_status;
	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
	v->outcome.unanswered = v->outcome.result == WC_OUT_UNREACHABLE && sent > 0;
}

static void
done(void *arg, const transfer *t, CURLcode code, uint32_t took_us)
{
	hub_sender *s = arg;
	send_reply_verdict v;

	classify(t, code, &v);
	v.outcome.token = t->request->token;
	v.outcome.duration_us = took_us;
	s->on_outcome(s->arg, &v.outcome);
}

static void
failed(void *arg, const client_request *e)
{
	hub_sender *s = arg;
	send_reply_verdict v;

	send_reply_set(&v, e->failure, "%s", e->failure_text);
	v.outcome.token = e->token;
	s->on_outcome(s->arg, &v.outcome);
}

static const client_pool_owner owner = {
	.load = load,
	.done = done,
	.failed = failed,
	.keep = MAX_ANSWER_BODY,
	.most = MAX_ANSWER_BODY,
};

/* ---- the interface ---- */

hub_sender *
hub_sender_new(uv_loop_t *loop, hub_sender_outcome_fn on_outcome, void *arg)
{
	hub_sender *s = net_alloc(sizeof(hub_sender));

	s->on_outcome = on_outcome;
	s->arg = arg;
	s->pool = client_pool_new(loop, &owner, s);
	if (s->pool != NULL)
		return s;
	free(s);
	return NULL;
}

void
hub_sender_configure(hub_sender *s, const wc_config *config)
{
	client_pool_configure(s->pool, config->max_in_flight, config->send_timeout_ms, config);
}

void
hub_sender_hub_put(hub_sender *s, const wc_hub_put *put)
{
	client_pool_put_hub(s->pool, put);
}

void
hub_sender_hub_gone(hub_sender *s, uint32_t id)
{
	client_pool_drop(s->pool, id, WC_OUT_UNREACHABLE, "the hub was removed before the message was sent");
}

static void
refuse(hub_sender *s, const wc_send *send, wc_outcome_result result, const char *text)
{
	client_pool_fail(s->pool, client_queue_new_request(sizeof(client_request), send->token), result, text);
}

void
hub_sender_send(hub_sender *s, const wc_send *send)
{
	destination *p = client_pool_find(s->pool, send->hub);
	const char *refusal = NULL;
	send_body *m;

	if (p == NULL)
		refuse(s, send, WC_OUT_UNREACHABLE, "the hub is not known to webchatt-net");
	else if (!client_pool_has_room(s->pool))
		refuse(s, send, WC_OUT_RETRY, "too many messages wait in webchatt-net; this one is sent later");
	else if ((m = send_body_new(send, &refusal)) == NULL)
		refuse(s, send, WC_OUT_REFUSED, refusal);
	else
	{
		m->request.bulk = send->bulk;
		client_pool_begin(s->pool, p, &m->request);
	}
}

uint32_t
hub_sender_pending(const hub_sender *s)
{
	return client_pool_pending(s->pool);
}

uint32_t
hub_sender_queued(const hub_sender *s)
{
	return client_pool_queued(s->pool);
}

void
hub_sender_free(hub_sender *s)
{
	client_pool_free(s->pool);
	free(s);
}
