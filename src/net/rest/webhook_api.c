/*
 * webhook_api.c
 *	  /v1/organization/webhook and below (doc/hub-contract.md, section 2), by which others keep
 *	  webhooks at this hub, and visitors who are handed out, erased or sent a link: from the head to the worker,
 *	  who does it all, and from the worker's word to the answer.
 */
#include "rest/webhook_api.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json_load.h"
#include "base/text.h"
#include "http/http_reply.h"
#include "rest/send_api.h"
#include "common/event_rules.h"

/* Those of which a body is taken. */
static bool
brings_body(const char *method)
{
	return strcmp(method, "POST") == 0 || strcmp(method, "PATCH") == 0;
}

static bool
is_method(const char *method)
{
	return brings_body(method) || strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0;
}

static void
check_head(conn *c, const char *method, uint8_t scope)
{
	refusal why = send_api_check_key(c, scope);

	if (!is_method(method))
		http_reply_refuse(c, REFUSE_METHOD_REST, NULL);
	else if (why != REFUSE_NOTHING)
		http_reply_refuse(c, why, NULL);
	else if (c->asked == NULL)
		http_reply_refuse(c, REFUSE_MEMORY, NULL);
	else if (!text_is_ascii(c->asked, strlen(c->asked), '!'))
		http_reply_refuse(c, REFUSE_PAYLOAD, "The path and the query must be visible characters of ASCII.");
	else
		snprintf(c->method, sizeof(c->method), "%s", method);
}

void
webhook_api_check_head(conn *c, const char *method)
{
	check_head(c, method, WC_SCOPE_WEBHOOKS);
}

void
webhook_api_check_person(conn *c, const char *method)
{
	check_head(c, method, WC_SCOPE_VISITORS);
}

/* Could the database read it as JSON?  An empty one is none. */
static bool
is_json(const char *body, size_t len, char reason[WC_REASON_SIZE])
{
	json_t *root = len > 0 ? json_load_body(body, len, reason) : NULL;

	json_decref(root);
	return len == 0 || root != NULL;
}

static refusal
ask(conn *c, const char *body, size_t len)
{
	http_server *d = c->server;
	wc_api_call m;
	size_t path_len;
	size_t query_len;
	bool written;

	memset(&m, 0, sizeof(m));
	m.request = inflight_take(d->inflight, c, len, d->max_waiting);
	if (m.request == 0)
		return REFUSE_BEHIND;
	m.key = c->key;
	m.method = wc_str_from(c->method);
	m.path.p = routes_path(c->asked, &path_len);
	m.path.len = (uint32_t) path_len;
	m.query.p = routes_query(c->asked, &query_len);
	m.query.len = (uint32_t) query_len;
	m.body = (wc_str){body, (uint32_t) len};
	written = wc_write_api_call(corridor_io_out(d->corridor), &m);
	corridor_io_nudge(d->corridor);
	if (!written)
	{
		inflight_give(d->inflight, m.request);
		return REFUSE_LARGE;
	}
	http_reply_wait(c, m.request);
	return REFUSE_NOTHING;
}

void
webhook_api_handle(conn *c, const char *body, size_t len)
{
	char reason[WC_REASON_SIZE] = "";
	refusal why = http_reply_blocked(c);
	json_mended text;

	json_load_mend(&text, body, brings_body(c->method) ? len : 0);
	if (why == REFUSE_NOTHING && !is_json(text.p, text.len, reason))
		why = REFUSE_PAYLOAD;
	if (why == REFUSE_NOTHING)
		why = ask(c, text.p, text.len);
	json_load_free(&text);
	if (why != REFUSE_NOTHING)
		http_reply_refuse(c, why, reason);
}

static http_response
answer_of(const wc_api_answer *m)
{
	char *text;
	http_response a;

	if (m->body.len == 0)
		return http_response_empty();
	text = net_alloc(m->body.len);
	memcpy(text, m->body.p, m->body.len);
	a = http_response_text(text, m->body.len, "application/json");
	if (!a.owned)
		return a;
	a.status = m->http_status;
	/* it may hold a signing secret, or a person's data */
	MHD_add_response_header(a.response, "Cache-Control", "no-store");
	return a;
}

void
webhook_api_done(http_server *d, const wc_api_answer *answer)
{
	conn *c = inflight_find(d->inflight, answer->request);

	/* Not there: it was given up meanwhile. */
	if (c == NULL || (c->route != ROUTE_ORGANIZATION && c->route != ROUTE_PERSON))
		return;
	inflight_give(d->inflight, answer->request);
	if (answer->http_status == 503)
		http_reply_refuse(c, REFUSE_BUSY, NULL);
	else
		c->answer = answer_of(answer);
	http_reply_resume(c);
}
