/*
 * unruly_hub.c
 *	  A hub in threads that misbehaves on demand, for hub_sender_test.c.
 */
#include "unruly_hub.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/version.h"

#define REQUEST_SIZE (256 * 1024)

typedef struct behaviour
{
	const char *mode;
	const char *status; /* NULL: see special() */
	const char *head;
	const char *body;
} behaviour;

static const behaviour behaviours[] = {
	{"ok", "200 OK", "", "{\"messageId\":\"m-1\",\"status\":\"sent\"}"},
	{"created", "201 Created", "", "{\"messageId\":\"m-1\",\"status\":\"enqueued\"}"},
	{"null-id", "200 OK", "", "{\"messageId\":null,\"status\":\"sent\",\"errorCode\":null}"},
	{"error", "200 OK", "",
	 "{\"messageId\":null,\"status\":\"error\",\"errorMessage\":\"not \\u0000today\",\"errorCode\":\"130472\"}"},
	{"error-bare", "200 OK", "", "{\"status\":\"error\"}"},
	{"error-number", "200 OK", "", "{\"status\":\"sent\",\"errorCode\":7}"},
	{"no-session", "200 OK", "", "{\"messageId\":null,\"status\":\"error\",\"errorCode\":\"session_not_found\"}"},
	{"no-session-404", "404 Not Found", "", "{\"errorMessage\":\"gone\",\"errorCode\":\"session_not_found\"}"},
	{"not-json", "200 OK", "", "<html>hello</html>"},
	{"array", "200 OK", "", "[1]"},
	{"nothing-said", "200 OK", "", "{\"ok\":true}"},
	{"no-body", "204 No Content", "", ""},
	{"400", "400 Bad Request", "", "{\"errorMessage\":\"bad content\",\"errorCode\":\"invalid\"}"},
	{"401", "401 Unauthorized", "", "{\"errorMessage\":\"who?\"}"},
	{"404", "404 Not Found", "", "nope"},
	{"408", "408 Request Timeout", "", ""},
	{"500", "500 Oops", "", "{\"errorMessage\":\"on fire\"}"},
	{"503", "503 Busy", "", ""},
	{"503-pause", "503 Busy", "Retry-After: 7\r\n", ""},
	{"429", "429 Slow Down", "", ""},
	{"429-pause", "429 Slow Down", "Retry-After: 20\r\n", ""},
	{"429-long", "429 Slow Down", "Retry-After: 999999999\r\n", ""},
	{"redirect", "302 Found", "Location: http://127.0.0.1:1/\r\n", ""},
	{"close-after", "200 OK", "", "{\"messageId\":\"m-1\",\"status\":\"sent\"}"},
	{"gate", "200 OK", "", "{\"messageId\":\"m-1\",\"status\":\"sent\"}"},
	{NULL, NULL, NULL, NULL}};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char last_body[HUB_TEXT];
static char last_key[HUB_TEXT];
static int at_once;
static int most_at_once;
static bool gate_open;

static bool
write_all(int fd, const char *data, size_t len)
{
	while (len > 0)
	{
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		len -= (size_t) n;
	}
	return true;
}

static bool
write_text(int fd, const char *text)
{
	return write_all(fd, text, strlen(text));
}

/* What is no plain answer; false: the connection ends. */
static bool
special(int fd, const char *mode)
{
	static char big[1024 * 1024];

	if (strcmp(mode, "reset") == 0)
	{
		struct linger now = {.l_onoff = 1};

		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		return false;
	}
	if (strcmp(mode, "truncated") == 0)
		write_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"messageId\"");
	else if (strcmp(mode, "half-head") == 0)
		write_text(fd, "HTTP/1.1 200 OK\r\nContent-Le");
	else if (strcmp(mode, "garbage") == 0)
		write_text(fd, "220 mail.example ESMTP\r\n");
	else if (strcmp(mode, "bad-chunk") == 0)
		write_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n");
	else if (strcmp(mode, "chunked") == 0)
		return write_text(
			fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{\"status\":\"sent\"}\r\n0\r\n\r\n");
	else if (strcmp(mode, "huge") == 0 || strcmp(mode, "huge-404") == 0)
	{
		memset(big, ' ', sizeof(big));
		write_text(fd, strcmp(mode, "huge") == 0 ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 404 Not Found\r\n\r\n");
		write_all(fd, big, sizeof(big));
	}
	else if (strcmp(mode, "huge-head") == 0)
	{
		write_text(fd, "HTTP/1.1 200 OK\r\n");
		for (int i = 0; i < 2000 && write_text(fd, "X-Padding: 0123456789012345678901234567890123456789\r\n"); i++)
			;
	}
	else if (strcmp(mode, "drip") == 0)
	{
		const char *text = "HTTP/1.1 200 OK\r\n";

		for (; *text != '\0' && write_all(fd, text, 1); text++)
			nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	}
	else if (strcmp(mode, "silent") == 0)
	{
		char c;

		while (recv(fd, &c, 1, 0) > 0)
			;
	}
	/* "hang-up", and whatever has no name: nothing at all */
	return false;
}

static bool
date_answer(int fd)
{
	char text[256];
	char date[64];
	time_t then = time(NULL) + 30;
	struct tm tm;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
	(void) snprintf(text, sizeof(text), "HTTP/1.1 429 Slow\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date);
	return write_text(fd, text);
}

static bool
answer(int fd, const char *mode, const char *wrong)
{
	char text[2048];

	if (wrong != NULL)
	{
		(void) snprintf(text, sizeof(text),
						"HTTP/1.1 422 Wrong\r\nContent-Length: %zu\r\n\r\n{\"errorMessage\":\"%s\"}",
						strlen(wrong) + 19, wrong);
		return write_text(fd, text);
	}
	if (strcmp(mode, "429-date") == 0)
		return date_answer(fd);
	for (const behaviour *b = behaviours; b->mode != NULL; b++)
	{
		if (strcmp(b->mode, mode) != 0)
			continue;
		if (strcmp(b->status, "204 No Content") == 0)
			(void) snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n\r\n", b->status);
		else
			(void) snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", b->status, b->head,
							strlen(b->body), b->body);
		return write_text(fd, text) && strcmp(mode, "close-after") != 0;
	}
	return special(fd, mode);
}

static bool
copy_header(const char *head, const char *name, char *out, size_t size)
{
	const char *at = strcasestr(head, name);
	size_t len;

	out[0] = '\0';
	if (at == NULL)
		return false;
	at += strlen(name);
	len = strcspn(at, "\r");
	(void) snprintf(out, size, "%.*s", (int) len, at);
	return strcasestr(at, name) == NULL;
}

/* What is wrong with the request, NULL when nothing is. */
static const char *
check(const char *request)
{
	char value[HUB_TEXT];

	if (strstr(request, "/v1/communication/web-chatt2me/message HTTP/1.1\r\n") == NULL)
		return "path";
	if (!copy_header(request, "\r\ncontent-type: ", value, sizeof(value)) || strcmp(value, "application/json") != 0)
		return "content-type";
	if (!copy_header(request, "\r\naccept: ", value, sizeof(value)) || strcmp(value, "application/json") != 0)
		return "accept";
	if (!copy_header(request, "\r\nuser-agent: ", value, sizeof(value)) || strcmp(value, "webchatt/" WC_VERSION) != 0)
		return "user-agent";
	if (!copy_header(request, "\r\nidempotency-key: ", value, sizeof(value)) || strlen(value) != 36)
		return "idempotency-key";
	if (!copy_header(request, "\r\nx-api-key: ", value, sizeof(value)))
		return "x-api-key";
	if (strcasestr(request, "\r\nexpect:") != NULL || strcasestr(request, "\r\naccept-encoding:") != NULL)
		return "a header too many";
	return NULL;
}

static void
enter(const char *request, const char *body, const char *mode)
{
	pthread_mutex_lock(&lock);
	(void) snprintf(last_body, sizeof(last_body), "%s", body);
	copy_header(request, "\r\nx-api-key: ", last_key, sizeof(last_key));
	if (++at_once > most_at_once)
		most_at_once = at_once;
	while (strcmp(mode, "gate") == 0 && !gate_open)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* One request and its answer; false: the connection ends. */
static bool
serve_one(int fd, char *buffer)
{
	size_t len = 0;
	char length[32];
	char mode[64] = "";
	char *body;

	for (;;)
	{
		ssize_t n = recv(fd, buffer + len, REQUEST_SIZE - 1 - len, 0);

		if (n <= 0)
			return false;
		len += (size_t) n;
		buffer[len] = '\0';
		body = strstr(buffer, "\r\n\r\n");
		if (body != NULL && copy_header(buffer, "\r\ncontent-length: ", length, sizeof(length)) &&
			len >= (size_t) (body + 4 - buffer) + strtoul(length, NULL, 10))
			break;
	}
	body[2] = '\0';
	body += 4;
	(void) sscanf(buffer, "POST /%63[^/]", mode);
	enter(buffer, body, mode);
	pthread_mutex_lock(&lock);
	at_once--;
	pthread_mutex_unlock(&lock);
	return answer(fd, mode, check(buffer));
}

static void *
serve(void *arg)
{
	int fd = (int) (long) arg;
	char *buffer = malloc(REQUEST_SIZE);

	while (buffer != NULL && serve_one(fd, buffer))
		;
	free(buffer);
	close(fd);
	return NULL;
}

static void *
accept_all(void *arg)
{
	int listener = (int) (long) arg;
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0)
	{
		pthread_t thread;

		if (pthread_create(&thread, NULL, serve, (void *) (long) fd) == 0)
			pthread_detach(thread);
		else
			close(fd);
	}
	return NULL;
}

static int
open_port(int *port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *) &addr, len) != 0 ||
		getsockname(fd, (struct sockaddr *) &addr, &len) != 0)
	{
		perror("no port");
		exit(1);
	}
	*port = ntohs(addr.sin_port);
	return fd;
}

int
hub_start(void)
{
	int port;
	int fd = open_port(&port);
	pthread_t thread;

	if (listen(fd, 512) != 0 || pthread_create(&thread, NULL, accept_all, (void *) (long) fd) != 0)
	{
		perror("listen");
		exit(1);
	}
	pthread_detach(thread);
	return port;
}

/* Bound and never listened on, so that nobody else gets it meanwhile. */
int
hub_closed_port(void)
{
	int port;

	(void) open_port(&port);
	return port;
}

void
hub_last(char body[HUB_TEXT], char key[HUB_TEXT])
{
	pthread_mutex_lock(&lock);
	memcpy(body, last_body, HUB_TEXT);
	memcpy(key, last_key, HUB_TEXT);
	pthread_mutex_unlock(&lock);
}

int
hub_most_at_once(void)
{
	int most;

	pthread_mutex_lock(&lock);
	most = most_at_once;
	most_at_once = at_once;
	pthread_mutex_unlock(&lock);
	return most;
}

void
hub_open_gate(bool open)
{
	pthread_mutex_lock(&lock);
	gate_open = open;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}
