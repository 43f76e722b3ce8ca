/*
 * webhook_load.c
 *	  A load generator that is a hub: signed Message events over keep-alive
 *	  connections, as fast as they are answered or at a fixed rate.
 *
 * Prints one line of key=value.  At a fixed rate an event's latency counts
 * from when it was due, so waiting for a free connection is part of it.
 * Messages' ids are UUIDs version 7, as of a webchatt that is the hub.  Its own work per
 * event is two system calls, one HMAC and some digits.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define MAX_EVENTS	256
#define MAX_REQUEST 2048
#define MAX_ANSWER	4096
#define HEX_LEN		64
/* Latencies are counted by the microsecond up to this many. */
#define MAX_LATENCY_US 2000000
/* How long answers are waited for at the end. */
#define GRACE_NS INT64_C(10000000000)

typedef struct conn
{
	int fd;
	bool busy;
	int64_t due; /* of the event that it carries */
	size_t answer_len;
	char request[MAX_REQUEST];
	char answer[MAX_ANSWER + 1];
} conn;

static struct
{
	int port;
	const char *channel;
	const char *secret;
	int connections;
	long visitors;
	double seconds;
	double warmup;
	double rate;
	long total; /* stop after so many; 0: no end but time */
} opt = {.connections = 64, .visitors = 1000, .seconds = 5, .warmup = 0};

/* Where the request's digits go, counted from its beginning. */
static struct
{
	size_t size;
	size_t body;
	size_t signature_time;
	size_t signature;
	size_t message;
	size_t visitor;
	size_t timestamp;
} at;

static char template[MAX_REQUEST];
static EVP_MAC_CTX *mac;
static int epoll_fd;
static int timer_fd = -1;
static conn *conns;
static conn **idle;
static int nidle;
static uint64_t sequence;
static uint64_t run_id;
static uint32_t latencies[MAX_LATENCY_US + 1];
static uint64_t measured;
static uint64_t accepted;
static uint64_t not_200;
static uint64_t errors;
static int64_t max_latency_ns;
static int64_t count_from;
static int64_t count_to;
static int64_t next_due;

static void
put_decimal(char *p, int width, uint64_t v)
{
	while (width-- > 0)
	{
		p[width] = (char) ('0' + v % 10);
		v /= 10;
	}
}

static void
put_hex(char *p, int width, uint64_t v)
{
	while (width-- > 0)
	{
		p[width] = "0123456789abcdef"[v & 15];
		v >>= 4;
	}
}

static size_t
find(const char *mark, size_t from, size_t skip)
{
	return (size_t) (strstr(template + from, mark) - template) + skip;
}

static void
make_template(void)
{
	char body[MAX_REQUEST / 2];
	int n = snprintf(body, sizeof(body),
					 "{\"eventType\":\"Message\",\"channelId\":\"%s\","
					 "\"messageId\":\"00000000-0000-7%03x-8%03x-000000000000\",\"from\":\"visitor-00000000\","
					 "\"timestamp\":0000000000,\"channel\":\"web-chatt2me\",\"content\":"
					 "{\"type\":\"text\",\"text\":\"Hello, I'd like to know more about your products\"}}",
					 opt.channel, (unsigned) (run_id & 0xFFF), (unsigned) (run_id >> 12 & 0xFFF));

	n = snprintf(template, sizeof(template),
				 "POST /webhooks/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
				 "Content-Type: application/json\r\nContent-Length: %d\r\n"
				 "X-hub-Signature: t=0000000000,v1=%064d\r\n\r\n%s",
				 opt.channel, opt.port, n, 0, body);
	at.size = (size_t) n;
	at.body = find("\r\n\r\n", 0, 4);
	at.signature_time = find("t=0000000000,", 0, 2);
	at.signature = find(",v1=", 0, 4);
	at.message = find("messageId", at.body, 12);
	at.visitor = find("visitor-", at.body, 8);
	at.timestamp = find("\"timestamp\":", at.body, 12);
}

static void
sign(char *request)
{
	unsigned char out[32];
	size_t len;

	if (!EVP_MAC_init(mac, NULL, 0, NULL) || !EVP_MAC_update(mac, (unsigned char *) request + at.signature_time, 10) ||
		!EVP_MAC_update(mac, (const unsigned char *) ".", 1) ||
		!EVP_MAC_update(mac, (unsigned char *) request + at.body, at.size - at.body) ||
		!EVP_MAC_final(mac, out, &len, sizeof(out)))
		measure_fatal("HMAC");
	for (size_t i = 0; i < sizeof(out); i++)
		put_hex(request + at.signature + 2 * i, 2, out[i]);
}

static void
connect_one(conn *c)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t) opt.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *) &addr, sizeof(addr)) != 0)
		measure_fatal("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->busy = false;
	c->answer_len = 0;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) != 0)
		measure_fatal("epoll_ctl");
	idle[nidle++] = c;
}

static void
reconnect(conn *c)
{
	if (c->busy)
		errors++;
	else
		for (int i = 0; i < nidle; i++)
			if (idle[i] == c)
				idle[i--] = idle[--nidle];
	close(c->fd);
	connect_one(c);
}

static void
send_event(conn *c, int64_t due)
{
	char *r = c->request;
	uint64_t ms = (uint64_t) measure_wall() / 1000000;
	uint64_t now = ms / 1000;

	sequence++;
	put_decimal(r + at.signature_time, 10, now);
	put_decimal(r + at.timestamp, 10, now);
	put_decimal(r + at.visitor, 8, sequence % (uint64_t) opt.visitors);
	put_hex(r + at.message, 8, ms >> 16);
	put_hex(r + at.message + 9, 4, ms);
	put_hex(r + at.message + 24, 12, sequence);
	sign(r);
	c->busy = true;
	c->due = due;
	c->answer_len = 0;
	if (send(c->fd, r, at.size, MSG_NOSIGNAL) != (ssize_t) at.size)
		reconnect(c);
}

static void
record(int64_t due, int64_t now, bool good)
{
	int64_t ns = now - due;
	int64_t us = ns / 1000;

	if (!good)
	{
		not_200++;
		return;
	}
	accepted++;
	if (now < count_from || now >= count_to)
		return;
	measured++;
	latencies[us < MAX_LATENCY_US ? us : MAX_LATENCY_US]++;
	if (ns > max_latency_ns)
		max_latency_ns = ns;
}

/* The size of a whole answer, 0 when it is not whole. */
static size_t
answer_size(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");
	const char *length = end != NULL ? strcasestr(answer, "\r\ncontent-length:") : NULL;

	if (end == NULL)
		return 0;
	return (size_t) (end + 4 - answer) + (length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

static void
on_readable(conn *c)
{
	ssize_t n = recv(c->fd, c->answer + c->answer_len, MAX_ANSWER - c->answer_len, MSG_DONTWAIT);
	size_t size;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !c->busy)
	{
		reconnect(c);
		return;
	}
	c->answer_len += (size_t) n;
	c->answer[c->answer_len] = '\0';
	size = answer_size(c->answer);
	if (size == 0 || size > c->answer_len)
		return;
	record(c->due, measure_now(), strncmp(c->answer + 9, "200", 3) == 0);
	c->busy = false;
	if (strcasestr(c->answer, "\r\nconnection: close") != NULL)
		reconnect(c);
	else
		idle[nidle++] = c;
}

/* Start what may start now. */
static void
pump(int64_t now)
{
	while (nidle > 0 && now < count_to && (opt.total == 0 || sequence < (uint64_t) opt.total))
	{
		if (opt.rate <= 0)
			send_event(idle[--nidle], now);
		else if (next_due <= now)
		{
			int64_t due = next_due;

			next_due += (int64_t) (1e9 / opt.rate);
			send_event(idle[--nidle], due);
		}
		else
			break;
	}
	if (opt.rate > 0 && nidle > 0)
	{
		struct itimerspec when = {.it_value = {.tv_sec = next_due / 1000000000, .tv_nsec = next_due % 1000000000}};

		timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
	}
}

static bool
all_answered(int64_t now)
{
	if (opt.total > 0 && sequence >= (uint64_t) opt.total && nidle == opt.connections)
		return true;
	return now >= count_to && (nidle == opt.connections || now > count_to + GRACE_NS);
}

static void
run(void)
{
	struct epoll_event events[MAX_EVENTS];
	int64_t now = measure_now();

	count_from = now + (int64_t) (opt.warmup * 1e9);
	count_to = count_from + (int64_t) (opt.seconds * 1e9);
	next_due = now;
	while (!all_answered(now))
	{
		int n;

		pump(now);
		n = epoll_wait(epoll_fd, events, MAX_EVENTS, 50);
		for (int i = 0; i < n; i++)
		{
			conn *c = events[i].data.ptr;
			uint64_t rings;

			if (c != NULL)
				on_readable(c);
			else if (read(timer_fd, &rings, sizeof(rings)) < 0 && errno != EAGAIN)
				measure_fatal("timerfd");
		}
		now = measure_now();
	}
}

static double
percentile(double p)
{
	uint64_t rank = (uint64_t) ceil((double) measured * p);
	uint64_t seen = 0;

	for (int us = 0; us <= MAX_LATENCY_US; us++)
	{
		seen += latencies[us];
		if (seen >= rank && seen > 0)
			return us;
	}
	return 0;
}

static void
print_result(double took)
{
	printf("rate=%.0f p50_us=%.0f p99_us=%.0f max_us=%.0f non200=%llu errors=%llu accepted=%llu "
		   "sent=%llu seconds=%.2f cpu_us=%.1f\n",
		   (double) measured / (took - opt.warmup), percentile(0.5), percentile(0.99), (double) max_latency_ns / 1000,
		   (unsigned long long) not_200, (unsigned long long) errors, (unsigned long long) accepted,
		   (unsigned long long) sequence, took, sequence > 0 ? measure_cpu_us() / (double) sequence : 0);
}

static void
usage(void)
{
	fputs("usage: webhooks --port N --channel UUID --secret S [--connections N] [--visitors N]\n"
		  "                [--seconds S] [--warmup S] [--rate EVENTS_PER_SECOND] [--total N]\n",
		  stderr);
	exit(1);
}

static void
read_options(int argc, char **argv)
{
	static const measure_option options[] = {{"port", 'd', &opt.port},		   {"channel", 's', &opt.channel},
											 {"secret", 's', &opt.secret},	   {"connections", 'd', &opt.connections},
											 {"visitors", 'l', &opt.visitors}, {"seconds", 'f', &opt.seconds},
											 {"warmup", 'f', &opt.warmup},	   {"rate", 'f', &opt.rate},
											 {"total", 'l', &opt.total},	   {NULL, 0, NULL}};

	if (!measure_options(argc, argv, options))
		usage();
	if (opt.port <= 0 || opt.channel == NULL || strlen(opt.channel) >= 64 || opt.secret == NULL ||
		opt.connections <= 0 || opt.visitors <= 0 || opt.seconds <= 0)
		usage();
}

int
main(int argc, char **argv)
{
	OSSL_PARAM params[] = {OSSL_PARAM_utf8_string("digest", (char *) "SHA256", 6), OSSL_PARAM_END};
	int64_t began;

	read_options(argc, argv);
	run_id = (uint64_t) time(NULL) << 32 ^ (uint64_t) getpid() << 16 ^ (uint64_t) measure_now();
	make_template();
	mac = EVP_MAC_CTX_new(EVP_MAC_fetch(NULL, "HMAC", NULL));
	if (mac == NULL || !EVP_MAC_init(mac, (const unsigned char *) opt.secret, strlen(opt.secret), params))
		measure_fatal("HMAC");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &(struct epoll_event){.events = EPOLLIN}) != 0)
		measure_fatal("timerfd");
	conns = calloc((size_t) opt.connections, sizeof(conn));
	idle = calloc((size_t) opt.connections, sizeof(conn *));
	if (conns == NULL || idle == NULL)
		measure_fatal("calloc");
	for (int i = 0; i < opt.connections; i++)
	{
		memcpy(conns[i].request, template, at.size);
		connect_one(&conns[i]);
	}
	began = measure_now();
	run();
	print_result((double) ((count_to < measure_now() ? count_to : measure_now()) - began) / 1e9);
	return 0;
}
