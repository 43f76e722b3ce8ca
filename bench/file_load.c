/*
 * file_load.c
 *	  Many visitors at a time who bring files (doc/files.md): each begins one, sends its
 *	  pieces one after another, fetches it, drops it, and begins again.
 *
 *	  file_load --port N --key K --origin O --size BYTES --pause SECONDS < LINES: a visitor's token each
 *
 * Prints "ready=N" when all have begun, and upon SIGTERM, as key=value, what they did
 * since then.
 */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_part.h"
#include "measure.h"

#define MOST 1000
/* Failures that are told one by one. */
#define MAX_TOLD  5
#define PIECE	  262144
#define SECOND_NS INT64_C(1000000000)

typedef enum step
{
	BEGIN = 0,
	PUT,
	GET,
	DROP,
	STEPS
} step;

static const char *const methods[STEPS] = {"POST", "PATCH", "GET", "DELETE"};

typedef struct bringer
{
	CURL *easy;
	struct curl_slist *headers;
	step step;
	long at;	 /* bytes that are there */
	int64_t due; /* not before */
	bool running;
	char token[64];
	char id[64];
	char answer[1024];
	size_t len;
} bringer;

static struct
{
	int port;
	const char *key;
	const char *origin;
	long size;
	double pause; /* between two requests of one, in s */
} opt = {.origin = "http://localhost", .size = 1 << 20, .pause = 1};

static bringer bringers[MOST];
static int nbringers;
static int nbegun;
static CURLM *multi;
static volatile sig_atomic_t stopped;
static char *bytes;
static uint64_t done[STEPS];
static uint64_t later;
static uint64_t errors;
static int ntold;

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	bringer *b = arg;
	size_t room = sizeof(b->answer) - b->len;

	(void) size;
	memcpy(b->answer + b->len, data, n < room ? n : room);
	b->len += n < room ? n : room;
	return n;
}

static void
add_header(bringer *b, const char *name, const char *value)
{
	char line[160];

	(void) snprintf(line, sizeof(line), "%s: %s", name, value);
	b->headers = curl_slist_append(b->headers, line);
}

static void
set_url(bringer *b)
{
	char url[256];
	char id[80] = "";

	if (b->step != BEGIN)
		(void) snprintf(id, sizeof(id), "/%s", b->id);
	(void) snprintf(url, sizeof(url), "http://127.0.0.1:%d/files%s?webChatId=%s", opt.port, id, opt.key);
	curl_easy_setopt(b->easy, CURLOPT_URL, url);
}

static void
start(bringer *b)
{
	char text[96];
	long n = opt.size - b->at < PIECE ? opt.size - b->at : PIECE;

	curl_easy_reset(b->easy);
	curl_slist_free_all(b->headers);
	b->headers = NULL;
	add_header(b, "Origin", opt.origin);
	if (b->step != GET)
		add_header(b, "X-Webchatt-Token", b->token);
	add_header(b, "Expect", "");
	(void) snprintf(text, sizeof(text), "%ld", b->at);
	if (b->step == PUT)
		add_header(b, "Upload-Offset", text);
	set_url(b);
	curl_easy_setopt(b->easy, CURLOPT_CUSTOMREQUEST, methods[b->step]);
	if (b->step == PUT)
	{
		curl_easy_setopt(b->easy, CURLOPT_POSTFIELDSIZE, n);
		curl_easy_setopt(b->easy, CURLOPT_POSTFIELDS, bytes + b->at);
	}
	else if (b->step == BEGIN)
	{
		(void) snprintf(text, sizeof(text), "{\"name\":\"a.txt\",\"size\":%ld}", opt.size);
		curl_easy_setopt(b->easy, CURLOPT_COPYPOSTFIELDS, text);
	}
	(void) snprintf(text, sizeof(text), "127.0.0.%d", (int) ((b - bringers) / 4 % 100 + 2));
	curl_easy_setopt(b->easy, CURLOPT_INTERFACE, text);
	curl_easy_setopt(b->easy, CURLOPT_HTTPHEADER, b->headers);
	curl_easy_setopt(b->easy, CURLOPT_PRIVATE, b);
	curl_easy_setopt(b->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(b->easy, CURLOPT_WRITEDATA, b);
	curl_easy_setopt(b->easy, CURLOPT_NOSIGNAL, 1L);
	b->len = 0;
	b->running = true;
	curl_multi_add_handle(multi, b->easy);
}

/* It was answered well: what comes next. */
static void
go_on(bringer *b)
{
	done[b->step]++;
	b->due = measure_now() + (int64_t) (opt.pause * 1e9);
	switch (b->step)
	{
		case BEGIN:
			(void) json_copy(b->id, sizeof(b->id), json_member((json_part){b->answer, b->len}, "id"));
			nbegun += b->at < 0 ? 1 : 0;
			b->at = 0;
			b->step = PUT;
			break;
		case PUT:
			b->at += opt.size - b->at < PIECE ? opt.size - b->at : PIECE;
			b->step = b->at == opt.size ? GET : PUT;
			break;
		case GET:
			b->step = DROP;
			break;
		default:
			b->step = BEGIN;
	}
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
		bringer *b = NULL;
		long status = 0;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &b);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		curl_multi_remove_handle(multi, easy);
		b->running = false;
		if (result == CURLE_OK && status >= 200 && status < 300)
		{
			go_on(b);
			continue;
		}
		b->due = measure_now() + SECOND_NS;
		if (result == CURLE_OK && status == 503)
		{
			later++;
			continue;
		}
		errors++;
		if (ntold++ < MAX_TOLD)
			fprintf(stderr, "file_load: %s was answered %ld: %s%.*s\n", methods[b->step], status,
					result == CURLE_OK ? "" : curl_easy_strerror(result), (int) b->len, b->answer);
	}
}

static void
step_all(void)
{
	int64_t now = measure_now();
	int running;

	for (int i = 0; i < nbringers; i++)
	{
		if (!bringers[i].running && bringers[i].due <= now)
			start(&bringers[i]);
	}
	curl_multi_perform(multi, &running);
	curl_multi_poll(multi, NULL, 0, 20, NULL);
	collect();
}

static void
on_term(int sig)
{
	(void) sig;
	stopped = 1;
}

int
main(int argc, char **argv)
{
	const measure_option options[] = {{"port", 'd', &opt.port},		{"key", 's', &opt.key},
									  {"origin", 's', &opt.origin}, {"size", 'l', &opt.size},
									  {"pause", 'f', &opt.pause},	{NULL, 0, NULL}};
	int64_t began;

	if (!measure_options(argc, argv, options) || opt.port == 0 || opt.key == NULL || opt.size < 1)
		return 2;
	curl_global_init(CURL_GLOBAL_ALL);
	multi = curl_multi_init();
	bytes = malloc((size_t) opt.size);
	if (multi == NULL || bytes == NULL)
		measure_fatal("memory");
	memset(bytes, 'x', (size_t) opt.size);
	signal(SIGTERM, on_term);
	while (nbringers < MOST && scanf("%63s", bringers[nbringers].token) == 1)
	{
		bringers[nbringers].easy = curl_easy_init();
		bringers[nbringers].at = -1;
		nbringers++;
	}
	while (nbegun < nbringers && !stopped)
		step_all();
	printf("ready=%d\n", nbringers);
	fflush(stdout);
	memset(done, 0, sizeof(done));
	began = measure_now();
	while (!stopped)
		step_all();
	printf("seconds=%.3f pieces=%llu files=%llu fetched=%llu later=%llu errors=%llu\n",
		   (double) (measure_now() - began) / 1e9, (unsigned long long) done[PUT], (unsigned long long) done[DROP],
		   (unsigned long long) done[GET], (unsigned long long) later, (unsigned long long) errors);
	return 0;
}
