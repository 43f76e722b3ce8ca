/*
 * transfer.c
 */
#include "client/transfer.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "common/version.h"

/* An answer's head lines together, in bytes. */
#define MAX_ANSWER_HEAD (32 * 1024)

/* An idle handle keeps no more memory for an answer than this. */
#define KEEP_ANSWER_BODY 4096

/* libcurl's buffer for what comes in; answers are small. */
#define RECEIVE_BUFFER 4096L

static void
keep_body(transfer *t, const char *data, size_t len)
{
	if (t->body_len + len > t->body_capacity)
	{
		size_t capacity = t->body_capacity > 0 ? t->body_capacity : 1024;
		char *grown;

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
}

static size_t
on_body(char *data, size_t one, size_t len, void *arg)
{
	transfer *t = arg;
	size_t room = t->settings->keep - t->body_len;

	(void) one;
	if (len > t->settings->most - t->body_came)
	{
		t->body_too_large = true;
		return 0;
	}
	t->body_came += len;
	if (room > 0 && len > 0)
		keep_body(t, data, len < room ? len : room);
	return len;
}

static size_t
on_head(char *data, size_t one, size_t len, void *arg)
{
	transfer *t = arg;

	(void) one;
	/* each line comes by itself; an interim answer has a head of its own */
	t->head_whole = len <= 2 && len > 0 && data[len - 1] == '\n';
	t->head_len += len;
	if (t->head_len > MAX_ANSWER_HEAD)
	{
		t->head_too_large = true;
		return 0;
	}
	return len;
}

/*
 * The address is the one that the connection would be made to: whatever the
 * host's name says, now or later, it is asked of each.
 */
static curl_socket_t
open_guarded(void *arg, curlsocktype purpose, struct curl_sockaddr *addr)
{
	transfer *t = arg;
	net_addr to;
	uint16_t port;

	address_from_sockaddr(&addr->addr, &to);
	/* both families have the port at the same place */
	port = ntohs(((const struct sockaddr_in *) (const void *) &addr->addr)->sin_port);
	if (to.local || !t->settings->guard(t->settings->guard_arg, t, &to, port))
	{
		t->refused_port = port;
		t->was_refused = true;
		t->refused = to;
		return CURL_SOCKET_BAD;
	}
	t->was_allowed = true;
	return curl_uv_open_socket(t->loop, purpose, addr);
}

/* What never changes. */
static void
set_constants(transfer *t)
{
	CURL *easy = t->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, WC_USER_AGENT);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
}

static void
set_settings(transfer *t, const transfer_settings *s)
{
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long) s->timeout_ms);
	if (s->guard != NULL)
	{
		curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, open_guarded);
		curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
	}
	t->generation = s->generation;
}

transfer *
transfer_new(curl_uv *loop, const transfer_settings *settings)
{
	transfer *t = net_alloc(sizeof(transfer));

	t->easy = curl_easy_init();
	if (t->easy == NULL)
	{
		free(t);
		return NULL;
	}
	t->loop = loop;
	t->settings = settings;
	curl_uv_prepare(loop, t->easy, settings->connect_timeout_ms, settings->ca_file);
	set_constants(t);
	set_settings(t, settings);
	return t;
}

void
transfer_free(transfer *t)
{
	curl_easy_cleanup(t->easy);
	target_release(t->target);
	free(t->body);
	free(t);
}

bool
transfer_is_at(const transfer *t, const target *where, const char *spot)
{
	return t->target == where && strcmp(t->spot, spot) == 0;
}

bool
transfer_aim(transfer *t, target *where, const char *spot, const char *url)
{
	if (curl_easy_setopt(t->easy, CURLOPT_URL, url) != CURLE_OK)
		return false;
	(void) snprintf(t->spot, sizeof(t->spot), "%s", spot);
	if (t->target != where)
	{
		target_release(t->target);
		t->target = target_hold(where);
		curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, where->https ? 1L : 0L);
	}
	return true;
}

void
transfer_load(transfer *t, client_request *e)
{
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) e->body_len);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, e->body != NULL ? e->body : "");
	if (t->fresh != e->again)
	{
		t->fresh = e->again;
		curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, t->fresh ? 1L : 0L);
	}
	t->request = e;
	t->nlines = 0;
	t->body_len = t->body_came = 0;
	t->head_len = 0;
	t->body_too_large = t->head_too_large = t->head_whole = false;
	t->was_refused = t->was_allowed = false;
	t->error[0] = '\0';
	if (t->body_capacity > KEEP_ANSWER_BODY)
	{
		free(t->body);
		t->body = NULL;
		t->body_capacity = 0;
	}
}

void
transfer_fixed_line(transfer *t, char *line)
{
	if (t->nlines < TRANSFER_LINES)
		t->lines[t->nlines++].data = line;
}

void
transfer_line(transfer *t, const char *format, ...)
{
	va_list args;

	if (t->nlines == TRANSFER_LINES)
		return;
	va_start(args, format);
	(void) vsnprintf(t->texts[t->nlines], TRANSFER_LINE, format, args);
	va_end(args);
	transfer_fixed_line(t, t->texts[t->nlines]);
}

void
transfer_pair(transfer *t, const char *name, const char *value, size_t len)
{
	size_t name_len = strlen(name);
	char *text;

	if (t->nlines == TRANSFER_LINES || name_len + len >= TRANSFER_LINE)
		return;
	text = t->texts[t->nlines];
	memcpy(text, name, name_len);
	memcpy(text + name_len, value, len);
	text[name_len + len] = '\0';
	transfer_fixed_line(t, text);
}

void
transfer_end_lines(transfer *t, struct curl_slist *others)
{
	/* libcurl only reads the list, so one can go over into another. */
	for (int i = t->nlines; i-- > 0; others = &t->lines[i])
		t->lines[i].next = others;
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, others);
}

uint32_t
transfer_answered(const transfer *t, CURLcode code)
{
	long http_status = 0;

	/* libcurl takes a head that is cut off for an answer without a body */
	if ((code != CURLE_OK && !t->body_too_large) || !t->head_whole)
		return 0;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_status);
	return http_status > 0 ? (uint32_t) http_status : 0;
}

uint32_t
transfer_retry_after_s(const transfer *t, uint32_t http_status)
{
	curl_off_t seconds = 0;

	if (http_status != 429 && http_status != 503)
		return 0;
	curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &seconds);
	if (seconds > TRANSFER_MAX_PAUSE_S)
		return TRANSFER_MAX_PAUSE_S;
	return seconds > 0 ? (uint32_t) seconds : 0;
}

void
transfer_explain(const transfer *t, CURLcode code, char *text, size_t size)
{
	const target *to = t->target;

	if (code == CURLE_OUT_OF_MEMORY)
		(void) snprintf(text, size, "libcurl has no memory for a request to %s", to->host);
	else if (t->head_too_large)
		(void) snprintf(text, size, "%s answered with a head of more than %d bytes; check %s", to->host,
						MAX_ANSWER_HEAD, to->what);
	else if (code == CURLE_OK)
		(void) snprintf(text, size, "%s hung up in the middle of its answer's head", to->host);
	else
		target_explain(to, code, t->error, text, size);
}

bool
transfer_met_closed_connection(const transfer *t, CURLcode code)
{
	long http_status = 0;
	long connects = 0;

	if (code != CURLE_RECV_ERROR && code != CURLE_SEND_ERROR && code != CURLE_GOT_NOTHING)
		return false;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_status);
	curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
	return http_status == 0 && connects == 0;
}
