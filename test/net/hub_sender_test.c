/*
 * hub_sender_test.c
 *	  The sender against a hub that misbehaves in every way we know: exactly one
 *	  outcome for each message, and the right one.  Prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outbound/hub_sender.h"
#include "unruly_hub.h"

#define MAX_TOKENS 8192
#define API_KEY	   "secret-key-4711"

static uv_loop_t loop;
static hub_sender *out;
static int port;
static int points;
static int failures;
static int told[MAX_TOKENS]; /* outcomes of each token */
static uint64_t next_token;
static bool inside_send;
static bool reentered;
static bool leaked;
static bool free_in_callback;

/* The last outcome, its strings copied. */
static struct
{
	wc_outcome outcome;
	char status[80];
	char id[300];
	char code[200];
	char text[600];
} last;

static void
ok(bool good, const char *what)
{
	points++;
	if (!good)
		failures++;
	printf("%sok %d - %s\n", good ? "" : "not ", points, what);
	if (!good && last.text[0] != '\0')
		printf("# last outcome: result %d, HTTP %u, code %s, text %s\n", last.outcome.result, last.outcome.http_status,
			   last.code, last.text);
	fflush(stdout);
}

static void
copy(char *to, size_t size, wc_str s)
{
	(void) snprintf(to, size, "%.*s", (int) s.len, s.len > 0 ? s.p : "");
}

static void
on_outcome(void *arg, const wc_outcome *outcome)
{
	(void) arg;
	if (inside_send)
		reentered = true;
	told[outcome->token]++;
	last.outcome = *outcome;
	copy(last.status, sizeof(last.status), outcome->hub_status);
	copy(last.id, sizeof(last.id), outcome->hub_message_id);
	copy(last.code, sizeof(last.code), outcome->error_code);
	copy(last.text, sizeof(last.text), outcome->error_message);
	if (outcome->error_message.len > 500 || strstr(last.text, API_KEY) != NULL)
		leaked = true;
	if (free_in_callback)
	{
		free_in_callback = false;
		hub_sender_free(out);
		out = NULL;
	}
}

static void
put_hub_at(uint32_t id, const char *url, const char *key)
{
	wc_hub_put put = {.hub = id, .api_url = wc_str_from(url), .api_key = wc_str_from(key)};

	hub_sender_hub_put(out, &put);
}

static void
put_hub(uint32_t id, const char *mode)
{
	char url[256];

	(void) snprintf(url, sizeof(url), "http://127.0.0.1:%d/%s", port, mode);
	put_hub_at(id, url, API_KEY);
}

static void
send_as(uint32_t hub, const char *kind, const char *to)
{
	wc_send m = {.token = next_token++,
				 .hub = hub,
				 .kind = wc_str_from(kind),
				 .to = wc_str_from(to),
				 .content = wc_str_from("{\"text\": \"hi\"}")};

	memcpy(m.message, &m.token, sizeof(m.token));
	m.channel[15] = 1;
	inside_send = true;
	hub_sender_send(out, &m);
	inside_send = false;
}

static void
send_to(uint32_t hub)
{
	send_as(hub, "web-chatt2me", "visitor-1");
}

static void
run_until(uint32_t pending)
{
	while (hub_sender_pending(out) > pending)
		uv_run(&loop, UV_RUN_ONCE);
}

static void
configure(uint32_t in_flight, uint32_t send_ms)
{
	wc_config config = {.max_in_flight = in_flight, .send_timeout_ms = send_ms, .connect_timeout_ms = 180000};

	hub_sender_configure(out, &config);
}

/* ---- one of each ---- */

static const struct
{
	const char *mode;
	int result;
	uint32_t http_status;
	uint32_t pause_ms;
	const char *status;
	const char *id;
	const char *code;
	const char *text; /* is somewhere in the message */
} cases[] = {
	{"ok", WC_OUT_ACCEPTED, 200, 0, "sent", "m-1", "", ""},
	{"created", WC_OUT_ACCEPTED, 201, 0, "enqueued", "m-1", "", ""},
	{"null-id", WC_OUT_ACCEPTED, 200, 0, "sent", "", "", ""},
	{"chunked", WC_OUT_ACCEPTED, 200, 0, "sent", "", "", ""},
	{"close-after", WC_OUT_ACCEPTED, 200, 0, "sent", "m-1", "", ""},
	{"error", WC_OUT_REFUSED, 200, 0, "error", "", "130472", "not \xEF\xBF\xBDtoday"},
	{"error-bare", WC_OUT_REFUSED, 200, 0, "error", "", "", "gave no reason"},
	{"error-number", WC_OUT_REFUSED, 200, 0, "sent", "", "7", "errorCode 7"},
	{"no-session", WC_OUT_NO_SESSION, 200, 0, "error", "", "session_not_found", ""},
	{"no-session-404", WC_OUT_NO_SESSION, 404, 0, "", "", "session_not_found", "gone"},
	{"not-json", WC_OUT_ACCEPTED, 200, 0, "accepted", "", "", "not a JSON object"},
	{"array", WC_OUT_ACCEPTED, 200, 0, "accepted", "", "", "not a JSON object"},
	{"nothing-said", WC_OUT_ACCEPTED, 200, 0, "accepted", "", "", "neither status nor messageId"},
	{"no-body", WC_OUT_ACCEPTED, 204, 0, "accepted", "", "", "no body"},
	{"huge", WC_OUT_ACCEPTED, 200, 0, "accepted", "", "", "too large"},
	{"huge-404", WC_OUT_REFUSED, 404, 0, "", "", "", "HTTP 404"},
	{"huge-head", WC_OUT_RETRY, 200, 0, "", "", "", "head of more than"},
	{"400", WC_OUT_REFUSED, 400, 0, "", "", "invalid", "bad content"},
	{"401", WC_OUT_UNAUTHORIZED, 401, 0, "", "", "", "connect_hub"},
	{"404", WC_OUT_REFUSED, 404, 0, "", "", "", "HTTP 404"},
	{"408", WC_OUT_RETRY, 408, 0, "", "", "", "HTTP 408"},
	{"500", WC_OUT_RETRY, 500, 0, "", "", "", "on fire"},
	{"503", WC_OUT_RETRY, 503, 0, "", "", "", "HTTP 503"},
	{"503-pause", WC_OUT_PAUSED, 503, 7000, "", "", "", "pause"},
	{"429", WC_OUT_PAUSED, 429, 1000, "", "", "", "pause"},
	{"429-pause", WC_OUT_PAUSED, 429, 20000, "", "", "", "pause"},
	{"429-long", WC_OUT_PAUSED, 429, 3600000, "", "", "", "pause"},
	{"redirect", WC_OUT_REFUSED, 302, 0, "", "", "", "api_url"},
	{"reset", WC_OUT_UNREACHABLE, 0, 0, "", "", "", "127.0.0.1"},
	{"hang-up", WC_OUT_UNREACHABLE, 0, 0, "", "", "", "127.0.0.1"},
	{"truncated", WC_OUT_UNREACHABLE, 200, 0, "", "", "", "127.0.0.1"},
	{"half-head", WC_OUT_UNREACHABLE, 200, 0, "", "", "", "hung up in the middle"},
	{"garbage", WC_OUT_UNREACHABLE, 0, 0, "", "", "", "127.0.0.1"},
	{"bad-chunk", WC_OUT_UNREACHABLE, 200, 0, "", "", "", "127.0.0.1"},
	{"silent", WC_OUT_UNREACHABLE, 0, 0, "", "", "", "timed out"},
	{"drip", WC_OUT_UNREACHABLE, 0, 0, "", "", "", "timed out"},
};

#define NCASES ((uint32_t) (sizeof(cases) / sizeof(cases[0])))

static void
test_each(void)
{
	for (uint32_t i = 0; i < NCASES; i++)
	{
		/* only what is to time out may: a slow machine is no reason */
		configure(64, strcmp(cases[i].text, "timed out") == 0 ? 500 : 180000);
		put_hub(1, cases[i].mode);
		memset(&last, 0, sizeof(last));
		send_to(1);
		run_until(0);
		ok(last.outcome.result == cases[i].result && last.outcome.http_status == cases[i].http_status &&
			   last.outcome.retry_after_ms == cases[i].pause_ms && strcmp(last.status, cases[i].status) == 0 &&
			   strcmp(last.id, cases[i].id) == 0 && strcmp(last.code, cases[i].code) == 0 &&
			   strstr(last.text, cases[i].text) != NULL,
		   cases[i].mode);
	}
	put_hub(1, "429-date");
	send_to(1);
	run_until(0);
	ok(last.outcome.result == WC_OUT_PAUSED && last.outcome.retry_after_ms >= 25000 &&
		   last.outcome.retry_after_ms <= 30000,
	   "Retry-After as a date");
}

/* Every kind of trouble at once: nothing lost, nothing told twice. */
static void
test_storm(void)
{
	uint64_t first = next_token;
	bool once = true;

	configure(24, 700);
	for (uint32_t i = 0; i < NCASES; i++)
		put_hub(100 + i, cases[i].mode);
	for (uint32_t n = 0; n < 20; n++)
		for (uint32_t i = 0; i < NCASES; i++)
			send_to(100 + i);
	hub_most_at_once();
	run_until(0);
	for (uint64_t t = first; t < next_token; t++)
		once = once && told[t] == 1;
	ok(once, "a storm: one outcome for each message");
	for (uint32_t i = 0; i < NCASES; i++)
		hub_sender_hub_gone(out, 100 + i);
}

static void
test_keep_alive_closed(void)
{
	bool good = true;

	put_hub(1, "close-after");
	for (int i = 0; i < 50; i++)
	{
		send_to(1);
		run_until(0);
		if (last.outcome.result != WC_OUT_ACCEPTED)
		{
			printf("# round %d: result %d, %s\n", i, last.outcome.result, last.text);
			good = false;
		}
	}
	ok(good, "connections that the hub closes after each answer");
}

/* ---- what never reaches a hub ---- */

static void
expect_failure(int result, const char *text, const char *what)
{
	memset(&last, 0, sizeof(last));
	last.outcome.result = 99;
	run_until(0);
	ok(last.outcome.result == result && last.outcome.http_status == 0 && strstr(last.text, text) != NULL, what);
}

static void
test_without_request(void)
{
	char long_kind[80];

	send_to(77);
	expect_failure(WC_OUT_UNREACHABLE, "not known", "an unknown hub");
	send_as(1, "web/../chatt", "v");
	expect_failure(WC_OUT_REFUSED, "kind", "a kind that would leave the path");
	send_as(1, "", "v");
	expect_failure(WC_OUT_REFUSED, "kind", "no kind");
	memset(long_kind, 'a', sizeof(long_kind));
	long_kind[65] = '\0';
	send_as(1, long_kind, "v");
	expect_failure(WC_OUT_REFUSED, "kind", "a kind of 65 characters");
	send_as(1, "web-chatt2me", "\xff\xfe");
	expect_failure(WC_OUT_REFUSED, "UTF-8", "a visitor that is not UTF-8");
	put_hub_at(2, "http://127.0.0.1/", API_KEY "\r\nX-Evil: 1");
	send_to(2);
	expect_failure(WC_OUT_UNAUTHORIZED, "control", "a key with a line break");
	put_hub_at(2, "http://127.0.0.1/", "");
	send_to(2);
	expect_failure(WC_OUT_UNAUTHORIZED, "no API key", "no key");
	put_hub_at(2, "ftp://127.0.0.1", API_KEY);
	send_to(2);
	expect_failure(WC_OUT_UNREACHABLE, "https://", "a hub on FTP");
	put_hub_at(2, "file:///etc/passwd", API_KEY);
	send_to(2);
	expect_failure(WC_OUT_UNREACHABLE, "", "a hub in a file");
	put_hub_at(2, "http://me:you@127.0.0.1", API_KEY);
	send_to(2);
	expect_failure(WC_OUT_UNREACHABLE, "user name", "a URL with a user name");
	put_hub_at(2, "http://127.0.0.1/?a=", API_KEY);
	send_to(2);
	expect_failure(WC_OUT_UNREACHABLE, "query", "a URL with a query");
	put_hub_at(2, "hub", API_KEY);
	send_to(2);
	expect_failure(WC_OUT_UNREACHABLE, "", "a URL that is none");
	hub_sender_hub_gone(out, 2);
}

static void
test_nobody_there(void)
{
	char url[64];

	(void) snprintf(url, sizeof(url), "http://127.0.0.1:%d", hub_closed_port());
	put_hub_at(3, url, API_KEY);
	for (int i = 0; i < 200; i++)
		send_to(3);
	run_until(0);
	ok(last.outcome.result == WC_OUT_UNREACHABLE && strstr(last.text, "127.0.0.1:") != NULL, "nobody listens there");
	put_hub_at(3, "https://127.0.0.1:1", API_KEY);
	hub_sender_hub_gone(out, 3);
}

/* ---- bodies, keys, windows ---- */

static void
test_body(void)
{
	char body[HUB_TEXT];
	char key[HUB_TEXT];

	put_hub(1, "ok");
	send_as(1, "web-chatt2me", "a\"b\\c\xc3\xa9\n");
	run_until(0);
	hub_last(body, key);
	ok(strcmp(body, "{\"from\":\"00000000-0000-0000-0000-000000000001\",\"to\":\"a\\\"b\\\\c\xc3\xa9\\n\","
					"\"content\":{\"text\": \"hi\"}}") == 0,
	   "the request's body");
	ok(strcmp(key, API_KEY) == 0, "the request's key");
}

static void
test_new_key(void)
{
	char url[256];
	char body[HUB_TEXT];
	char key[HUB_TEXT];

	configure(1, 180000);
	hub_open_gate(false);
	put_hub(1, "gate");
	send_to(1);
	send_to(1);
	while (hub_most_at_once() == 0)
		uv_run(&loop, UV_RUN_NOWAIT);
	(void) snprintf(url, sizeof(url), "http://127.0.0.1:%d/ok", port);
	put_hub_at(1, url, "another-key");
	hub_open_gate(true);
	run_until(0);
	hub_last(body, key);
	ok(strcmp(key, "another-key") == 0, "a new key is used by what still waits");
}

static void
test_window(void)
{
	configure(8, 180000);
	hub_open_gate(false);
	put_hub(1, "gate");
	for (int i = 0; i < 100; i++)
		send_to(1);
	while (hub_most_at_once() < 8)
		uv_run(&loop, UV_RUN_NOWAIT);
	hub_open_gate(true);
	run_until(0);
	ok(hub_most_at_once() <= 8, "never more under way than max_in_flight");
}

/* A hub that answers nothing leaves the other its share of the window. */
static void
test_fairness(void)
{
	uint32_t silent = 100;

	configure(8, 20000);
	put_hub(1, "silent");
	put_hub(2, "ok");
	for (uint32_t i = 0; i < silent; i++)
		send_to(1);
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	for (int i = 0; i < 500; i++)
		send_to(2);
	run_until(silent);
	ok(hub_sender_pending(out) == silent && last.outcome.result == WC_OUT_ACCEPTED,
	   "a silent hub does not stop another");
	hub_sender_hub_gone(out, 1);
	run_until(8);
	ok(last.outcome.result == WC_OUT_UNREACHABLE && strstr(last.text, "removed") != NULL,
	   "what waits for a hub that is removed comes back");
	run_until(0);
	ok(strstr(last.text, "timed out") != NULL, "what was under way to it ends by itself");
	hub_sender_hub_gone(out, 2);
}

static void
test_free(void)
{
	put_hub(1, "silent");
	put_hub(2, "ok");
	for (int i = 0; i < 20; i++)
		send_to(1 + (uint32_t) i % 2);
	free_in_callback = true;
	while (out != NULL)
		uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_DEFAULT);
	out = hub_sender_new(&loop, on_outcome, NULL);
	put_hub(1, "silent");
	send_to(1);
	send_to(99);
	uv_run(&loop, UV_RUN_NOWAIT);
	hub_sender_free(out);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok(uv_loop_close(&loop) == 0, "freed in its own callback, and with work under way");
}

int
main(void)
{
	/* Must not be followed. */
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	uv_loop_init(&loop);
	port = hub_start();
	out = hub_sender_new(&loop, on_outcome, NULL);
	if (out == NULL)
		return 1;
	test_each();
	test_storm();
	test_keep_alive_closed();
	test_without_request();
	test_nobody_there();
	test_body();
	test_new_key();
	test_window();
	test_fairness();
	test_free();
	ok(!reentered, "no outcome was told from inside sender_send()");
	ok(!leaked, "no text over 500 bytes, none with the key in it");
	printf("1..%d\n", points);
	return failures > 0;
}
