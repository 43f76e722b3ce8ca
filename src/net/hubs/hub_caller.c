/*
 * hub_caller.c
 */
#include "hubs/hub_caller.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "client/client_pool.h"
#include "base/log.h"
#include "base/json_load.h"
#include "base/metrics.h"
#include "base/text.h"

/* At a time, in all and of one hub; and how many may wait. */
#define MAX_UNDER_WAY  8
#define MAX_OF_ONE_HUB 2
#define MAX_QUEUED	   1000

/* The longest error and the longest URL, in bytes. */
#define MAX_ERROR 500
#define MAX_URL	  8192

struct hub_caller
{
	client_pool *pool;
	corridor_io *corridor;
};

/* One that waits or is under way; method and path lie in data. */
typedef struct call
{
	client_request request;
	const char *method;
	const char *path;
	char data[];
} call;

static void
set_method(transfer *t, const call *c)
{
	bool post = strcmp(c->method, "POST") == 0;
	bool get = strcmp(c->method, "GET") == 0;

	/* transfer_load() made it a POST. */
	if (!post && c->request.body == NULL)
		curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, post || (get && c->request.body == NULL) ? NULL : c->method);
}

static const char *
load(void *arg, transfer *t)
{
	const call *c = (const call *) t->request;
	target *to = t->destination->target;
	char url[MAX_URL];
	int n = snprintf(url, sizeof(url), "%s%s", to->url, c->path);

	(void) arg;
	if (n < 0 || (size_t) n >= sizeof(url) || !transfer_aim(t, to, "", url))
		return "libcurl has no memory, or the call's URL is too long";
	transfer_load(t, t->request);
	set_method(t, c);
	/* Without a body there is no type of one; libcurl would name its own in a POST. */
	if (c->request.body == NULL)
		transfer_line(t, "Content-Type:");
	transfer_end_lines(t, c->request.body != NULL ? to->headers : to->headers->next);
	return NULL;
}

static void
tell(hub_caller *c, const wc_call_done *done)
{
	metrics_answered(metrics_now.hub_calls, done->http_status);
	if (!wc_write_call_done(corridor_io_out(c->corridor), done))
		log_line(WC_LOG_WARNING, "a hub's answer to a call could not be handed to the worker: out of memory");
	corridor_io_nudge(c->corridor);
}

static void
done(void *arg, const transfer *t, CURLcode code, uint32_t took_us)
{
	uint32_t http_status = transfer_answered(t, code);
	wc_call_done d = {.token = t->request->token};
	char text[2 * MAX_ERROR];
	char error[MAX_ERROR];
	json_mended body;

	(void) took_us;
	text[0] = '\0';
	/* a list with a character in it that cannot be stored is a list all the same */
	json_load_mend(&body, t->body, t->body_len);
	if (http_status == 0)
		transfer_explain(t, code, text, sizeof(text));
	else if (t->body_too_large || body.len > WC_MAX_CALL_ANSWER)
		(void) snprintf(text, sizeof(text), "%s answered HTTP %u with a body of more than %u bytes", t->target->host,
						(unsigned) http_status, WC_MAX_CALL_ANSWER);
	if (text[0] != '\0')
	{
		d.error.p = error;
		d.error.len = (uint32_t) text_line(error, sizeof(error), text, strlen(text));
	}
	else
	{
		d.http_status = http_status;
		d.retry_after_ms = transfer_retry_after_s(t, http_status) * 1000;
		d.body.p = body.p;
		d.body.len = (uint32_t) body.len;
	}
	tell(arg, &d);
	json_load_free(&body);
}

static void
failed(void *arg, const client_request *e)
{
	wc_call_done d = {.token = e->token, .error = wc_str_from(e->failure_text)};

	tell(arg, &d);
}

static const client_pool_owner owner = {
	.load = load,
	.done = done,
	.failed = failed,
	.keep = WC_MAX_CALL_ANSWER,
	.most = WC_MAX_CALL_ANSWER,
	.window = MAX_OF_ONE_HUB,
};

/* ---- the interface ---- */

hub_caller *
hub_caller_new(uv_loop_t *loop, corridor_io *corridor)
{
	hub_caller *c = net_alloc(sizeof(hub_caller));

	c->corridor = corridor;
	c->pool = client_pool_new(loop, &owner, c);
	if (c->pool != NULL)
		return c;
	free(c);
	return NULL;
}

void
hub_caller_configure(hub_caller *c, const wc_config *config)
{
	client_pool_configure(c->pool, MAX_UNDER_WAY, config->send_timeout_ms, config);
}

void
hub_caller_hub_put(hub_caller *c, const wc_hub_put *hub)
{
	client_pool_put_hub(c->pool, hub);
}

void
hub_caller_hub_gone(hub_caller *c, uint32_t hub)
{
	client_pool_drop(c->pool, hub, WC_OUT_UNREACHABLE, "the hub was removed before it was called");
}

static bool
method_is_known(wc_str method)
{
	return wc_str_equals(method, "GET") || wc_str_equals(method, "POST") || wc_str_equals(method, "PATCH") ||
		   wc_str_equals(method, "DELETE");
}

/* Begins with /v1/, and nothing in it could end the request's line, or the path. */
static bool
path_is_good(wc_str path)
{
	if (path.len < 4 || memcmp(path.p, "/v1/", 4) != 0)
		return false;
	for (uint32_t i = 0; i < path.len; i++)
		if (path.p[i] < 0x21 || path.p[i] > 0x7E || path.p[i] == '#')
			return false;
	return true;
}

static char *
put_str(char *at, wc_str s)
{
	if (s.len > 0)
		memcpy(at, s.p, s.len);
	return at + s.len + 1; /* the allocation was zeros */
}

static call *
call_new(const wc_call *asked)
{
	size_t size = sizeof(call) + asked->method.len + 1 + asked->path.len + 1 + asked->body.len + 1;
	call *c = (call *) client_queue_new_request(size, asked->token);
	char *at = c->data;

	c->method = at;
	c->path = at = put_str(at, asked->method);
	at = put_str(at, asked->path);
	if (asked->body.len > 0)
	{
		c->request.body = at;
		c->request.body_len = asked->body.len;
		(void) put_str(at, asked->body);
	}
	return c;
}

void
hub_caller_call(hub_caller *c, const wc_call *asked)
{
	destination *p = client_pool_find(c->pool, asked->hub);
	const char *refusal = NULL;

	if (p == NULL)
		refusal = "the hub is not known to webchatt-net";
	else if (client_pool_queued(c->pool) >= MAX_QUEUED || !client_pool_has_room(c->pool))
		refusal = "too many calls of hubs wait in webchatt-net";
	else if (!method_is_known(asked->method))
		refusal = "the call's method is none of GET, POST, PATCH and DELETE";
	else if (!path_is_good(asked->path))
		refusal = "the call's path does not begin with /v1/, or has characters that a path cannot have";
	if (refusal == NULL)
		client_pool_begin(c->pool, p, &call_new(asked)->request);
	else
		client_pool_fail(c->pool, client_queue_new_request(sizeof(client_request), asked->token), WC_OUT_REFUSED,
						 refusal);
}

uint32_t
hub_caller_pending(const hub_caller *c)
{
	return client_pool_pending(c->pool);
}

void
hub_caller_free(hub_caller *c)
{
	client_pool_free(c->pool);
	free(c);
}
