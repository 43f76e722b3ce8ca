/*
 * ws_client.c
 *	  See ws_client.h.
 *
 * An idle connection owns no buffer: what comes is read into one that all
 * share, and only the beginning of a frame that is not whole yet is kept.
 */
#include "ws_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define MAX_EVENTS 256
#define MAX_HEAD   4096
/* The example of RFC 6455: the server's answer to it is known. */
#define KEY	   "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define OP_TEXT	 1
#define OP_CLOSE 8
#define OP_PING	 9
#define OP_PONG	 10
#define FIN		 0x80
#define MASKED	 0x80

static ws_setup setup;
static char request[1024];
static int epoll_fd;
static unsigned dialled;
static uint64_t random_state;
static uint8_t input[WS_MAX_FRAME + 16];
static uint8_t output[WS_MAX_FRAME + 16];

/* xorshift64*: quick, and good enough for masks and jitter. */
uint64_t
ws_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

void
ws_begin(const ws_setup *s)
{
	int n;

	setup = *s;
	n = snprintf(request, sizeof(request),
				 "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				 "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n"
				 "Sec-WebSocket-Protocol: %s\r\nOrigin: %s\r\n",
				 setup.path, setup.port, setup.protocol, setup.origin);
	if (n < 0 || (size_t) n >= sizeof(request))
	{
		fputs("the path and the origin are too long\n", stderr);
		exit(1);
	}
	if (getrandom(&random_state, sizeof(random_state), 0) != sizeof(random_state))
		measure_fatal("getrandom");
	random_state |= 1;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		measure_fatal("epoll_create1");
}

static void
end(ws_conn *c, int why)
{
	close(c->fd);
	free(c->in);
	free(c->out);
	memset(c, 0, sizeof(*c));
	setup.on_end(c, why);
}

void
ws_dial(ws_conn *c)
{
	struct sockaddr_in from = {.sin_family = AF_INET,
							   .sin_addr.s_addr = htonl(INADDR_LOOPBACK + dialled++ % (unsigned) setup.addresses)};
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t) setup.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		measure_fatal("socket");
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(c->fd, (struct sockaddr *) &from, sizeof(from)) != 0)
		measure_fatal("bind");
	c->state = WS_CONNECTING;
	/* a refusal is told by epoll as well: ws_turn() finds it */
	if (connect(c->fd, (struct sockaddr *) &to, sizeof(to)) != 0 && errno != EINPROGRESS && errno != ECONNREFUSED)
		measure_fatal("connect");
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) != 0)
		measure_fatal("epoll_ctl");
}

/* --- what goes out -------------------------------------------------------- */

/* A connection that broke is left to ws_turn(), which hears of it as well. */
static void
push(ws_conn *c, const uint8_t *data, size_t len)
{
	ssize_t n = 0;

	if (c->out_len == 0)
		n = send(c->fd, data, len, MSG_NOSIGNAL);
	if (n < 0)
		n = 0;
	if ((size_t) n == len)
		return;
	c->out = realloc(c->out, c->out_len + len - (size_t) n);
	if (c->out == NULL)
		measure_fatal("realloc");
	memcpy(c->out + c->out_len, data + n, len - (size_t) n);
	c->out_len += len - (size_t) n;
}

static void
push_rest(ws_conn *c)
{
	ssize_t n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);

	if (n <= 0)
		return;
	c->out_len -= (size_t) n;
	memmove(c->out, c->out + n, c->out_len);
	if (c->out_len == 0)
	{
		free(c->out);
		c->out = NULL;
	}
}

static void
push_frame(ws_conn *c, int opcode, const char *data, size_t len)
{
	uint32_t mask = (uint32_t) ws_random();
	uint8_t *p = output;

	if (len > WS_MAX_FRAME)
	{
		fputs("a frame is too large\n", stderr);
		exit(1);
	}
	*p++ = (uint8_t) (FIN | opcode);
	if (len < 126)
		*p++ = (uint8_t) (MASKED | len);
	else if (len < 65536)
	{
		*p++ = MASKED | 126;
		*p++ = (uint8_t) (len >> 8);
		*p++ = (uint8_t) len;
	}
	else
	{
		*p++ = MASKED | 127;
		for (int shift = 56; shift >= 0; shift -= 8)
			*p++ = (uint8_t) ((uint64_t) len >> shift);
	}
	memcpy(p, &mask, 4);
	for (size_t i = 0; i < len; i++)
		p[4 + i] = (uint8_t) data[i] ^ p[i & 3];
	push(c, output, (size_t) (p - output) + 4 + len);
}

void
ws_server_send(ws_conn *c, const char *text, size_t len)
{
	push_frame(c, OP_TEXT, text, len);
}

/* --- what comes in -------------------------------------------------------- */

/*
 * The answer to the handshake: its length, 0 when it is not whole yet, or -1
 * when the connection ended over it.
 */
static ssize_t
take_head(ws_conn *c, const uint8_t *data, size_t len)
{
	const uint8_t *blank = memmem(data, len, "\r\n\r\n", 4);
	char head[MAX_HEAD];
	size_t size = blank != NULL ? (size_t) (blank - data) + 4 : 0;
	int status = 0;

	if (blank == NULL && len < MAX_HEAD)
		return 0;
	if (size > 0 && size < MAX_HEAD)
	{
		memcpy(head, data, size);
		head[size] = '\0';
		if (strncmp(head, "HTTP/1.1 ", 9) == 0)
			status = (int) strtol(head + 9, NULL, 10);
	}
	if (status == 101 && strstr(head, ACCEPT) != NULL && strcasestr(head, "\r\nsec-websocket-protocol:") != NULL)
	{
		c->state = WS_OPEN;
		setup.on_open(c);
		return (ssize_t) size;
	}
	end(c, status >= 200 && status < 600 ? status : WS_NOT_WS);
	return -1;
}

/* As take_head(), for one frame.  No message of this protocol comes in fragments. */
static ssize_t
take_frame(ws_conn *c, const uint8_t *data, size_t len)
{
	size_t head = 2;
	uint64_t size;

	if (len < 2)
		return 0;
	size = data[1] & 0x7f;
	if (size >= 126)
	{
		head += size == 126 ? 2 : 8;
		if (len < head)
			return 0;
		size = 0;
		for (size_t i = 2; i < head; i++)
			size = size << 8 | data[i];
	}
	if ((data[0] & 0xf0) != FIN || (data[1] & MASKED) != 0 || size > WS_MAX_FRAME)
	{
		end(c, WS_NOT_WS);
		return -1;
	}
	if (len < head + size)
		return 0;
	switch (data[0] & 0x0f)
	{
		case OP_TEXT:
			setup.on_text(c, (const char *) data + head, size);
			break;
		case OP_PING:
			push_frame(c, OP_PONG, (const char *) data + head, size);
			break;
		case OP_PONG:
			break;
		case OP_CLOSE:
			push_frame(c, OP_CLOSE, (const char *) data + head, size < 2 ? 0 : 2);
			end(c, size < 2 ? WS_CUT : data[head] << 8 | data[head + 1]);
			return -1;
		default:
			end(c, WS_NOT_WS);
			return -1;
	}
	return (ssize_t) (head + size);
}

/* Keep what is not whole yet. */
static void
keep(ws_conn *c, const uint8_t *data, size_t len)
{
	free(c->in);
	c->in = NULL;
	c->in_len = len;
	if (len == 0)
		return;
	c->in = malloc(len);
	if (c->in == NULL)
		measure_fatal("malloc");
	memcpy(c->in, data, len);
}

/* Read once and act upon it; false when there is nothing more, or no connection. */
static bool
read_some(ws_conn *c)
{
	size_t room = sizeof(input) - c->in_len;
	size_t have = c->in_len;
	size_t done = 0;
	ssize_t n;

	if (have > 0)
		memcpy(input, c->in, have);
	n = recv(c->fd, input + have, room, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (n <= 0)
	{
		end(c, WS_CUT);
		return false;
	}
	have += (size_t) n;
	while (done < have)
	{
		ssize_t took = c->state == WS_UPGRADING ? take_head(c, input + done, have - done)
												: take_frame(c, input + done, have - done);

		if (took < 0)
			return false;
		if (took == 0)
			break;
		done += (size_t) took;
	}
	keep(c, input + done, have - done);
	return (size_t) n == room;
}

static void
push_head(ws_conn *c)
{
	char head[2 * sizeof(request)];
	int n = snprintf(head, sizeof(head), "%s%s\r\n", request, setup.head != NULL ? setup.head(c) : "");

	if (n < 0 || (size_t) n >= sizeof(head))
		measure_fatal("the head is too long");
	push(c, (const uint8_t *) head, (size_t) n);
}

static void
on_event(ws_conn *c, uint32_t events)
{
	if (c->state == WS_CLOSED)
		return;
	if (c->state == WS_CONNECTING)
	{
		if (events & (EPOLLERR | EPOLLHUP))
		{
			end(c, WS_NOT_REACHED);
			return;
		}
		c->state = WS_UPGRADING;
		push_head(c);
	}
	if (c->out_len > 0 && (events & EPOLLOUT))
		push_rest(c);
	/* a short read has emptied the socket, unless the end is there as well */
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		while (read_some(c) || (c->state != WS_CLOSED && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))))
			continue;
}

int
ws_fd(void)
{
	return epoll_fd;
}

void
ws_turn(int timeout_ms)
{
	struct epoll_event events[MAX_EVENTS];
	int n = epoll_wait(epoll_fd, events, MAX_EVENTS, timeout_ms);

	for (int i = 0; i < n; i++)
		on_event(events[i].data.ptr, events[i].events);
}
