/*
 * visitor_load.c
 *	  Many visitors at a time, each a WebSocket as a widget opens it
 *	  (doc/protocol.md).
 *
 *	  visitor_load send ...    each sends a message, waits for its ack, sends the next, or pauses before it;
 *	                           SIGUSR1 begins the count anew, SIGTERM ends it early
 *	  visitor_load reply ...   SQL sessions write to visitors at a fixed rate; SIGTERM ends it early
 *	  visitor_load gather ...  one statement writes to all of them, and they say nothing of it
 *	  visitor_load idle ...    they are there; then webchatt-net is to be killed, and
 *						   they come back
 *
 * Prints lines of key=value.  A visitor does as the widget does: it dials again
 * 0.5 to 2 s after a cut, then at random within a time that doubles with each
 * failure; it says what it got and saw; and in silence it pings.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "agents.h"
#include "json_part.h"
#include "measure.h"
#include "ws_client.h"

#define ID_LEN	  36
#define MAX_TOKEN 64
/* The widget's patience: see widget/src/line.js. */
#define FIRST_NS   INT64_C(500000000)
#define AGAIN_NS   INT64_C(300000000)
#define SECOND_NS  INT64_C(1000000000)
#define SLOWEST_NS (60 * SECOND_NS)
#define QUIET_NS   (40 * SECOND_NS)
#define BEAT_NS	   (5 * SECOND_NS)
/* How long all may take to be welcomed. */
#define WELCOME_NS (120 * SECOND_NS)
/* Failures that are told one by one. */
#define MAX_TOLD 5
/* Dials are counted by the tenth of a second, for so long after a cut. */
#define MAX_TENTHS 1200

typedef struct visitor
{
	ws_conn ws; /* the first member: ws_client gives it back */
	bool welcomed;
	int failures;	  /* dials since the last welcome */
	int64_t due;	  /* when to dial, to send again, or to ping; 0: never */
	uint64_t message; /* the one that has no ack yet; 0: none */
	int64_t sent_at;
	int64_t made_ms; /* that is in the message's id */
	char id[ID_LEN + 1];
	char token[MAX_TOKEN + 1];
} visitor;

static struct
{
	int port;
	const char *key;
	const char *origin;
	const char *conninfo;
	const char *channel;
	const char *statement;
	long total; /* messages of the statement */
	int visitors;
	int addresses;
	int opening; /* dial so many at a time in the beginning */
	int sessions;
	double seconds;
	double warmup;
	double rate;
	double pause; /* send: between an ack and the next message, on average */
	double grace; /* how long answers are waited for at the end */
} opt = {.origin = "http://localhost",
		 .visitors = 200,
		 .addresses = 1,
		 .opening = 128,
		 .sessions = 8,
		 .seconds = 5,
		 .rate = 1000,
		 .grace = 10};

static visitor *visitors;
static int nwelcomed;
static int nopening;
static int nwaiting; /* have something due */
static bool pings;	 /* those who are idle do */
static uint64_t run_id;
static uint64_t errors; /* error frames */
static uint64_t cuts;
static uint64_t not_reached;
static uint64_t refused;
static int told;

static uint64_t sequence;
static uint64_t acked;
static int64_t count_from;
static int64_t count_to;
static int64_t *samples;
static size_t nsamples;
static size_t max_samples;

static reply_times *replies;
static uint32_t nreplies;
static uint32_t narrived;
static uint64_t doubled;
static uint64_t confirmed;

static bool silent; /* no receipts */
static volatile sig_atomic_t stopped;
static volatile sig_atomic_t anew;

static int64_t cut_at;
static uint64_t dials;
static uint32_t dials_in[MAX_TENTHS];

static void
add_sample(int64_t ns)
{
	if (nsamples == max_samples)
	{
		max_samples = max_samples * 2 + 65536;
		samples = realloc(samples, max_samples * sizeof(*samples));
		if (samples == NULL)
			measure_fatal("realloc");
	}
	samples[nsamples++] = ns;
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *) a;
	int64_t y = *(const int64_t *) b;

	return (x > y) - (x < y);
}

static void
sort_samples(void)
{
	if (nsamples > 0)
		qsort(samples, nsamples, sizeof(*samples), by_value);
}

/* In microseconds, of what sort_samples() sorted. */
static double
percentile(double p)
{
	return nsamples == 0 ? 0 : (double) samples[(size_t) ((double) (nsamples - 1) * p)] / 1e3;
}

/* --- a visitor ------------------------------------------------------------ */

static void
tell(const char *what, json_part of)
{
	if (told++ < MAX_TOLD)
		fprintf(stderr, "visitor_load: %s%.*s\n", what, (int) of.len, of.at);
}

static int64_t
random_below(int64_t ns)
{
	return (int64_t) (ws_random() % (uint64_t) ns);
}

static void
wait_until(visitor *v, int64_t due)
{
	nwaiting += (due != 0) - (v->due != 0);
	v->due = due;
}

static void
dial(visitor *v, int64_t now)
{
	v->failures++;
	nopening++;
	if (cut_at != 0)
	{
		int64_t tenth = (now - cut_at) / 100000000;

		dials++;
		if (tenth < MAX_TENTHS)
			dials_in[tenth]++;
	}
	ws_dial(&v->ws);
}

static void
on_open(ws_conn *c)
{
	visitor *v = (visitor *) c;
	char hello[160];
	int n;

	if (v->token[0] != '\0')
		n = snprintf(hello, sizeof(hello), "{\"type\":\"hello\",\"token\":\"%s\"}", v->token);
	else
		n = snprintf(hello, sizeof(hello), "{\"type\":\"hello\",\"attributes\":{\"language\":\"en\"}}");
	ws_server_send(c, hello, (size_t) n);
}

/* The message's id is a UUID version 7, as the widget's are; at its end is the message's number. */
static void
send_message(visitor *v)
{
	char text[256];
	unsigned long long ms = (unsigned long long) v->made_ms;
	int n =
		snprintf(text, sizeof(text),
				 "{\"type\":\"message\",\"id\":\"%08llx-%04llx-7%03x-8%03x-%012llx\",\"content\":{\"type\":\"text\","
				 "\"text\":\"Hello, I'd like to know more about your products\"}}",
				 ms >> 16, ms & 0xFFFF, (unsigned) (run_id & 0xFFF), (unsigned) (run_id >> 12 & 0xFFF),
				 (unsigned long long) v->message);

	ws_server_send(&v->ws, text, (size_t) n);
}

static void
send_next(visitor *v, int64_t now)
{
	v->message = ++sequence;
	v->sent_at = now;
	v->made_ms = measure_wall() / 1000000;
	send_message(v);
}

static void
on_welcome(visitor *v, json_part frame)
{
	json_part token = json_member(frame, "token");

	if (v->welcomed || (v->id[0] == '\0' && !json_copy(v->id, sizeof(v->id), json_member(frame, "visitor"))))
	{
		tell("this is no welcome for it: ", frame);
		errors++;
		return;
	}
	if (token.len > 0 && !json_copy(v->token, sizeof(v->token), token))
		tell("the token is too long: ", token);
	v->welcomed = true;
	v->failures = 0;
	nopening--;
	nwelcomed++;
	if (v->message != 0)
		send_message(v);
	else if (pings)
		wait_until(v, measure_now() + QUIET_NS + random_below(BEAT_NS));
}

static void
on_ack(visitor *v, json_part frame)
{
	json_part id = json_member(frame, "id");
	int64_t now = measure_now();

	if (id.len != ID_LEN || json_number((json_part){id.at + 24, ID_LEN - 24}, 16) != v->message)
	{
		tell("this acknowledges nothing: ", frame);
		errors++;
		return;
	}
	acked++;
	v->message = 0;
	if (now >= count_from && now < count_to)
		add_sample(now - v->sent_at);
	if (now >= count_to)
		return;
	if (opt.pause > 0)
		wait_until(v, now + (int64_t) (opt.pause * 5e8) + random_below((int64_t) (opt.pause * 1e9)));
	else
		send_next(v, now);
}

/* What an application wrote: delivered, and seen. */
static void
on_message(visitor *v, json_part frame)
{
	int64_t now = measure_now();
	json_part id = json_member(frame, "id");
	json_part text = json_member(json_member(frame, "content"), "text");
	uint64_t n = json_number(text, 10);
	char answer[128];
	int len;

	if (!json_is(json_member(frame, "direction"), "out") || id.len != ID_LEN || text.len == 0 || n >= nreplies)
	{
		tell("nobody wrote this: ", frame);
		errors++;
		return;
	}
	if (replies[n].arrived == 0)
	{
		replies[n].arrived = now;
		narrived++;
	}
	else
		doubled++;
	if (silent)
		return;
	len = snprintf(answer, sizeof(answer), "{\"type\":\"delivered\",\"ids\":[\"%.*s\"]}", ID_LEN, id.at);
	ws_server_send(&v->ws, answer, (size_t) len);
	len = snprintf(answer, sizeof(answer), "{\"type\":\"read\",\"ids\":[\"%.*s\"]}", ID_LEN, id.at);
	ws_server_send(&v->ws, answer, (size_t) len);
}

static void
on_status(json_part frame)
{
	json_part status = json_member(frame, "status");
	json_part ids = json_member(frame, "ids");
	size_t quotes = 0;

	for (size_t i = 0; i < ids.len; i++)
		quotes += ids.at[i] == '"';
	if (json_is(status, "delivered") || json_is(status, "read"))
		confirmed += quotes / 2;
}

/* What had no effect is sent again when the hub says so, or in a second. */
static void
on_error(visitor *v, json_part frame)
{
	json_part after = json_member(frame, "retry_after");

	tell("the hub says ", frame);
	errors++;
	if (v->message != 0)
		wait_until(v, measure_now() + (after.len > 0 ? (int64_t) json_number(after, 10) : 1000) * 1000000);
}

static void
on_text(ws_conn *c, const char *text, size_t len)
{
	visitor *v = (visitor *) c;
	json_part frame = {text, len};
	json_part type = json_member(frame, "type");

	if (json_is(type, "ack"))
		on_ack(v, frame);
	else if (json_is(type, "message"))
		on_message(v, frame);
	else if (json_is(type, "status"))
		on_status(frame);
	else if (json_is(type, "welcome"))
		on_welcome(v, frame);
	else if (json_is(type, "error"))
		on_error(v, frame);
	else if (!json_is(type, "typing") && !json_is(type, "pong"))
	{
		tell("this is no frame of the protocol: ", frame);
		errors++;
	}
}

/* How long the widget waits before it dials again. */
static int64_t
pause_of(const visitor *v)
{
	int64_t most = SECOND_NS;

	if (v->failures == 0)
		return FIRST_NS + random_below(3 * FIRST_NS);
	for (int i = 0; i < v->failures && most < SLOWEST_NS; i++)
		most *= 2;
	return AGAIN_NS + random_below(most < SLOWEST_NS ? most : SLOWEST_NS);
}

static void
on_end(ws_conn *c, int why)
{
	visitor *v = (visitor *) c;
	char text[80];

	(void) snprintf(text, sizeof(text), "%s ended with %d", v->welcomed ? "a visitor's connection" : "a dial", why);
	if (why == WS_NOT_WS || why == 4001 || why == 4003)
	{
		fprintf(stderr, "visitor_load: %s: no use to dial again\n", text);
		exit(1);
	}
	if (why > WS_NOT_REACHED)
		tell(text, (json_part){"", 0});
	if (v->welcomed)
	{
		nwelcomed--;
		cuts++;
		if (cut_at == 0)
			cut_at = measure_now();
	}
	else
	{
		nopening--;
		if (why == WS_NOT_REACHED)
			not_reached++;
		else
			refused++;
	}
	v->welcomed = false;
	wait_until(v, measure_now() + pause_of(v));
}

/* --- all of them ---------------------------------------------------------- */

static void
turn(void)
{
	int64_t now;

	ws_turn(nwaiting > 0 ? 10 : 50);
	if (nwaiting == 0)
		return;
	now = measure_now();
	for (int i = 0; i < opt.visitors; i++)
	{
		visitor *v = &visitors[i];

		if (v->due == 0 || v->due > now)
			continue;
		wait_until(v, 0);
		if (v->ws.state == WS_CLOSED)
			dial(v, now);
		else if (v->message != 0)
			send_message(v);
		else if (opt.pause > 0 && now < count_to)
			send_next(v, now);
		else
		{
			ws_server_send(&v->ws, "{\"type\":\"ping\"}", 15);
			wait_until(v, now + QUIET_NS + random_below(BEAT_NS));
		}
	}
}

static double
seconds_since(int64_t began)
{
	return (double) (measure_now() - began) / 1e9;
}

static void
welcome_all(void)
{
	int64_t began = measure_now();
	int next = 0;

	while (nwelcomed < opt.visitors)
	{
		while (next < opt.visitors && nopening < opt.opening)
			dial(&visitors[next++], measure_now());
		turn();
		if (measure_now() > began + WELCOME_NS)
		{
			fprintf(stderr, "visitor_load: %d of %d were welcomed in %.0f s, %llu were refused, %llu not reached\n",
					nwelcomed, opt.visitors, WELCOME_NS / 1e9, (unsigned long long) refused,
					(unsigned long long) not_reached);
			exit(1);
		}
	}
	printf("welcomed=%d welcome_seconds=%.2f refused=%llu not_reached=%llu\n", nwelcomed, seconds_since(began),
		   (unsigned long long) refused, (unsigned long long) not_reached);
	(void) fflush(stdout);
}

static int64_t
grace_ns(void)
{
	return (int64_t) (opt.grace * 1e9);
}

static void
on_stop(int signo)
{
	(void) signo;
	stopped = 1;
}

static void
on_anew(int signo)
{
	(void) signo;
	anew = 1;
}

static void
count_sends(void)
{
	while (measure_now() < count_to || (acked < sequence && measure_now() < count_to + grace_ns()))
	{
		turn();
		if (anew)
		{
			anew = 0;
			nsamples = 0;
			count_from = measure_now();
		}
		if (stopped && count_to > measure_now())
			count_to = measure_now();
	}
}

static void
run_send(void)
{
	int64_t now;
	double cpu;

	welcome_all();
	(void) sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_anew}, NULL);
	(void) sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_stop}, NULL);
	cpu = measure_cpu_us();
	now = measure_now();
	count_from = now + (int64_t) (opt.warmup * 1e9);
	count_to = count_from + (int64_t) (opt.seconds * 1e9);
	for (int i = 0; i < opt.visitors; i++)
	{
		if (opt.pause > 0)
			wait_until(&visitors[i], now + 1 + random_below((int64_t) (opt.pause * 1e9)));
		else
			send_next(&visitors[i], now);
	}
	count_sends();
	sort_samples();
	printf("rate=%.0f p50_us=%.0f p99_us=%.0f max_us=%.0f acked=%llu sent=%llu errors=%llu cuts=%llu cpu_us=%.1f\n",
		   (double) nsamples / ((double) (count_to - count_from) / 1e9), percentile(0.5), percentile(0.99),
		   percentile(1), (unsigned long long) acked, (unsigned long long) sequence, (unsigned long long) errors,
		   (unsigned long long) cuts, acked > 0 ? (measure_cpu_us() - cpu) / (double) acked : 0);
}

static const char *
any_visitor(uint64_t random)
{
	return visitors[random % (uint64_t) opt.visitors].id;
}

/* Of the messages after the warm-up: from one moment to another. */
static void
print_replies(const char *what, size_t from, size_t to)
{
	nsamples = 0;
	for (uint32_t n = 0; n < nreplies; n++)
	{
		const char *t = (const char *) &replies[n];

		if (replies[n].due >= count_from && replies[n].arrived != 0)
			add_sample(*(const int64_t *) (t + to) - *(const int64_t *) (t + from));
	}
	sort_samples();
	printf("%s_p50_us=%.0f %s_p99_us=%.0f %s_max_us=%.0f ", what, percentile(0.5), what, percentile(0.99), what,
		   percentile(1));
}

static void
expect_replies(uint32_t n)
{
	nreplies = n;
	replies = calloc(n, sizeof(*replies));
	if (replies == NULL)
		measure_fatal("calloc");
}

/* How many were committed, and when the last was. */
static uint32_t
count_sent(int64_t *last)
{
	uint32_t sent = 0;

	*last = 0;
	for (uint32_t n = 0; n < nreplies; n++)
	{
		sent += replies[n].after_commit != 0;
		*last = replies[n].after_commit > *last ? replies[n].after_commit : *last;
	}
	return sent;
}

static void
run_reply(void)
{
	agents_setup setup = {.conninfo = opt.conninfo,
						  .channel = opt.channel,
						  .sessions = opt.sessions,
						  .rate = opt.rate,
						  .total = (uint32_t) ((opt.seconds + opt.warmup) * opt.rate),
						  .visitor = any_visitor};
	int64_t done_at = 0;
	int64_t last = 0;
	uint32_t sent = setup.total;

	(void) sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_stop}, NULL);
	welcome_all();
	expect_replies(setup.total);
	setup.times = replies;
	/* time for the sessions to connect */
	setup.start = measure_now() + 500000000;
	count_from = setup.start + (int64_t) (opt.warmup * 1e9);
	agents_start(&setup);
	while (done_at == 0 ||
		   ((narrived < sent || confirmed < 2 * (uint64_t) sent) && measure_now() < done_at + grace_ns()))
	{
		turn();
		if (stopped)
			agents_stop();
		if (done_at == 0 && agents_are_done())
		{
			done_at = measure_now();
			sent = count_sent(&last);
		}
	}
	agents_join();
	print_replies("late", offsetof(reply_times, due), offsetof(reply_times, before_commit));
	print_replies("commit", offsetof(reply_times, before_commit), offsetof(reply_times, after_commit));
	print_replies("asked", offsetof(reply_times, before_commit), offsetof(reply_times, arrived));
	print_replies("done", offsetof(reply_times, after_commit), offsetof(reply_times, arrived));
	printf("rate=%.0f sent=%u arrived=%u doubled=%llu confirmed=%llu errors=%llu cuts=%llu\n",
		   (double) sent / ((double) (last - setup.start) / 1e9), sent, narrived, (unsigned long long) doubled,
		   (unsigned long long) confirmed, (unsigned long long) errors, (unsigned long long) cuts);
}

/* From the statement's beginning until the last message is at its visitor. */
static void
run_gather(void)
{
	_Atomic int64_t began = 0;
	_Atomic int64_t ended = 0;
	int64_t last = 0;
	int64_t start;
	int64_t give_up;

	silent = true;
	welcome_all();
	expect_replies((uint32_t) opt.total);
	start = measure_now() + (int64_t) (opt.warmup * 1e9);
	while (measure_now() < start)
		turn();
	give_up = measure_now() + (int64_t) (opt.seconds * 1e9);
	agents_run(opt.conninfo, opt.statement, &began, &ended);
	while ((narrived < nreplies || !agents_are_done()) && measure_now() < give_up)
		turn();
	for (uint32_t n = 0; n < nreplies; n++)
		last = replies[n].arrived > last ? replies[n].arrived : last;
	printf("rate=%.0f statement_ms=%.1f seconds=%.3f arrived=%u doubled=%llu errors=%llu cuts=%llu\n",
		   (double) narrived / ((double) (last - began) / 1e9), (double) (ended - began) / 1e6,
		   (double) (last - began) / 1e9, narrived, (unsigned long long) doubled, (unsigned long long) errors,
		   (unsigned long long) cuts);
}

/* The most in any second. */
static uint32_t
peak_dials(void)
{
	uint32_t peak = 0;
	uint32_t sum = 0;

	for (int i = 0; i < MAX_TENTHS; i++)
	{
		sum += dials_in[i];
		if (i >= 10)
			sum -= dials_in[i - 10];
		if (sum > peak)
			peak = sum;
	}
	return peak;
}

static void
run_idle(void)
{
	int64_t end;

	pings = true;
	welcome_all();
	cut_at = 0;
	cuts = refused = not_reached = 0;
	end = measure_now() + (int64_t) (opt.seconds * 1e9);
	while (cuts < (uint64_t) opt.visitors || nwelcomed < opt.visitors)
	{
		if (measure_now() > end)
		{
			fprintf(stderr,
					"visitor_load: %llu connections were cut, %d are welcome at the end; %llu dials failed, "
					"%llu were refused\n",
					(unsigned long long) cuts, nwelcomed, (unsigned long long) not_reached,
					(unsigned long long) refused);
			exit(1);
		}
		turn();
	}
	printf("seconds=%.2f dials=%llu peak=%u not_reached=%llu refused=%llu errors=%llu\n", seconds_since(cut_at),
		   (unsigned long long) dials, peak_dials(), (unsigned long long) not_reached, (unsigned long long) refused,
		   (unsigned long long) errors);
}

/* --- the command line ----------------------------------------------------- */

static void
usage(void)
{
	fputs("usage: visitor_load send|reply|gather|idle --port N --key PUBLIC_KEY [--origin O] [--visitors N] "
		  "[--addresses N]\n"
		  "                [--opening N] [--seconds S] [--warmup S] [--grace S]\n"
		  "                send: [--pause S]\n"
		  "                reply: --conninfo C --channel UUID [--rate N] [--sessions N]\n"
		  "                gather: --conninfo C --statement SQL --total N, whose texts are 0 to N - 1\n",
		  stderr);
	exit(1);
}

static void
read_options(int argc, char **argv)
{
	static const measure_option options[] = {{"port", 'd', &opt.port},
											 {"key", 's', &opt.key},
											 {"origin", 's', &opt.origin},
											 {"visitors", 'd', &opt.visitors},
											 {"addresses", 'd', &opt.addresses},
											 {"opening", 'd', &opt.opening},
											 {"seconds", 'f', &opt.seconds},
											 {"warmup", 'f', &opt.warmup},
											 {"rate", 'f', &opt.rate},
											 {"sessions", 'd', &opt.sessions},
											 {"conninfo", 's', &opt.conninfo},
											 {"channel", 's', &opt.channel},
											 {"statement", 's', &opt.statement},
											 {"total", 'l', &opt.total},
											 {"grace", 'f', &opt.grace},
											 {"pause", 'f', &opt.pause},
											 {NULL, 0, NULL}};

	if (!measure_options(argc, argv, options))
		usage();
	if (opt.port <= 0 || opt.key == NULL || opt.visitors <= 0 || opt.addresses <= 0 || opt.addresses > 250 ||
		opt.opening <= 0 || opt.seconds <= 0 || opt.rate <= 0 || opt.sessions <= 0 || opt.visitors > 1000000)
		usage();
}

static void
allow_files(rlim_t n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		measure_fatal("getrlimit");
	if (limit.rlim_cur >= n)
		return;
	if (limit.rlim_max < n)
	{
		fprintf(stderr,
				"visitor_load: %d visitors need %llu open files, %llu are allowed: raise the hard limit (ulimit -Hn)\n",
				opt.visitors, (unsigned long long) n, (unsigned long long) limit.rlim_max);
		exit(1);
	}
	limit.rlim_cur = n;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		measure_fatal("setrlimit");
}

int
main(int argc, char **argv)
{
	char path[256];
	ws_setup setup = {
		.path = path, .protocol = "web-chatt2me.v1", .on_open = on_open, .on_text = on_text, .on_end = on_end};
	void (*mode)(void) = argc < 2						  ? NULL
						 : strcmp(argv[1], "send") == 0	  ? run_send
						 : strcmp(argv[1], "reply") == 0  ? run_reply
						 : strcmp(argv[1], "gather") == 0 ? run_gather
						 : strcmp(argv[1], "idle") == 0	  ? run_idle
														  : NULL;

	if (mode == NULL)
		usage();
	read_options(argc - 1, argv + 1);
	if ((mode == run_reply && (opt.conninfo == NULL || opt.channel == NULL)) ||
		(mode == run_gather && (opt.conninfo == NULL || opt.statement == NULL || opt.total <= 0)))
		usage();
	allow_files((rlim_t) opt.visitors + 64);
	setup.port = opt.port;
	setup.addresses = opt.addresses;
	setup.origin = opt.origin;
	(void) snprintf(path, sizeof(path), "/communication/web-chatt2me/ws?webChatId=%s", opt.key);
	ws_begin(&setup);
	run_id = ws_random() >> 16;
	visitors = calloc((size_t) opt.visitors, sizeof(*visitors));
	if (visitors == NULL)
		measure_fatal("calloc");
	mode();
	return 0;
}
