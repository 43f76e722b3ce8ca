/*
 * ws_server.c
 *	  Reading and writing take turns over all sockets: one gets a few kilobytes, then
 *	  the next.  What we send needs no library: a head of two to ten bytes.
 */
#include "ws/ws_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Bytes read from one socket before others get their turn. */
#define TURN_BYTES (16u * 1024)

/* The longest head of a frame that we send. */
#define HEAD_SIZE 10

#define OP_TEXT	 0x1
#define OP_CLOSE 0x8
#define OP_PING	 0x9

/* A frame of so many bytes is copied, to be sent in one piece with its head. */
#define SHORT_FRAME 1024

/* Bytes that may wait until ws_server_run(); what is more leaves at once. */
#define CORKED_BYTES (64u * 1024)

/* An output buffer begins with so much. */
#define FIRST_OUT 1024u

/* What the parser's callbacks share during one turn of one socket. */
typedef struct turn
{
	ws *w;
	size_t left;  /* bytes that it may still read */
	bool came;	  /* something was read */
	bool whole;	  /* a text came to its end */
	bool drained; /* all that there was: the next read would find nothing */
	bool ended;	  /* the client closed its side, or the connection broke */
} turn;

static void on_poll(uv_poll_t *poll, int status, int events);

/* Wait for what is wanted now. */
static void
settle(ws *w)
{
	int events = 0;

	if (w->state == WS_DEAD)
		return;
	if (!w->paused || w->state == WS_CLOSING)
		events |= UV_READABLE;
	if (w->out_len > w->out_off && !w->corked)
		events |= UV_WRITABLE;
	if (events == w->events)
		return;
	w->events = (uint8_t) events;
	if (events == 0)
		uv_poll_stop(&w->poll);
	else
		uv_poll_start(&w->poll, events, on_poll);
}

static void
drop_out(ws *w)
{
	w->host->out_total -= w->out_cap;
	free(w->out);
	w->out = NULL;
	w->out_len = w->out_cap = w->out_off = w->out_mark = 0;
}

/* Open no more: tell the owner, once. */
static void
end(ws *w, ws_state state, uint16_t code)
{
	bool was_open = w->state == WS_OPEN;

	w->state = (uint8_t) state;
	if (was_open)
		w->host->calls->ended(w, code);
}

void
ws_server_cut(ws *w)
{
	if (w->line != NULL)
	{
		w->line->cut(w);
		return;
	}
	if (w->state == WS_DEAD)
		return;
	end(w, WS_DEAD, WS_CLOSE_LOST);
	timeouts_set(w->host->timeouts, &w->timeout, PHASE_NONE, 0);
	uv_poll_stop(&w->poll);
	drop_out(w);
	w->next_dead = w->host->dead;
	w->host->dead = w;
}

/* The size of a frame of ours, from its head. */
static size_t
frame_size(const char *head)
{
	const unsigned char *h = (const unsigned char *) head;
	uint64_t n = 0;
	int i;

	if (h[1] < 126)
		return (size_t) h[1] + 2;
	if (h[1] == 126)
		return ((size_t) h[2] << 8 | h[3]) + 4;
	for (i = 2; i < 10; i++)
		n = n << 8 | h[i];
	return (size_t) n + 10;
}

static size_t
put_head(unsigned char head[HEAD_SIZE], int opcode, size_t len)
{
	int i;

	head[0] = (unsigned char) (0x80 | opcode);
	if (len < 126)
	{
		head[1] = (unsigned char) len;
		return 2;
	}
	if (len < 65536)
	{
		head[1] = 126;
		head[2] = (unsigned char) (len >> 8);
		head[3] = (unsigned char) len;
		return 4;
	}
	head[1] = 127;
	for (i = 0; i < 8; i++)
		head[2 + i] = (unsigned char) ((uint64_t) len >> (56 - 8 * i));
	return 10;
}

/* Keep bytes until the socket takes them. */
static bool
keep(ws *w, const void *data, size_t len)
{
	size_t cap = w->out_cap ? w->out_cap : FIRST_OUT;
	char *out;

	if (w->out_mark > 0 && w->out_len + len > w->out_cap)
	{
		memmove(w->out, w->out + w->out_mark, w->out_len - w->out_mark);
		w->out_len -= w->out_mark;
		w->out_off -= w->out_mark;
		w->out_mark = 0;
	}
	while (cap < w->out_len + len)
		cap *= 2;
	if (cap != w->out_cap)
	{
		if (cap > UINT32_MAX / 2 || (out = realloc(w->out, cap)) == NULL)
			return false;
		w->host->out_total += cap - w->out_cap;
		w->out = out;
		w->out_cap = (uint32_t) cap;
	}
	memcpy(w->out + w->out_len, data, len);
	w->out_len += (uint32_t) len;
	return true;
}

/* All is said: close our side, so that the client sees the end. */
static void
maybe_shut(ws *w)
{
	if (w->state != WS_CLOSING || w->shut || w->out_len > w->out_off)
		return;
	w->shut = true;
	shutdown(w->fd, SHUT_WR);
}

/* Send what waits, as far as the socket takes it. */
static void
flush(ws *w)
{
	ssize_t n;

	while (w->out_off < w->out_len)
	{
		n = send(w->fd, w->out + w->out_off, w->out_len - w->out_off, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
		{
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN)
				break;
			ws_server_cut(w);
			return;
		}
		w->out_off += (uint32_t) n;
	}
	if (w->out_off == w->out_len)
		drop_out(w);
	else
	{
		while (w->out_mark < w->out_off && w->out_mark + frame_size(w->out + w->out_mark) <= w->out_off)
			w->out_mark += (uint32_t) frame_size(w->out + w->out_mark);
	}
	maybe_shut(w);
	settle(w);
}

/* As send(), of both parts; a short one is copied, which costs less than a list of parts. */
static ssize_t
send_frame(int fd, const unsigned char *head, size_t head_len, const char *data, size_t len)
{
	char whole[HEAD_SIZE + SHORT_FRAME];
	struct iovec iov[2] = {{(void *) head, head_len}, {(void *) data, len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	if (len > SHORT_FRAME)
		return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	memcpy(whole, head, head_len);
	memcpy(whole + head_len, data, len);
	return send(fd, whole, head_len + len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Write one frame, or what of it the socket does not take into the buffer. */
static bool
write_frame(ws *w, int opcode, const char *data, size_t len)
{
	unsigned char head[HEAD_SIZE];
	size_t head_len = put_head(head, opcode, len);
	ssize_t sent = 0;

	if (w->out_len == w->out_off && !w->corked)
	{
		sent = send_frame(w->fd, head, head_len, data, len);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (sent == (ssize_t) (head_len + len))
			return true;
		/* The whole frame goes in, so that its size can be read from its head. */
		sent = sent < 0 ? 0 : sent;
		drop_out(w);
	}
	if (!keep(w, head, head_len) || !keep(w, data, len))
		return false;
	w->out_off += (uint32_t) sent;
	settle(w);
	return true;
}

/* The client reads too slowly: of what waits only the frame that has begun goes. */
static void
too_slow(ws *w)
{
	if (w->out_off > w->out_mark)
		w->out_len = w->out_mark + (uint32_t) frame_size(w->out + w->out_mark);
	else
		w->out_len = w->out_off = w->out_mark;
	ws_server_close(w, WS_CLOSE_SLOW, "the client reads too slowly");
}

static void
uncork(ws *w)
{
	if (!w->corked)
		return;
	w->corked = false;
	if (w->state != WS_DEAD)
		flush(w);
}

bool
ws_server_send(ws *w, const char *text, size_t len)
{
	size_t waiting;

	if (w->line != NULL)
		return w->line->send(w, text, len);
	if (w->corked && w->out_len - w->out_off + len > CORKED_BYTES)
		uncork(w);
	if (w->state != WS_OPEN)
		return false;
	waiting = w->out_len - w->out_off;
	/* A frame by itself may be larger, unless all together have too much. */
	if (waiting + len > w->host->max_out && (waiting > 0 || w->host->out_total > WS_OUT_TOTAL))
	{
		too_slow(w);
		return false;
	}
	if (write_frame(w, OP_TEXT, text, len))
		return true;
	ws_server_cut(w);
	return false;
}

/* One that cannot be kept in mind sends at once. */
static bool
remember_corked(ws_host *host, ws *w)
{
	uint32_t cap = host->corked_cap ? host->corked_cap * 2 : 64;
	ws **grown;

	if (host->ncorked == host->corked_cap)
	{
		grown = realloc(host->corked, cap * sizeof(*grown));
		if (grown == NULL)
			return false;
		host->corked = grown;
		host->corked_cap = cap;
	}
	host->corked[host->ncorked++] = w;
	return true;
}

void
ws_server_cork(ws *w)
{
	/* What waits for the socket already leaves when that takes more. */
	if (w->line == NULL && !w->corked && w->state == WS_OPEN && w->out_len == w->out_off)
		w->corked = remember_corked(w->host, w);
}

/* The close frame is written: what is left is to be heard out. */
static void
begin_closing(ws *w, uint16_t code)
{
	end(w, WS_CLOSING, code);
	timeouts_set(w->host->timeouts, &w->timeout, PHASE_CLOSE, uv_now(w->host->loop));
	maybe_shut(w);
	settle(w);
}

void
ws_server_close(ws *w, uint16_t code, const char *reason)
{
	char text[125];
	size_t len = strlen(reason);

	if (w->line != NULL)
	{
		w->line->close(w, code, reason);
		return;
	}
	if (w->state != WS_OPEN)
		return;
	if (len > sizeof(text) - 2)
		len = sizeof(text) - 2;
	text[0] = (char) (code >> 8);
	text[1] = (char) code;
	memcpy(text + 2, reason, len);
	if (write_frame(w, OP_CLOSE, text, len + 2))
		begin_closing(w, code);
	else
		ws_server_cut(w);
}

static size_t
turn_read(void *arg, uint8_t *buf, size_t len)
{
	turn *t = arg;
	ws *w = t->w;
	size_t room;
	ssize_t n;

	if (t->left == 0 || t->ended || t->drained)
		return 0;
	room = w->host->calls->room(w);
	if (room == 0)
	{
		w->paused = true;
		return 0;
	}
	if (len > room)
		len = room;
	if (len > t->left)
		len = t->left;
	do
		n = recv(w->fd, buf, len, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
	{
		t->came = true;
		t->left -= (size_t) n;
		t->drained = (size_t) n < len;
		return (size_t) n;
	}
	t->ended = n == 0 || errno != EAGAIN;
	return 0;
}

static bool
turn_write(void *arg, const uint8_t *data, size_t len)
{
	return keep(((turn *) arg)->w, data, len);
}

static void
turn_text(void *arg, const char *text, size_t len)
{
	turn *t = arg;

	t->whole = true;
	t->w->host->calls->text(t->w, text, len);
}

static void
turn_large(void *arg, const char *text, size_t len)
{
	turn *t = arg;

	t->whole = true;
	t->w->host->calls->large(t->w, text, len);
}

static void
turn_control(void *arg)
{
	ws *w = ((turn *) arg)->w;

	w->host->calls->control(w);
}

static void
turn_binary(void *arg)
{
	ws_server_close(((turn *) arg)->w, WS_CLOSE_UNSUPPORTED, "frames are text");
}

static bool
turn_wants(void *arg)
{
	return ((turn *) arg)->w->state == WS_OPEN;
}

static const ws_parser_calls parser_calls = {turn_read,	   turn_write,	turn_text, turn_large,
											 turn_control, turn_binary, turn_wants};

/* At a boundary the parser goes back; else the client owes the rest, in time: of each text anew, but not of each ping. */
static void
settle_parser(ws *w, ws_parsed parsed, const turn *t)
{
	ws_host *host = w->host;
	phase now = w->timeout.phase;

	if (w->state == WS_OPEN && parsed == WS_PARSED_PARTIAL)
	{
		if (now == PHASE_QUIET || now == PHASE_PONG || (now == PHASE_FRAME && t->whole))
			timeouts_set(host->timeouts, &w->timeout, PHASE_FRAME, uv_now(host->loop));
		return;
	}
	if (w->state == WS_OPEN && t->came && (now == PHASE_QUIET || now == PHASE_PONG || now == PHASE_FRAME))
		timeouts_set(host->timeouts, &w->timeout, PHASE_QUIET, uv_now(host->loop));
	if (w->state == WS_OPEN && host->spare == NULL)
		host->spare = w->parser;
	else
		ws_parser_free(w->parser);
	w->parser = NULL;
}

static void
read_frames(ws *w)
{
	ws_host *host = w->host;
	turn t = {.w = w, .left = TURN_BYTES};
	uint64_t most = host->calls->large ? host->most_message : host->max_message;
	ws_limits limits = {host->max_message, most};
	uint16_t code = 0;
	ws_parsed parsed;

	if (w->parser == NULL)
	{
		w->parser = host->spare ? host->spare : ws_parser_new(&parser_calls);
		host->spare = NULL;
		if (w->parser == NULL)
		{
			ws_server_close(w, WS_CLOSE_INTERNAL, "out of memory");
			return;
		}
	}
	parsed = ws_parser_run(w->parser, &t, &limits, &code);
	if (w->state == WS_OPEN && parsed == WS_PARSED_CLOSE)
		begin_closing(w, code);
	else if (w->state == WS_OPEN && parsed == WS_PARSED_FAILED)
		ws_server_close(w, code, "the frame breaks the rules of RFC 6455");
	settle_parser(w, parsed, &t);
	if (w->state == WS_OPEN && w->out_len - w->out_off > host->max_out)
		too_slow(w);
	if (t.ended)
		ws_server_cut(w);
	else if (w->state != WS_DEAD)
		flush(w);
}

/* While closing, what still comes is thrown away until the client has gone. */
static void
discard(ws *w)
{
	char drop[4096];
	ssize_t n;
	int turns;

	for (turns = 0; turns < 16; turns++)
	{
		n = recv(w->fd, drop, sizeof(drop), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		{
			ws_server_cut(w);
			return;
		}
		if (n < 0)
			return;
	}
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	ws *w = poll->data;

	if (status < 0)
	{
		ws_server_cut(w);
		return;
	}
	if (events & UV_WRITABLE)
		flush(w);
	if (!(events & UV_READABLE))
		return;
	if (w->state == WS_OPEN && !w->paused)
		read_frames(w);
	else if (w->state == WS_CLOSING)
		discard(w);
}

bool
ws_server_start(ws *w, ws_host *host, int fd)
{
	int on = 1;

	if (uv_poll_init(host->loop, &w->poll, fd) < 0)
		return false;
	w->poll.data = w;
	w->host = host;
	w->fd = fd;
	w->events = 0;
	/* Frames are whole when they are written: none waits for the next. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	settle(w);
	return true;
}

void
ws_server_resume(ws *w)
{
	w->paused = false;
	if (w->line != NULL)
		return;
	/* what it owes was not listened to */
	if (w->timeout.phase == PHASE_FRAME)
		timeouts_set(w->host->timeouts, &w->timeout, PHASE_FRAME, uv_now(w->host->loop));
	settle(w);
}

void
ws_server_late(ws *w)
{
	ws_host *host = w->host;
	uint64_t now = uv_now(host->loop);

	if (w->line != NULL)
	{
		w->line->late(w);
		return;
	}
	if (w->timeout.phase == PHASE_CLOSE)
	{
		ws_server_cut(w);
		return;
	}
	if (w->paused)
	{
		/* We do not listen: its silence says nothing. */
		timeouts_set(host->timeouts, &w->timeout, w->timeout.phase, now);
		return;
	}
	switch (w->timeout.phase)
	{
		case PHASE_QUIET:
			timeouts_set(host->timeouts, &w->timeout, PHASE_PONG, now);
			if (!write_frame(w, OP_PING, "", 0))
				ws_server_cut(w);
			break;
		case PHASE_FRAME:
			ws_server_close(w, WS_CLOSE_POLICY, "a frame took too long");
			break;
		default:
			ws_server_cut(w);
	}
}

static void
on_closed(uv_handle_t *handle)
{
	ws *w = handle->data;

	free(w);
}

void
ws_server_run(ws_host *host)
{
	ws *w;

	while (host->ncorked > 0)
		uncork(host->corked[--host->ncorked]);
	while ((w = host->dead) != NULL)
	{
		host->dead = w->next_dead;
		host->calls->gone(w);
		ws_parser_free(w->parser);
		uv_close((uv_handle_t *) &w->poll, on_closed);
		close(w->fd);
	}
}

void
ws_server_host_free(ws_host *host)
{
	ws_parser_free(host->spare);
	host->spare = NULL;
	free(host->corked);
	host->corked = NULL;
	host->corked_cap = 0;
}
