/*
 * fasthub.c
 *	  A stand-in hub that costs next to nothing, so that a bench measures who
 *	  sends and not who is sent to.
 *
 *	  fasthub [--log FILE]
 *
 * Listens on a free port of 127.0.0.1 and prints "port=N".  Every POST is
 * answered {"messageId":"<uuid>","status":"sent"}.  GET /count answers how many
 * came, and when the first and the last did; GET /reset begins anew.  A POST with
 * X-Validation-Token gets its token back and is not counted, so webhooks can be
 * verified; one to a path that begins with /slow is never answered.  --log
 * writes a line for each: arrival (CLOCK_REALTIME, ns) and Idempotency-Key.
 * HTTP/1.1 with keep-alive and pipelining, no chunked requests.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

#define MAX_EVENTS	 256
#define MAX_REQUEST	 (16u * 1024 * 1024)
#define FIRST_BUFFER (16u * 1024)
#define OUT_BUFFER	 (64u * 1024)
#define MAX_ANSWER	 512

typedef struct conn
{
	int fd;
	char *in;
	size_t in_len;
	size_t in_cap;
	char out[OUT_BUFFER];
	size_t out_len;
	bool waits_to_write;
} conn;

static int epoll_fd;
static FILE *log_file;
static uint64_t requests;
static int64_t first_ns;
static int64_t last_ns;
static volatile sig_atomic_t stopped;

static void
close_conn(conn *c)
{
	close(c->fd);
	free(c->in);
	free(c);
}

/* The value of a header in a request's head, NULL when it is not there. */
static const char *
find_header(const char *head, const char *end, const char *name, size_t *len)
{
	size_t name_len = strlen(name);

	for (const char *line = head; line < end;)
	{
		const char *stop = memchr(line, '\r', (size_t) (end - line));

		if (stop == NULL)
			return NULL;
		if ((size_t) (stop - line) > name_len && line[name_len] == ':' && strncasecmp(line, name, name_len) == 0)
		{
			line += name_len + 1;
			while (line < stop && *line == ' ')
				line++;
			*len = (size_t) (stop - line);
			return line;
		}
		line = stop + 2;
	}
	return NULL;
}

static void
answer(conn *c, const char *body, int body_len)
{
	int n = snprintf(c->out + c->out_len, OUT_BUFFER - c->out_len,
					 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
					 "Content-Length: %d\r\n\r\n%s",
					 body_len, body);

	if (n > 0)
		c->out_len += (size_t) n;
}

static void
take_post(conn *c, const char *head, const char *end)
{
	char body[256];
	int n;
	int64_t now = measure_wall();
	size_t token_len = 0;
	const char *token = find_header(head, end, "x-validation-token", &token_len);

	if (token != NULL)
	{
		n = snprintf(body, sizeof(body), "\"%.*s\"", token_len < 200 ? (int) token_len : 200, token);
		answer(c, body, n);
		return;
	}
	if (strncmp(head, "POST /slow", 10) == 0)
		return;
	if (requests++ == 0)
		first_ns = now;
	last_ns = now;
	if (log_file != NULL)
	{
		size_t len = 0;
		const char *key = find_header(head, end, "idempotency-key", &len);

		fprintf(log_file, "%lld %.*s\n", (long long) now, (int) len, key != NULL ? key : "");
	}
	n = snprintf(body, sizeof(body), "{\"messageId\":\"%08x-0000-4000-8000-%012llx\",\"status\":\"sent\"}",
				 (unsigned) getpid(), (unsigned long long) requests);
	answer(c, body, n);
}

static void
take_get(conn *c, const char *head)
{
	char body[200];
	int n;

	if (strncmp(head, "GET /reset", 10) == 0)
	{
		requests = 0;
		first_ns = last_ns = 0;
	}
	if (log_file != NULL)
		fflush(log_file);
	n = snprintf(body, sizeof(body), "{\"requests\":%llu,\"first_ns\":%lld,\"last_ns\":%lld}",
				 (unsigned long long) requests, (long long) first_ns, (long long) last_ns);
	answer(c, body, n);
}

/* Answer the request at the buffer's front; its size, 0 when it is not whole. */
static size_t
take_request(conn *c, const char *p, size_t len)
{
	const char *end = memmem(p, len, "\r\n\r\n", 4);
	const char *value;
	size_t value_len;
	size_t total;

	if (end == NULL)
		return 0;
	end += 2;
	total = (size_t) (end + 2 - p);
	value = find_header(p, end, "content-length", &value_len);
	if (value != NULL)
		total += strtoul(value, NULL, 10);
	if (total > len)
		return 0;
	if (*p == 'P')
		take_post(c, p, end);
	else
		take_get(c, p);
	return total;
}

static void
watch(conn *c, bool to_write)
{
	struct epoll_event ev = {.events = to_write ? EPOLLOUT : EPOLLIN, .data.ptr = c};

	c->waits_to_write = to_write;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) != 0)
		measure_fatal("epoll_ctl");
}

/* False: the connection is gone. */
static bool
flush_out(conn *c)
{
	while (c->out_len > 0)
	{
		ssize_t n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
		{
			if (!c->waits_to_write)
				watch(c, true);
			return true;
		}
		if (n <= 0)
			return false;
		memmove(c->out, c->out + n, c->out_len - (size_t) n);
		c->out_len -= (size_t) n;
	}
	if (c->waits_to_write)
		watch(c, false);
	return true;
}

/* Answer what is whole, as long as the answers fit. */
static bool
take_requests(conn *c)
{
	size_t used = 0;

	while (used < c->in_len && c->out_len + MAX_ANSWER < OUT_BUFFER)
	{
		size_t n = take_request(c, c->in + used, c->in_len - used);

		if (n == 0)
			break;
		used += n;
	}
	memmove(c->in, c->in + used, c->in_len - used);
	c->in_len -= used;
	return flush_out(c);
}

static bool
on_readable(conn *c)
{
	ssize_t n;

	if (c->in_len == c->in_cap)
	{
		size_t cap = c->in_cap > 0 ? c->in_cap * 2 : FIRST_BUFFER;
		char *grown = cap <= MAX_REQUEST ? realloc(c->in, cap) : NULL;

		if (grown == NULL)
			return false;
		c->in = grown;
		c->in_cap = cap;
	}
	n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	c->in_len += (size_t) n;
	return take_requests(c);
}

static void
accept_all(int listener)
{
	int fd;
	int one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
	{
		conn *c = malloc(sizeof(conn));
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};

		if (c == NULL)
			measure_fatal("malloc");
		memset(c, 0, offsetof(conn, out));
		c->out_len = 0;
		c->waits_to_write = false;
		c->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
			measure_fatal("epoll_ctl");
	}
}

static int
open_listener(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *) &addr, len) != 0 || listen(fd, 1024) != 0 ||
		getsockname(fd, (struct sockaddr *) &addr, &len) != 0)
		measure_fatal("listen");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		measure_fatal("epoll");
	printf("port=%d\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

static void
on_stop(int signo)
{
	(void) signo;
	stopped = 1;
}

static void
serve(int listener)
{
	struct epoll_event events[MAX_EVENTS];

	while (!stopped)
	{
		int n = epoll_wait(epoll_fd, events, MAX_EVENTS, 1000);

		if (n <= 0 && log_file != NULL)
			fflush(log_file);
		for (int i = 0; i < n; i++)
		{
			conn *c = events[i].data.ptr;

			if (c == NULL)
				accept_all(listener);
			else if (c->waits_to_write ? !(flush_out(c) && (c->waits_to_write || take_requests(c))) : !on_readable(c))
				close_conn(c);
		}
	}
}

int
main(int argc, char **argv)
{
	struct sigaction stop = {.sa_handler = on_stop};

	if (argc == 3 && strcmp(argv[1], "--log") == 0)
	{
		log_file = fopen(argv[2], "w");
		if (log_file == NULL)
			measure_fatal(argv[2]);
	}
	else if (argc != 1)
	{
		fputs("usage: fasthub [--log FILE]\n", stderr);
		return 1;
	}
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	serve(open_listener());
	if (log_file != NULL)
		fclose(log_file);
	return 0;
}
