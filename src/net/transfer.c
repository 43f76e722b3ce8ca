/*
 * transfer.c
 *	  One libcurl easy handle, reused from request to request, and what an
 *	  answer or its absence means.
 *
 * Proxies: none, whatever the environment says.  It is that of whoever
 * started the postmaster, and an http_proxy in it would be shown API keys.
 */
#include "transfer.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"

/* A hub's answer: body, and head lines together, in bytes. */
#define MAX_ANSWER_BODY		(64 * 1024)
#define MAX_ANSWER_HEAD		(32 * 1024)

/* An idle handle keeps no more memory for an answer than this. */
#define KEEP_ANSWER_BODY	4096

/* libcurl's buffer for what comes in; answers are small. */
#define RECEIVE_BUFFER		4096L

#define KEY_HEAD	"Idempotency-Key: "

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
set_settings(transfer *t, const transfer_settings *s)
{
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

transfer *
transfer_new(curl_loop *loop, const transfer_settings *settings)
{
	transfer   *t = net_alloc(sizeof(transfer));

	t->easy = curl_easy_init();
	if (t->easy == NULL)
	{
		free(t);
		return NULL;
	}
	t->key.data = t->key_line;
	curl_loop_prepare(loop, t->easy);
	set_constants(t);
	set_settings(t, settings);
	return t;
}

void
transfer_free(transfer *t)
{
	curl_easy_cleanup(t->easy);
	hub_target_release(t->target);
	free(t->body);
	free(t);
}

bool
transfer_aim(transfer *t, hub_target *target, const char *kind)
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

void
transfer_load(transfer *t, message *m)
{
	char		uuid[37];

	wc_uuid_print(m->id, uuid);
	(void) snprintf(t->key_line, sizeof(t->key_line), KEY_HEAD "%s", uuid);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) m->body_len);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, m->body);
	if (t->fresh != m->again)
	{
		t->fresh = m->again;
		curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, t->fresh ? 1L : 0L);
	}
	t->message = m;
	t->body_len = 0;
	t->head_len = 0;
	t->body_too_large = t->head_too_large = false;
	t->error[0] = '\0';
	if (t->body_capacity > KEEP_ANSWER_BODY)
	{
		free(t->body);
		t->body = NULL;
		t->body_capacity = 0;
	}
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

void
transfer_judge(transfer *t, CURLcode code, reply_verdict *v)
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

bool
transfer_met_closed_connection(transfer *t, CURLcode code)
{
	long		http_status = 0;
	long		connects = 0;

	if (code != CURLE_RECV_ERROR && code != CURLE_SEND_ERROR && code != CURLE_GOT_NOTHING)
		return false;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_status);
	curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
	return http_status == 0 && connects == 0;
}
