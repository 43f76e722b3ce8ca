/*
 * sender.c
 *	  Requests to hubs: what the worker wants sent goes in, one outcome for each
 *	  comes out.
 *
 * Messages wait in their hub's queue; a window of transfers, each with a
 * pooled easy handle, takes them from there.  Everything that can call back
 * happens in on_idle() or in libcurl's own events, so sender_send() never
 * does.
 *
 * Proxies: none, whatever the environment says.  It is that of whoever
 * started the postmaster, and an http_proxy in it would be shown API keys.
 */
#include "sender.h"

#include <stdio.h>
#include <string.h>

#include "../common/event.h"
#include "alloc.h"
#include "curl_loop.h"
#include "hub_registry.h"
#include "message.h"
#include "reply.h"

/* A hub's answer: body, and head lines together, in bytes. */
#define MAX_ANSWER_BODY		(64 * 1024)
#define MAX_ANSWER_HEAD		(32 * 1024)

/* Memory of all messages here; the worker's window is far below it. */
#define MAX_QUEUED_BYTES	(64 * 1024 * 1024)

/* Easy handles kept while idle; one is about 10 kB. */
#define MAX_POOLED			1024

/* libcurl's buffer for what comes in; answers are small. */
#define RECEIVE_BUFFER		4096L

/* Until sender_configure() has been called. */
#define DEFAULT_IN_FLIGHT	64
#define DEFAULT_SEND_MS		30000
#define DEFAULT_CONNECT_MS	10000

#define IDEMPOTENCY_HEAD	"Idempotency-Key: "

/* One easy handle and the request that it carries. */
typedef struct transfer
{
	struct transfer *prev;
	struct transfer *next;
	sender	   *owner;
	CURL	   *easy;
	message    *message;
	hub		   *hub;
	hub_target *target;			/* whose URL and headers the handle has */
	char		kind[WC_MAX_CHANNEL_TYPE + 1];	/* which its URL ends with */
	uint32_t	generation;		/* of the settings that it has */
	uint64_t	began;			/* uv_hrtime() */
	struct curl_slist key;		/* this request's header, before the hub's */
	char		key_line[sizeof(IDEMPOTENCY_HEAD) + 36];
	char	   *body;
	size_t		body_len;
	size_t		body_capacity;
	size_t		head_len;
	bool		body_too_large;
	bool		head_too_large;
	char		error[CURL_ERROR_SIZE];
} transfer;

struct sender
{
	uv_loop_t  *loop;
	uv_idle_t	idle;
	bool		idle_active;
	sender_outcome_fn on_outcome;
	void	   *arg;
	curl_loop  *curl;
	hub_registry hubs;
	message_queue failed;		/* their outcomes are still to be told */
	transfer   *active;
	transfer   *pool;
	uint32_t	pooled;
	uint32_t	under_way;
	uint32_t	queued;			/* in all hubs' queues */
	size_t		queued_bytes;	/* of all messages, under way too */
	uint32_t	max_in_flight;
	uint32_t	send_timeout_ms;
	uint32_t	connect_timeout_ms;
	char	   *ca_file;		/* NULL: the system's */
	uint32_t	generation;
	bool		freed;
};

static void on_idle(uv_idle_t *idle);

/* Have on_idle() called before the loop waits again. */
static void
wake(sender *s)
{
	if (!s->idle_active)
	{
		s->idle_active = true;
		uv_idle_start(&s->idle, on_idle);
	}
}

static void
drop_message(sender *s, message *m)
{
	s->queued_bytes -= m->size;
	free(m);
}

static void
fail_message(sender *s, message *m, wc_outcome_result result, const char *text)
{
	m->failure = result;
	m->failure_text = text;
	message_queue_push(&s->failed, m);
	wake(s);
}

/* ---- what comes back from a hub ---- */

static size_t
on_body(char *data, size_t one, size_t len, void *arg)
{
	transfer   *t = arg;

	(void) one;
	if (len > MAX_ANSWER_BODY - t->body_len)
	{
		t->body_too_large = true;
		return 0;
	}
	if (t->body_len + len > t->body_capacity)
	{
		size_t		capacity = t->body_capacity > 0 ? t->body_capacity : 1024;
		char	   *grown;

		while (capacity < t->body_len + len)
			capacity *= 2;
		grown = net_alloc(capacity);
		if (t->body_len > 0)
			memcpy(grown, t->body, t->body_len);
		free(t->body);
		t->body = grown;
		t->body_capacity = capacity;
	}
	memcpy(t->body + t->body_len, data, len);
	t->body_len += len;
	return len;
}

static size_t
on_head(char *data, size_t one, size_t len, void *arg)
{
	transfer   *t = arg;

	(void) data;
	(void) one;
	t->head_len += len;
	if (t->head_len > MAX_ANSWER_HEAD)
	{
		t->head_too_large = true;
		return 0;
	}
	return len;
}

/* ---- easy handles ---- */

/* What never changes. */
static void
set_constants(transfer *t)
{
	CURL	   *easy = t->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "webchatt/0.1");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
}

static void
set_settings(transfer *t)
{
	sender	   *s = t->owner;

	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long) s->send_timeout_ms);
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long) s->connect_timeout_ms);
	if (s->ca_file != NULL)
	{
		/* This file alone: distributions compile in a directory as well. */
		curl_easy_setopt(t->easy, CURLOPT_CAINFO, s->ca_file);
		curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
	}
	t->generation = s->generation;
}

static void
free_transfer(transfer *t)
{
	curl_easy_cleanup(t->easy);
	hub_target_release(t->target);
	free(t->body);
	free(t);
}

static transfer *
take_transfer(sender *s)
{
	transfer   *t = s->pool;

	/* An option cannot be brought back to its default, so such handles go. */
	while (t != NULL && t->generation != s->generation)
	{
		s->pool = t->next;
		s->pooled--;
		free_transfer(t);
		t = s->pool;
	}
	if (t != NULL)
	{
		s->pool = t->next;
		s->pooled--;
		return t;
	}
	t = net_alloc(sizeof(transfer));
	t->owner = s;
	t->easy = curl_easy_init();
	if (t->easy == NULL)
	{
		free(t);
		return NULL;
	}
	t->key.data = t->key_line;
	curl_loop_prepare(s->curl, t->easy);
	set_constants(t);
	set_settings(t);
	return t;
}

static void
give_transfer_back(sender *s, transfer *t)
{
	if (s->freed || s->pooled >= MAX_POOLED || t->generation != s->generation)
	{
		free_transfer(t);
		return;
	}
	if (t->body_capacity > 4096)
	{
		free(t->body);
		t->body = NULL;
		t->body_capacity = 0;
	}
	t->next = s->pool;
	s->pool = t;
	s->pooled++;
}

/*
 * Point the handle at the message's hub.  Most often it was there already:
 * then nothing is set again.  False: no memory.
 */
static bool
aim(transfer *t, hub_target *target, const char *kind)
{
	char		url[8192];
	int			n;

	if (t->target == target && strcmp(t->kind, kind) == 0)
		return true;
	n = snprintf(url, sizeof(url), "%s/v1/communication/%s/message", target->api_url, kind);
	if (n < 0 || (size_t) n >= sizeof(url) ||
		curl_easy_setopt(t->easy, CURLOPT_URL, url) != CURLE_OK)
		return false;
	(void) snprintf(t->kind, sizeof(t->kind), "%s", kind);
	if (t->target != target)
	{
		hub_target_release(t->target);
		t->target = hub_target_hold(target);
		/* libcurl only reads the list: ours in front, the hub's behind. */
		t->key.next = target->headers;
		curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, &t->key);
		curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, target->https ? 1L : 0L);
	}
	return true;
}

/* ---- one request ---- */

static void
start_message(sender *s, hub *h, message *m)
{
	transfer   *t;
	char		uuid[37];

	if (h->target->defect_text != NULL)
	{
		fail_message(s, m, h->target->defect, h->target->defect_text);
		return;
	}
	t = take_transfer(s);
	if (t == NULL || !aim(t, h->target, m->kind))
	{
		if (t != NULL)
			free_transfer(t);
		fail_message(s, m, WC_OUT_RETRY, "libcurl has no memory, or the hub's api_url is too long");
		return;
	}
	wc_uuid_print(m->id, uuid);
	(void) snprintf(t->key_line, sizeof(t->key_line), IDEMPOTENCY_HEAD "%s", uuid);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) m->body_len);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, m->body);
	t->message = m;
	t->hub = h;
	t->body_len = 0;
	t->head_len = 0;
	t->body_too_large = t->head_too_large = false;
	t->error[0] = '\0';
	t->began = uv_hrtime();
	if (curl_loop_add(s->curl, t->easy) != CURLM_OK)
	{
		free_transfer(t);
		fail_message(s, m, WC_OUT_RETRY, "libcurl did not take the request");
		return;
	}
	t->prev = NULL;
	t->next = s->active;
	if (t->next != NULL)
		t->next->prev = t;
	s->active = t;
	s->under_way++;
	hub_started(h);
}

static void
unlink_active(sender *s, transfer *t)
{
	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		s->active = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	s->under_way--;
	hub_finished(t->hub);
	t->hub = NULL;
}

static const char *
advice(CURLcode code)
{
	switch (code)
	{
		case CURLE_PEER_FAILED_VERIFICATION:
			return "; if its certificate is from an authority of your own, name that in webchatt.ca_file";
		case CURLE_SSL_CACERT_BADFILE:
			return "; check webchatt.ca_file";
		case CURLE_COULDNT_RESOLVE_HOST:
			return "; check the hub's api_url and this machine's name service";
		default:
			return "";
	}
}

/* libcurl could not bring the answer home. */
static void
explain_error(transfer *t, CURLcode code, uint32_t http_status, reply_verdict *v)
{
	const char *text = t->error[0] != '\0' ? t->error : curl_easy_strerror(code);

	if (code == CURLE_OUT_OF_MEMORY)
		reply_say(v, WC_OUT_RETRY, "libcurl has no memory for a request to %s", t->target->host);
	else if (t->head_too_large)
		reply_say(v, WC_OUT_RETRY, "%s answered with a head of more than %d bytes; check that api_url is a hub's",
				  t->target->host, MAX_ANSWER_HEAD);
	else
		reply_say(v, WC_OUT_UNREACHABLE, "%s: %s%s", t->target->host, text, advice(code));
	v->outcome.http_status = http_status;
}

static void
judge(transfer *t, CURLcode code, reply_verdict *v)
{
	long		http_status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_status);
	if ((code == CURLE_OK || t->body_too_large) && http_status > 0)
	{
		reply		r = {0};
		curl_off_t	retry_after = 0;

		if (http_status == 429 || http_status == 503)
			curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after);
		r.http_status = (uint32_t) http_status;
		r.body = t->body;
		r.body_len = t->body_len;
		r.body_too_large = t->body_too_large;
		r.retry_after_s = retry_after;
		r.host = t->target->host;
		reply_classify(&r, v);
	}
	else
		explain_error(t, code, (uint32_t) http_status, v);
}

/* A transfer has ended: its handle is free before its outcome is told. */
static void
on_done(void *arg, CURL *easy, CURLcode code)
{
	sender	   *s = arg;
	transfer   *t = NULL;
	reply_verdict v;
	uint64_t	took;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &t);
	judge(t, code, &v);
	took = (uv_hrtime() - t->began) / 1000;
	v.outcome.token = t->message->token;
	v.outcome.duration_us = took > UINT32_MAX ? UINT32_MAX : (uint32_t) took;

	unlink_active(s, t);
	drop_message(s, t->message);
	t->message = NULL;
	give_transfer_back(s, t);
	if (s->queued > 0)
		wake(s);
	s->on_outcome(s->arg, &v.outcome);
}

/* ---- the loop's side ---- */

static void
tell_failures(sender *s)
{
	/* Only those that are there now: the callback may cause more. */
	uint32_t	count = s->failed.count;

	while (count-- > 0 && !s->freed)
	{
		message    *m = message_queue_pop(&s->failed);
		reply_verdict v;

		if (m == NULL)
			break;
		reply_say(&v, m->failure, "%s", m->failure_text);
		v.outcome.token = m->token;
		drop_message(s, m);
		s->on_outcome(s->arg, &v.outcome);
	}
}

static bool
start_queued(sender *s)
{
	bool		started = false;
	hub		   *h;

	while (s->queued > 0 &&
		   (h = hub_registry_next(&s->hubs, s->under_way, s->max_in_flight)) != NULL)
	{
		message    *m = message_queue_pop(&h->queue);

		s->queued--;
		start_message(s, h, m);
		started = true;
	}
	return started;
}

static void
on_idle(uv_idle_t *idle)
{
	sender	   *s = idle->data;

	uv_idle_stop(&s->idle);
	s->idle_active = false;
	if (start_queued(s))
		curl_loop_run(s->curl);
	if (!s->freed)
		tell_failures(s);
	if (!s->freed && s->failed.first != NULL)
		wake(s);
}

/* ---- the interface ---- */

sender *
sender_new(uv_loop_t *loop, sender_outcome_fn on_outcome, void *arg)
{
	sender	   *s;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	s = net_alloc(sizeof(sender));
	s->loop = loop;
	s->on_outcome = on_outcome;
	s->arg = arg;
	s->curl = curl_loop_new(loop, on_done, s);
	if (s->curl == NULL)
	{
		free(s);
		return NULL;
	}
	uv_idle_init(loop, &s->idle);
	s->idle.data = s;
	s->max_in_flight = DEFAULT_IN_FLIGHT;
	s->send_timeout_ms = DEFAULT_SEND_MS;
	s->connect_timeout_ms = DEFAULT_CONNECT_MS;
	curl_loop_set_connections(s->curl, DEFAULT_IN_FLIGHT);
	return s;
}

void
sender_configure(sender *s, const wc_config *config)
{
	uint32_t	old_len = s->ca_file != NULL ? (uint32_t) strlen(s->ca_file) : 0;

	if (config->max_in_flight > 0)
		s->max_in_flight = config->max_in_flight;
	curl_loop_set_connections(s->curl, (long) s->max_in_flight);
	if (s->queued > 0)
		wake(s);

	if (config->send_timeout_ms == s->send_timeout_ms &&
		config->connect_timeout_ms == s->connect_timeout_ms &&
		config->ca_file.len == old_len &&
		(old_len == 0 || memcmp(config->ca_file.p, s->ca_file, old_len) == 0))
		return;

	if (config->send_timeout_ms > 0)
		s->send_timeout_ms = config->send_timeout_ms;
	if (config->connect_timeout_ms > 0)
		s->connect_timeout_ms = config->connect_timeout_ms;
	free(s->ca_file);
	s->ca_file = NULL;
	if (config->ca_file.len > 0)
	{
		s->ca_file = net_alloc((size_t) config->ca_file.len + 1);
		memcpy(s->ca_file, config->ca_file.p, config->ca_file.len);
	}
	s->generation++;
}

void
sender_hub_put(sender *s, const wc_hub_put *put)
{
	hub_registry_put(&s->hubs, put);
}

void
sender_hub_gone(sender *s, uint32_t id)
{
	hub		   *h = hub_registry_find(&s->hubs, id);
	message    *m;

	if (h == NULL)
		return;
	while ((m = message_queue_pop(&h->queue)) != NULL)
	{
		s->queued--;
		fail_message(s, m, WC_OUT_UNREACHABLE, "the hub was removed before the message was sent");
	}
	hub_registry_remove(&s->hubs, h);
}

void
sender_send(sender *s, const wc_send *send)
{
	hub		   *h = hub_registry_find(&s->hubs, send->hub);
	const char *refusal = NULL;
	message    *m = NULL;

	if (h == NULL || s->queued_bytes > MAX_QUEUED_BYTES ||
		(m = message_new(send, &refusal)) == NULL)
		m = message_new_bare(send->token);
	s->queued_bytes += m->size;

	if (h == NULL)
		fail_message(s, m, WC_OUT_UNREACHABLE, "the hub is not known to webchatt-net");
	else if (refusal != NULL)
		fail_message(s, m, WC_OUT_REFUSED, refusal);
	else if (m->body == NULL)
		fail_message(s, m, WC_OUT_RETRY,
					 "too many messages wait in webchatt-net; this one is sent later");
	else
	{
		message_queue_push(&h->queue, m);
		s->queued++;
		wake(s);
	}
}

uint32_t
sender_pending(const sender *s)
{
	return s->queued + s->under_way + s->failed.count;
}

static void
free_sender(uv_handle_t *handle)
{
	sender	   *s = handle->data;

	hub_registry_free(&s->hubs);
	free(s->ca_file);
	free(s);
	curl_global_cleanup();
}

void
sender_free(sender *s)
{
	transfer   *t;

	s->freed = true;
	while ((t = s->active) != NULL)
	{
		curl_loop_remove(s->curl, t->easy);
		unlink_active(s, t);
		free(t->message);
		free_transfer(t);
	}
	while ((t = s->pool) != NULL)
	{
		s->pool = t->next;
		free_transfer(t);
	}
	message_queue_drop(&s->failed);
	curl_loop_free(s->curl);
	uv_close((uv_handle_t *) &s->idle, free_sender);
}
