/*
 * webhook_sender.c
 *	  Somebody with an API key names the endpoint, and this server calls it.  So
 *	  each connection asks may_connect() for the address that it is about to be
 *	  made to, and none that was made under another setting is used again.
 *
 * One that does not answer gets one request at a time, until it answers; one
 * that nobody knows begins with a few.  So a dead endpoint holds one slot.
 */
#include "feed/webhook_sender.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "common/signature.h"
#include "base/alloc.h"
#include "client/address_policy.h"
#include "client/client_pool.h"
#include "client/webhook_target.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"

/* Bytes of an answer that are looked at, and that are waited for at all. */
#define KEEP_ANSWER 8192
#define MAX_ANSWER	(64 * 1024)

/* The longest error, and the longest token of a verification, in bytes. */
#define MAX_ERROR 500
#define MAX_TOKEN 1024

/* A new endpoint's requests at a time; each answer allows one more. */
#define FIRST_WINDOW 4

#define TOKEN_HEAD "X-Validation-Token: "

struct webhook_sender
{
	client_pool *pool;
	corridor_io *corridor;
	char *allowed_text; /* the setting */
	address_list allowed;
	uint16_t server_port; /* PostgreSQL's; 0: unknown */
};

/* One that waits or is under way. */
typedef struct delivery
{
	client_request request;
	uint8_t id[16];
	uint32_t attempt;
	char *token_line; /* of a verification, in data; NULL: an event */
	char data[];
} delivery;

/* ---- the request ---- */

static bool
sign(transfer *t, const char *secret)
{
	static const char digits[] = "0123456789abcdef";
	const client_request *e = t->request;
	char now[24];
	char hex[WC_SIGNATURE_HEX + 1];
	uint8_t mac[32];

	(void) snprintf(now, sizeof(now), "%lld", (long long) time(NULL));
	if (!wc_signature_make(secret, strlen(secret), now, e->body, e->body_len, mac))
		return false;
	for (size_t i = 0; i < sizeof(mac); i++)
	{
		hex[2 * i] = digits[mac[i] >> 4];
		hex[2 * i + 1] = digits[mac[i] & 15];
	}
	hex[WC_SIGNATURE_HEX] = '\0';
	transfer_line(t, "X-hub-Signature: t=%s,v1=%s", now, hex);
	return true;
}

static const char *
load(void *arg, transfer *t)
{
	const delivery *d = (const delivery *) t->request;
	target *to = t->destination->target;
	char uuid[37];

	(void) arg;
	if (!transfer_is_at(t, to, "") && !transfer_aim(t, to, "", to->url))
		return "libcurl has no memory for the webhook's endpoint";
	transfer_load(t, t->request);
	wc_uuid_print(d->id, uuid);
	transfer_pair(t, "X-Hub-Delivery: ", uuid, 36);
	transfer_line(t, "X-Hub-Attempt: %u", (unsigned) d->attempt);
	if (to->secret[0] != '\0' && !sign(t, to->secret))
		return "the delivery could not be signed: the crypto library failed";
	if (d->token_line != NULL)
		transfer_fixed_line(t, d->token_line);
	transfer_end_lines(t, to->headers);
	return NULL;
}

/*
 * Not to PostgreSQL's own port, wherever it is: what is private there is the
 * server itself more often than not, and it takes whoever comes from its own
 * machine for one of the house.
 */
static bool
may_connect(void *arg, const transfer *t, const net_addr *addr, uint16_t port)
{
	const webhook_sender *d = arg;

	if (port == d->server_port && port != 0)
		return false;
	return address_list_has(&d->allowed, addr) || (t->target->https && address_policy_is_public(addr));
}

/* ---- the answer ---- */

/* An error whose text lies beside it. */
typedef struct verdict
{
	wc_delivered delivered;
	char answer[WC_MAX_DELIVERY_ANSWER];
	char error[MAX_ERROR];
} verdict;

__attribute__((format(printf, 2, 3))) static void
say(verdict *v, const char *format, ...)
{
	char text[2 * MAX_ERROR];
	va_list args;

	va_start(args, format);
	(void) vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	v->delivered.error.p = v->error;
	v->delivered.error.len = (uint32_t) text_line(v->error, MAX_ERROR, text, strlen(text));
}

/* application/json, whatever parameters follow. */
static bool
is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t len = sizeof(json) - 1;

	return type != NULL && strncasecmp(type, json, len) == 0 && strchr("; \t", type[len]) != NULL;
}

/* The token as a JSON string, in whatever way it is escaped. */
static bool
is_token(const transfer *t, const char *token)
{
	size_t len = strlen(token);
	json_t *answer = NULL;
	bool same;

	if (t->body_came == t->body_len && t->body_len > 0)
		answer = json_loadb(t->body, t->body_len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	same = json_is_string(answer) && json_string_length(answer) == len &&
		   CRYPTO_memcmp(json_string_value(answer), token, len) == 0;
	json_decref(answer);
	return same;
}

static void
check_verification(const transfer *t, const char *token, verdict *v)
{
	char *type = NULL;

	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	if (!is_json(type))
		say(v, "%s answered the verification with %s%s, not with Content-Type application/json", t->target->host,
			type != NULL ? "Content-Type " : "no Content-Type", type != NULL ? type : "");
	else if (!is_token(t, token))
		say(v, "%s did not answer the verification with the token of X-Validation-Token as a JSON string",
			t->target->host);
	else
		v->delivered.good = 1;
}

static void
classify_answer(const transfer *t, uint32_t http_status, verdict *v)
{
	const delivery *d = (const delivery *) t->request;

	v->delivered.http_status = http_status;
	v->delivered.retry_after_ms = transfer_retry_after_s(t, http_status) * 1000;
	v->delivered.answer.p = v->answer;
	v->delivered.answer.len = (uint32_t) text_clean(v->answer, sizeof(v->answer), t->body, t->body_len,
													t->body_too_large || t->body_came > t->body_len);
	if (http_status >= 300 && http_status < 400)
		say(v,
			"%s redirected the delivery (HTTP %u), which is not followed; change the webhook's endpoint to where it is",
			t->target->host, (unsigned) http_status);
	else if (http_status != 200)
		say(v, "%s answered HTTP %u, not 200", t->target->host, (unsigned) http_status);
	else if (d->token_line != NULL)
		check_verification(t, d->token_line + sizeof(TOKEN_HEAD) - 1, v);
	else
		v->delivered.good = 1;
}

static void
classify_silence(const webhook_sender *d, const transfer *t, CURLcode code, verdict *v)
{
	char text[2 * MAX_ERROR];
	char address[ADDRESS_TEXT_SIZE];
	long http_status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_status);
	v->delivered.http_status = (uint32_t) http_status;
	address_print(&t->refused, address);
	if (!t->was_refused || t->was_allowed)
	{
		transfer_explain(t, code, text, sizeof(text));
		say(v, "%s", text);
	}
	else if (t->refused_port == d->server_port)
		say(v,
			"%s: %u is this PostgreSQL server's own port, to which no webhook is delivered; change the webhook's "
			"endpoint to another port",
			t->target->host, (unsigned) t->refused_port);
	else if (address_policy_is_public(&t->refused))
		say(v,
			"%s: webhooks are delivered to %s by https:// only; webchatt.webhook_allowed_addresses can allow http://",
			t->target->host, address);
	else
		say(v,
			"%s: %s is an address that webhooks are not delivered to; webchatt.webhook_allowed_addresses can allow it",
			t->target->host, address);
}

static void
tell(webhook_sender *d, const wc_delivered *delivered)
{
	metrics_answered(metrics_now.webhook_deliveries, delivered->http_status);
	/* What does not fit is told to nobody: then memory is at an end. */
	if (!wc_write_delivered(corridor_io_out(d->corridor), delivered))
		log_line(WC_LOG_WARNING, "what became of a delivery could not be handed to the worker: out of memory");
	corridor_io_nudge(d->corridor);
}

static void
adapt_window(destination *p, bool answered)
{
	if (!answered)
		p->window = 1;
	else if (p->window < UINT32_MAX)
		p->window++;
}

static void
done(void *arg, const transfer *t, CURLcode code, uint32_t took_us)
{
	uint32_t http_status = transfer_answered(t, code);
	verdict v;

	memset(&v.delivered, 0, sizeof(v.delivered));
	v.delivered.token = t->request->token;
	v.delivered.duration_us = took_us;
	if (http_status > 0)
		classify_answer(t, http_status, &v);
	else
		classify_silence(arg, t, code, &v);
	adapt_window(t->destination, http_status > 0);
	tell(arg, &v.delivered);
}

static void
failed(void *arg, const client_request *e)
{
	wc_delivered delivered = {.token = e->token, .error = wc_str_from(e->failure_text)};

	tell(arg, &delivered);
}

static const client_pool_owner owner = {
	.load = load,
	.done = done,
	.failed = failed,
	.guard = may_connect,
	.keep = KEEP_ANSWER,
	.most = MAX_ANSWER,
	.window = FIRST_WINDOW,
};

/* ---- the interface ---- */

webhook_sender *
webhook_sender_new(uv_loop_t *loop, corridor_io *corridor)
{
	webhook_sender *d = net_alloc(sizeof(webhook_sender));

	d->corridor = corridor;
	d->allowed_text = net_alloc(1);
	d->pool = client_pool_new(loop, &owner, d);
	if (d->pool != NULL)
		return d;
	free(d->allowed_text);
	free(d);
	return NULL;
}

/* Connections that were made to what was allowed before may be to what is not now. */
static void
set_allowed(webhook_sender *d, wc_str text)
{
	char bad[64];

	if (wc_str_equals(text, d->allowed_text))
		return;
	free(d->allowed_text);
	d->allowed_text = net_alloc((size_t) text.len + 1);
	if (text.len > 0)
		memcpy(d->allowed_text, text.p, text.len);
	if (!address_list_parse(text.p, text.len, &d->allowed, bad))
		log_line(WC_LOG_WARNING,
				 "\"%s\" in webchatt.webhook_allowed_addresses is no address and no CIDR (or one of more than %d); it "
				 "is left out",
				 bad, ADDRESS_LIST_MAX);
	client_pool_forget_connections(d->pool);
}

void
webhook_sender_configure(webhook_sender *d, const wc_config *config)
{
	d->server_port = (uint16_t) config->server_port;
	set_allowed(d, config->webhook_allowed);
	client_pool_configure(d->pool, config->max_deliveries, config->webhook_timeout_ms, config);
}

void
webhook_sender_webhook_put(webhook_sender *d, const wc_webhook_put *webhook)
{
	client_pool_put(d->pool, webhook->webhook, webhook_target_new(webhook));
}

void
webhook_sender_webhook_gone(webhook_sender *d, uint32_t webhook)
{
	client_pool_drop(d->pool, webhook, WC_OUT_UNREACHABLE, "the webhook was removed before the delivery began");
}

/* A token that may stand in a header. */
static bool
is_token_sendable(wc_str s)
{
	return s.len > 0 && s.len <= MAX_TOKEN && text_is_ascii(s.p, s.len, '!');
}

static delivery *
delivery_new(const wc_deliver *deliver)
{
	size_t head = deliver->verify ? sizeof(TOKEN_HEAD) - 1 : 0;
	delivery *m =
		(delivery *) client_queue_new_request(sizeof(delivery) + head + deliver->body.len + 1, deliver->token);

	memcpy(m->id, deliver->delivery, sizeof(m->id));
	m->attempt = deliver->attempt;
	if (deliver->body.len > 0)
		memcpy(m->data + head, deliver->body.p, deliver->body.len);
	if (deliver->verify)
	{
		memcpy(m->data, TOKEN_HEAD, head);
		m->token_line = m->data;
		m->request.body = "{}";
		m->request.body_len = 2;
	}
	else
	{
		m->request.body = m->data;
		m->request.body_len = deliver->body.len;
	}
	return m;
}

void
webhook_sender_deliver(webhook_sender *d, const wc_deliver *deliver)
{
	destination *p = client_pool_find(d->pool, deliver->webhook);
	const char *refusal = NULL;

	if (p == NULL)
		refusal = "the webhook is not known to webchatt-net: it was removed";
	else if (!client_pool_has_room(d->pool))
		refusal = "too many deliveries wait in webchatt-net";
	else if (deliver->verify && !is_token_sendable(deliver->body))
		refusal = "the verification's token has no, too many or other characters than those that a header may have";
	if (refusal == NULL)
		client_pool_begin(d->pool, p, &delivery_new(deliver)->request);
	else
		client_pool_fail(d->pool, client_queue_new_request(sizeof(client_request), deliver->token), WC_OUT_REFUSED,
						 refusal);
}

uint32_t
webhook_sender_pending(const webhook_sender *d)
{
	return client_pool_pending(d->pool);
}

void
webhook_sender_free(webhook_sender *d)
{
	client_pool_free(d->pool);
	free(d->allowed_text);
	free(d);
}
