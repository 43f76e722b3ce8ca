/*
 * desk_load.c
 *	  Many desks at a time: each signs in, opens its WebSocket and one conversation, and
 *	  reads again what it is told of, as the page does (doc/desk-protocol.md).
 *
 *	  desk_load --port N < LINES: a sign-in link's token, a channel's id and a visitor's
 *
 * Prints "ready=N" when all have read and opened, and upon SIGTERM, as key=value, what they
 * did since then.  What the page shows is not made, but what it asks is: the inbox's first 50 at
 * `changed`, what is new in the conversation at `conversation`, and that it was seen; each at most
 * twice a second (desk/shared/pace.js).
 */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_part.h"
#include "measure.h"
#include "ws_client.h"

#define ID_LEN 36
/* Failures that are told one by one. */
#define MAX_TOLD  5
#define MOST	  1000
#define PAUSE_NS  INT64_C(500000000)
#define SECOND_NS INT64_C(1000000000)
#define LATEST_NS (30 * SECOND_NS)
/* How long all may take to be ready. */
#define READY_NS INT64_C(120000000000)

typedef enum call_kind
{
	INBOX = 0,
	CONVERSATION,
	SEEN,
	KINDS
} call_kind;

static const char *const functions[KINDS] = {"inbox", "conversation", "read"};

struct desk;

typedef struct call
{
	struct desk *of;
	call_kind kind;
	CURL *easy;
	bool wanted;
	bool running;
	int failures; /* since it was last answered well */
	int64_t due;  /* not before */
	char body[256];
	char *answer;
	size_t len;
	size_t size;
} call;

typedef struct desk
{
	ws_conn ws; /* the first member: ws_client gives it back */
	call calls[KINDS];
	char cookie[160];
	char channel[ID_LEN + 1];
	char visitor[64];
	char last[ID_LEN + 1]; /* message that was read */
	char seen[ID_LEN + 1];
	bool asked; /* to open its conversation */
	bool open;
} desk;

static int port;
static desk desks[MOST];
static int ndesks;
static int nopen;
static CURLM *multi;
static struct curl_slist *headers;
static volatile sig_atomic_t stopped;
static uint64_t done[KINDS];
static uint64_t told_changed;
static uint64_t told_conversation;
static uint64_t errors;
static int ntold;

/* --- calls ----------------------------------------------------------------- */

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	call *c = arg;

	(void) size;
	if (c->len + n + 1 > c->size)
	{
		c->size = (c->len + n + 1) * 2;
		c->answer = realloc(c->answer, c->size);
		if (c->answer == NULL)
			measure_fatal("realloc");
	}
	memcpy(c->answer + c->len, data, n);
	c->len += n;
	return n;
}

static CURL *
new_call(call *c, const char *function)
{
	char url[128];

	c->easy = curl_easy_init();
	if (c->easy == NULL)
		measure_fatal("curl_easy_init");
	(void) snprintf(url, sizeof(url), "http://127.0.0.1:%d/desk/api/%s", port, function);
	curl_easy_setopt(c->easy, CURLOPT_URL, url);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	return c->easy;
}

/* What it is asked with; false: there is nothing to ask. */
static bool
write_body(call *c)
{
	const desk *d = c->of;
	char *to = c->body;
	size_t size = sizeof(c->body);

	if (c->kind == INBOX)
		(void) snprintf(to, size, "{\"filter\":\"open\",\"limit\":50}");
	else if (c->kind == SEEN)
		(void) snprintf(to, size, "{\"channel\":\"%s\",\"visitor\":\"%s\",\"upto\":\"%s\"}", d->channel, d->visitor,
						d->last);
	else if (d->last[0] == '\0')
		(void) snprintf(to, size, "{\"channel\":\"%s\",\"visitor\":\"%s\",\"limit\":50}", d->channel, d->visitor);
	else
		(void) snprintf(to, size, "{\"channel\":\"%s\",\"visitor\":\"%s\",\"after\":\"%s\",\"limit\":100}", d->channel,
						d->visitor, d->last);
	return c->kind != SEEN || strcmp(d->last, d->seen) > 0;
}

static void
start(call *c, int64_t now)
{
	c->wanted = false;
	if (!write_body(c))
		return;
	if (c->kind == SEEN)
		memcpy(c->of->seen, c->of->last, sizeof(c->of->seen));
	c->running = true;
	c->due = now + (c->kind == SEEN ? 0 : PAUSE_NS);
	c->len = 0;
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->body);
	curl_multi_add_handle(multi, c->easy);
}

/* The id of the last message in the answer; visitors write all of them here, so none changes. */
static void
take_last(desk *d, json_part answer)
{
	static const char key[] = "\"id\": \"";
	json_part messages = json_member(answer, "messages");
	const char *at = messages.at;
	const char *last = NULL;

	while (at != NULL && (at = memmem(at, (size_t) (messages.at + messages.len - at), key, sizeof(key) - 1)) != NULL)
	{
		at += sizeof(key) - 1;
		last = at;
	}
	if (last != NULL && messages.at + messages.len - last > ID_LEN)
		(void) json_copy(d->last, sizeof(d->last), (json_part){last, ID_LEN});
}

static void
finished(call *c, bool good)
{
	desk *d = c->of;
	json_part answer = {c->answer, c->len};
	char open[160];
	int len;

	c->running = false;
	if (!good)
	{
		errors++;
		c->wanted = true;
		c->failures++;
		c->due = measure_now() + (c->failures > 4 ? LATEST_NS : SECOND_NS << c->failures);
		return;
	}
	c->failures = 0;
	done[c->kind]++;
	if (c->kind != CONVERSATION)
		return;
	take_last(d, answer);
	c->wanted |= json_is(json_member(answer, "more"), "true") && d->asked;
	d->calls[SEEN].wanted = true;
	if (d->asked)
		return;
	d->asked = true;
	len = snprintf(open, sizeof(open), "{\"type\":\"open\",\"channel\":\"%s\",\"visitor\":\"%s\"}", d->channel,
				   d->visitor);
	ws_server_send(&d->ws, open, (size_t) len);
}

static void
collect(void)
{
	CURLMsg *m;
	int queued;

	while ((m = curl_multi_info_read(multi, &queued)) != NULL)
	{
		CURL *easy = m->easy_handle;
		CURLcode result = m->data.result;
		bool good = result == CURLE_OK;
		call *c = NULL;
		long status = 0;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &c);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		curl_multi_remove_handle(multi, easy);
		if (!(good && status == 200) && ntold++ < MAX_TOLD)
			fprintf(stderr, "desk_load: %s was answered %ld: %s%.*s\n", functions[c->kind], status,
					good ? "" : curl_easy_strerror(result), (int) c->len, c->len > 0 ? c->answer : "");
		finished(c, good && status == 200);
	}
}

/* --- a desk ---------------------------------------------------------------- */

static const char *
cookie_of(ws_conn *c)
{
	static char line[192];

	(void) snprintf(line, sizeof(line), "Cookie: %s\r\n", ((desk *) c)->cookie);
	return line;
}

static void
on_open(ws_conn *c)
{
	(void) c;
}

static void
on_text(ws_conn *c, const char *text, size_t len)
{
	desk *d = (desk *) c;
	json_part type = json_member((json_part){text, len}, "type");

	if (json_is(type, "ready"))
		d->calls[INBOX].wanted = d->calls[CONVERSATION].wanted = true;
	else if (json_is(type, "changed"))
	{
		told_changed++;
		d->calls[INBOX].wanted = true;
	}
	else if (json_is(type, "conversation") || json_is(type, "unread"))
	{
		told_conversation++;
		d->asked &= !json_is(type, "unread");
		d->calls[CONVERSATION].wanted = true;
	}
	else if (json_is(type, "colleagues") && !d->open)
	{
		d->open = true;
		nopen++;
	}
}

static void
on_end(ws_conn *c, int why)
{
	(void) c;
	fprintf(stderr, "desk_load: a desk's connection ended with %d\n", why);
	exit(1);
}

/* By the link's token; its session's cookie is the desk's from then on. */
static void
sign_in(desk *d, const char *token)
{
	call c = {.of = d};
	struct curl_slist *cookies = NULL;
	const char *value;
	long status = 0;

	(void) snprintf(c.body, sizeof(c.body), "{\"token\":\"%s\"}", token);
	curl_easy_setopt(new_call(&c, "sign_in"), CURLOPT_POSTFIELDS, c.body);
	curl_easy_setopt(c.easy, CURLOPT_COOKIEFILE, "");
	if (curl_easy_perform(c.easy) == CURLE_OK)
		curl_easy_getinfo(c.easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(c.easy, CURLINFO_COOKIELIST, &cookies);
	value = cookies != NULL ? strrchr(cookies->data, '\t') : NULL;
	if (status != 200 || value == NULL)
	{
		fprintf(stderr, "desk_load: a link was answered %ld: %.*s\n", status, (int) c.len, c.len > 0 ? c.answer : "");
		exit(1);
	}
	(void) snprintf(d->cookie, sizeof(d->cookie), "webchatt_desk=%s", value + 1);
	curl_slist_free_all(cookies);
	curl_easy_cleanup(c.easy);
	free(c.answer);
}

static void
begin_all(void)
{
	char line[256];
	char token[64];

	while (ndesks < MOST && fgets(line, sizeof(line), stdin) != NULL)
	{
		desk *d = &desks[ndesks++];

		if (sscanf(line, "%63s %36s %63s", token, d->channel, d->visitor) != 3)
		{
			fprintf(stderr, "desk_load: what is this: %s", line);
			exit(1);
		}
		sign_in(d, token);
		for (call_kind kind = 0; kind < KINDS; kind++)
		{
			d->calls[kind].of = d;
			d->calls[kind].kind = kind;
			curl_easy_setopt(new_call(&d->calls[kind], functions[kind]), CURLOPT_COOKIE, d->cookie);
		}
	}
	for (int i = 0; i < ndesks; i++)
		ws_dial(&desks[i].ws);
}

/* Start what is due, and wait for something to happen. */
static void
turn(void)
{
	struct curl_waitfd ws = {.fd = ws_fd(), .events = CURL_WAIT_POLLIN};
	int64_t now = measure_now();
	int64_t next = now + 50000000;
	int running;

	for (int i = 0; i < ndesks; i++)
	{
		for (call_kind kind = 0; kind < KINDS; kind++)
		{
			call *c = &desks[i].calls[kind];

			if (!c->wanted || c->running)
				continue;
			if (c->due <= now)
				start(c, now);
			else if (c->due < next)
				next = c->due;
		}
	}
	curl_multi_perform(multi, &running);
	curl_multi_poll(multi, &ws, 1, (int) ((next - now) / 1000000) + 1, NULL);
	ws_turn(0);
	curl_multi_perform(multi, &running);
	collect();
}

static void
on_stop(int signo)
{
	(void) signo;
	stopped = 1;
}

int
main(int argc, char **argv)
{
	static const measure_option options[] = {{"port", 'd', &port}, {NULL, 0, NULL}};
	char origin[64];
	char header[80];
	ws_setup setup = {.path = "/desk/socket",
					  .protocol = "web-chatt2me.desk.v1",
					  .origin = origin,
					  .addresses = 1,
					  .head = cookie_of,
					  .on_open = on_open,
					  .on_text = on_text,
					  .on_end = on_end};
	int64_t began;

	if (!measure_options(argc, argv, options) || port <= 0)
	{
		fputs("usage: desk_load --port N < LINES\n", stderr);
		return 1;
	}
	(void) sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_stop}, NULL);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) MOST);
	(void) snprintf(origin, sizeof(origin), "http://127.0.0.1:%d", port);
	(void) snprintf(header, sizeof(header), "Origin: %s", origin);
	headers = curl_slist_append(curl_slist_append(NULL, "X-Webchatt-Desk: 1"), header);
	setup.port = port;
	ws_begin(&setup);
	begin_all();
	began = measure_now();
	while (nopen < ndesks && !stopped)
	{
		turn();
		if (measure_now() > began + READY_NS)
		{
			fprintf(stderr, "desk_load: of %d desks %d are ready, %llu calls failed\n", ndesks, nopen,
					(unsigned long long) errors);
			return 1;
		}
	}
	printf("ready=%d\n", nopen);
	(void) fflush(stdout);
	memset(done, 0, sizeof(done));
	told_changed = told_conversation = errors = 0;
	began = measure_now();
	while (!stopped)
		turn();
	printf("seconds=%.3f inbox=%llu conversation=%llu read=%llu changed=%llu told=%llu errors=%llu\n",
		   (double) (measure_now() - began) / 1e9, (unsigned long long) done[INBOX],
		   (unsigned long long) done[CONVERSATION], (unsigned long long) done[SEEN], (unsigned long long) told_changed,
		   (unsigned long long) told_conversation, (unsigned long long) errors);
	return 0;
}
