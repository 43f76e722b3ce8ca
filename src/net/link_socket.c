/*
 * link_socket.c
 *	  One WebSocket that we open to a hub: see link_socket.h.
 *
 * The poll's callback only notes what can be done; all reading, parsing and
 * writing happens in link_host_read() and link_host_write(), once a turn.
 */
#include "link_socket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <wslay/wslay.h>

#include "alloc.h"
#include "link_dial.h"
#include "ws.h"

/* Bytes read from one hub before others get their turn. */
#define TURN_BYTES		(64u * 1024)

/* Read at once; also room for the answer's head. */
#define IN_SIZE			(16u * 1024)

/* Acks and pongs that a hub lets wait: it reads nothing. */
#define MAX_OUT			(64u * 1024)

/* Pieces that a message may come in. */
#define MAX_FRAGMENTS	1024u

/* How long a message may take from its first byte to its last, in ms. */
#define MESSAGE_MS		60000u

/* libcurl should have given up by itself so long ago, in ms. */
#define DIAL_GRACE_MS	1000u

typedef enum socket_state
{
	SOCKET_DIALLING,			/* libcurl connects */
	SOCKET_OPENING,				/* our request is out, or on its way */
	SOCKET_OPEN,
	SOCKET_CLOSING,				/* a close frame is written: nothing more is */
	SOCKET_DEAD					/* will be freed by link_host_write() */
} socket_state;

struct link_socket
{
	link_socket *prev;
	link_socket *next;
	link_host  *host;
	void	   *arg;			/* the owner's; NULL: it has forgotten us, or was told the end */
	target	   *to;
	CURL	   *easy;
	uv_poll_t	poll;
	uv_timer_t	timer;
	int			handles;		/* of libuv, not closed yet */
	bool		polled;			/* poll is one of them */
	int			events;			/* what the poll waits for */
	socket_state state;
	bool		readable;		/* there may be something to read */
	bool		paused;			/* the owner has no room */
	bool		ended;			/* the hub closed its side */
	bool		deaf;			/* the hub takes nothing any more */
	size_t		budget;			/* bytes that this turn may still read */
	char		accept[WS_ACCEPT_SIZE];
	wslay_event_context_ptr ws;
	uint64_t	heard;			/* when something came last */
	uint64_t	heartbeat_ms;	/* 0: not settled */
	bool		pinged;
	uint64_t	open;			/* bytes that belong to no finished frame */
	uint64_t	frame;			/* size of the frame that has begun */
	unsigned	fragments;		/* of the message that has begun */
	uint64_t	began;			/* when it began; 0: at a boundary */
	wc_buf		out;			/* to be sent, behind going */
	wc_buf		going;			/* being sent: TLS wants the same bytes at the same place again */
	size_t		gone;			/* bytes of it that are sent */
	size_t		in_len;
	size_t		in_off;			/* bytes that are used */
	bool		closing;		/* the frame that has begun is a close frame */
	size_t		farewell_len;
	uint8_t		farewell[125];	/* what that holds */
	char		error[CURL_ERROR_SIZE];
	char		in[IN_SIZE];
};

static void on_timer(uv_timer_t *timer);

/* ---- its end ---- */

static void
die(link_socket *s)
{
	s->state = SOCKET_DEAD;
	if (s->polled)
		uv_poll_stop(&s->poll);
	uv_timer_stop(&s->timer);
	s->events = 0;
}

static void
tell_end(link_socket *s, const link_end *end)
{
	void	   *arg = s->arg;

	s->arg = NULL;
	if (arg != NULL)
		s->host->calls->ended(arg, end);
}

/* Without a word to the hub. */
static void
cut(link_socket *s, const link_end *end)
{
	if (s->state == SOCKET_DEAD)
		return;
	die(s);
	tell_end(s, end);
}

static void
lose(link_socket *s, const char *what)
{
	link_end	end = {.code = WS_CLOSE_LOST};

	link_say(end.why, "%s %s", s->to->host, what);
	cut(s, &end);
}

/* A close frame is in the buffer: what is left is to see the hub go. */
static void
begin_closing(link_socket *s)
{
	s->state = SOCKET_CLOSING;
	s->in_len = s->in_off = 0;
	uv_timer_start(&s->timer, on_timer, LINK_CLOSE_MS, 0);
}

static void
on_closed(uv_handle_t *handle)
{
	link_socket *s = handle->data;

	if (--s->handles == 0)
		free(s);
}

static void
bury(link_socket *s)
{
	link_host  *host = s->host;

	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		host->sockets = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;

	/* libuv lets go of the descriptor before libcurl closes it */
	if (s->polled)
		uv_close((uv_handle_t *) &s->poll, on_closed);
	link_dial_end(host->curl, s->easy);
	uv_close((uv_handle_t *) &s->timer, on_closed);
	wslay_event_context_free(s->ws);
	target_release(s->to);
	wc_buf_free(&s->out);
	wc_buf_free(&s->going);
}

/* ---- bytes ---- */

static bool
put_out(link_socket *s, const void *data, size_t len)
{
	return s->out.len + len <= MAX_OUT && wc_buf_append(&s->out, data, len);
}

static bool
has_out(const link_socket *s)
{
	return s->gone < s->going.len || s->out.len > 0;
}

/* Send what waits.  That it cannot be sent says less than what can be read. */
static void
flush(link_socket *s)
{
	while (!s->deaf && has_out(s))
	{
		size_t		n = 0;
		link_bytes	sent;

		if (s->gone == s->going.len)
		{
			wc_buf		empty = s->going;

			wc_buf_reset(&empty);
			s->going = s->out;
			s->out = empty;
			s->gone = 0;
		}
		sent = link_dial_write(s->easy, s->going.data + s->gone, s->going.len - s->gone, &n);
		if (sent == LINK_BYTES_LATER)
			break;
		if (sent == LINK_BYTES_SOME)
			s->gone += n;
		else
			s->deaf = s->readable = true;
	}
}

/* Bytes into our buffer, behind what is there; false: none now. */
static bool
fill(link_socket *s)
{
	size_t		n = 0;
	link_bytes	came;

	if (s->in_off == s->in_len)
		s->in_off = s->in_len = 0;
	if (!s->readable || s->ended || s->in_len == IN_SIZE)
		return false;
	came = link_dial_read(s->easy, s->in + s->in_len, IN_SIZE - s->in_len, &n);
	if (came == LINK_BYTES_SOME)
	{
		s->in_len += n;
		s->heard = uv_now(s->host->loop);
		s->pinged = false;
		return true;
	}
	s->readable = false;
	s->ended = came != LINK_BYTES_LATER || s->deaf;
	return false;
}

/* ---- frames ---- */

static ssize_t
ws_read(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *arg)
{
	link_socket *s = arg;
	size_t		room = s->state == SOCKET_OPEN ? s->host->calls->room(s->arg) : 0;
	size_t		n;

	(void) flags;
	s->paused = s->state == SOCKET_OPEN && room == 0;
	if (room == 0 || s->budget == 0 || (s->in_off == s->in_len && !fill(s)))
	{
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	n = s->in_len - s->in_off;
	n = n < len ? n : len;
	n = n < room ? n : room;
	n = n < s->budget ? n : s->budget;
	memcpy(buf, s->in + s->in_off, n);
	s->in_off += n;
	s->open += n;
	s->budget -= n;
	return (ssize_t) n;
}

static ssize_t
ws_write(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags, void *arg)
{
	(void) flags;
	if (put_out(arg, data, len))
		return (ssize_t) len;
	wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static int
ws_mask(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, void *arg)
{
	(void) ctx;
	(void) arg;
	return getrandom(buf, len, 0) == (ssize_t) len ? 0 : -1;
}

static void
ws_frame_begins(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_start_arg *frame,
				void *arg)
{
	link_socket *s = arg;
	uint64_t	n = frame->payload_length;

	(void) ctx;
	s->frame = n + 2 + (n < 126 ? 0 : n < 65536 ? 2 : 8);
	s->closing = frame->opcode == WSLAY_CONNECTION_CLOSE;
	if (!wslay_is_ctrl_frame(frame->opcode))
		s->fragments++;
}

static void
ws_chunk(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *arg)
{
	link_socket *s = arg;

	(void) ctx;
	if (s->closing && chunk->data_length <= sizeof(s->farewell) - s->farewell_len)
	{
		memcpy(s->farewell + s->farewell_len, chunk->data, chunk->data_length);
		s->farewell_len += chunk->data_length;
	}
}

static void
ws_frame_ends(wslay_event_context_ptr ctx, void *arg)
{
	link_socket *s = arg;

	(void) ctx;
	s->open -= s->frame;
}

static void
ws_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *msg, void *arg)
{
	link_socket *s = arg;
	link_end	end;

	(void) ctx;
	if (!wslay_is_ctrl_frame(msg->opcode))
		s->fragments = 0;
	if (s->fragments == 0)
		s->began = 0;
	if (s->state != SOCKET_OPEN)
		return;
	switch (msg->opcode)
	{
		case WSLAY_TEXT_FRAME:
			s->host->calls->text(s->arg, msg->msg ? (const char *) msg->msg : "", msg->msg_length);
			break;
		case WSLAY_BINARY_FRAME:
			link_end_breach(&end, s->to->host, WS_CLOSE_UNSUPPORTED);
			tell_end(s, &end);
			link_socket_close(s, WS_CLOSE_UNSUPPORTED, "frames are text");
			break;
		default:
			break;
	}
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = ws_read,
	.send_callback = ws_write,
	.genmask_callback = ws_mask,
	.on_frame_recv_start_callback = ws_frame_begins,
	.on_frame_recv_chunk_callback = ws_chunk,
	.on_frame_recv_end_callback = ws_frame_ends,
	.on_msg_recv_callback = ws_message,
};

/* Put what libwslay has to say into our buffer. */
static void
collect(link_socket *s)
{
	if (s->state == SOCKET_OPEN && wslay_event_send(s->ws) != 0)
		lose(s, "does not read what we send over the link");
}

/*
 * Either the hub sent a close frame, or libwslay did because of what it sent.
 * For libwslay 1.1.1 the codes 1012 to 1014, which IANA has registered since, are
 * none, and it answers 1002.
 */
static void
end_by_frame(link_socket *s)
{
	bool		farewell = s->closing && s->farewell_len >= 2;
	uint16_t	code = farewell ? (uint16_t) (s->farewell[0] << 8 | s->farewell[1]) : WSLAY_CODE_NO_STATUS_RCVD;
	link_end	end;

	if (wslay_event_get_close_received(s->ws) || (farewell && code >= 1012 && code <= 1014))
		link_end_close(&end, s->to->host, code, (const char *) s->farewell + 2,
					   farewell ? s->farewell_len - 2 : 0);
	else
		link_end_breach(&end, s->to->host, wslay_event_get_status_code_sent(s->ws));
	begin_closing(s);
	tell_end(s, &end);
}

static void
breach(link_socket *s)
{
	link_end	end;

	link_end_breach(&end, s->to->host, WSLAY_CODE_PROTOCOL_ERROR);
	/* libwslay may have put a close frame into its queue */
	if (wslay_event_send(s->ws) == 0)
		begin_closing(s);
	else
		die(s);
	tell_end(s, &end);
}

static void
read_frames(link_socket *s)
{
	int			failed;

	s->paused = false;
	wslay_event_config_set_max_recv_msg_length(s->ws, s->host->max_message);
	failed = wslay_event_recv(s->ws);
	if (s->state == SOCKET_OPEN && (failed != 0 || s->fragments > MAX_FRAGMENTS))
	{
		breach(s);
		return;
	}
	collect(s);
	if (s->state != SOCKET_OPEN)
		return;
	if (wslay_event_get_close_sent(s->ws))
		end_by_frame(s);
	else if (s->ended && s->in_off == s->in_len)
		lose(s, "ended the connection of the link without a word");
	else if (s->open == 0 && s->fragments == 0)
		s->began = 0;
	else if (s->began == 0 || s->paused)
		s->began = uv_now(s->host->loop);
}

/* ---- the opening handshake ---- */

static void
refuse_answer(link_socket *s, const link_answer *answer)
{
	link_end	end;

	link_end_answer(&end, s->to->host, answer);
	cut(s, &end);
}

static void
be_open(link_socket *s, size_t used)
{
	s->in_off = used;
	s->state = SOCKET_OPEN;
	if (wslay_event_context_client_init(&s->ws, &callbacks, s) != 0)
	{
		lose(s, "opened a link that webchatt-net has no memory for");
		return;
	}
	uv_timer_start(&s->timer, on_timer, s->host->connect_timeout_ms, 0);
	read_frames(s);
}

static void
read_answer(link_socket *s)
{
	link_answer answer = {0};
	const char *why = NULL;
	size_t		from = s->in_len;
	size_t		used = 0;
	ws_head_state found = WS_HEAD_MORE;

	while (found == WS_HEAD_MORE && fill(s))
	{
		size_t		len = s->in_len < WS_HEAD_MAX ? s->in_len : WS_HEAD_MAX;

		if (!link_head_begins(s->in, len))
			found = WS_HEAD_BROKEN;
		else
			found = ws_head_scan(s->in, len, from, &used, &why);
		from = len;
	}
	if (found == WS_HEAD_WHOLE)
	{
		link_head_read(s->in, used, s->accept, &answer);
		if (answer.bad == NULL)
			be_open(s, used);
		else
			refuse_answer(s, &answer);
	}
	else if (found == WS_HEAD_BROKEN)
	{
		answer.bad = why == NULL ? "answered with something that is not HTTP/1.1" :
			s->in_len >= WS_HEAD_MAX ? "answered with a head of more than 8192 bytes" :
			"answered with a head that breaks the rules of HTTP";
		refuse_answer(s, &answer);
	}
	else if (s->ended)
		lose(s, "ended the connection before it answered");
}

/* While closing, what still comes is thrown away until the hub has gone. */
static void
discard(link_socket *s)
{
	int			turns = 0;

	do
		s->in_len = s->in_off = 0;
	while (++turns < 16 && fill(s));
	if (s->ended)
		die(s);
}

/* ---- the loop's side ---- */

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	link_socket *s = poll->data;

	if (status < 0)
	{
		/* libuv stops at a socket's error, which reading it will show */
		s->events = 0;
		s->readable = true;
	}
	if (events & UV_READABLE)
		s->readable = true;
}

/* Wait for what is wanted now. */
static void
settle_poll(link_socket *s)
{
	int			events = 0;

	if (!s->polled || s->state == SOCKET_DEAD)
		return;
	if (!s->paused && !s->readable && !s->ended)
		events |= UV_READABLE;
	if (!s->deaf && has_out(s))
		events |= UV_WRITABLE;
	if (events == s->events)
		return;
	s->events = events;
	if (events == 0)
		uv_poll_stop(&s->poll);
	else
		uv_poll_start(&s->poll, events, on_poll);
}

static void
on_connected(void *arg, CURL *easy, CURLcode code)
{
	link_host  *host = arg;
	link_socket *s = NULL;
	link_end	end;
	int			fd;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &s);
	if (s->state != SOCKET_DIALLING)
		return;
	if (code != CURLE_OK)
	{
		link_end_dial(&end, s->to->host, code, s->error);
		cut(s, &end);
		return;
	}
	fd = link_dial_socket(host->curl, easy);
	if (fd < 0 || uv_poll_init_socket(host->loop, &s->poll, fd) != 0)
	{
		lose(s, "is connected by a socket that cannot be watched");
		return;
	}
	s->poll.data = s;
	s->polled = true;
	s->handles++;
	s->state = SOCKET_OPENING;
	s->readable = true;
	uv_timer_start(&s->timer, on_timer, host->connect_timeout_ms, 0);
}

/* Nothing has come for a while, or a message takes too long. */
static void
beat(link_socket *s)
{
	uint64_t	now = uv_now(s->host->loop);
	uint64_t	longest = s->heartbeat_ms > MESSAGE_MS ? s->heartbeat_ms : MESSAGE_MS;
	uint64_t	wait = s->heartbeat_ms;

	if (s->paused)
		s->heard = now;			/* we do not listen: its silence says nothing */
	else if (s->began != 0 && now - s->began > longest)
	{
		lose(s, "takes too long over one frame");
		return;
	}
	else if (now - s->heard < s->heartbeat_ms)
		wait = s->heartbeat_ms - (now - s->heard);
	else if (s->pinged)
	{
		lose(s, "gave no sign of life over the link");
		return;
	}
	else
	{
		struct wslay_event_msg ping = {WSLAY_PING, NULL, 0};

		s->pinged = true;
		if (wslay_event_queue_msg(s->ws, &ping) == 0)
			collect(s);
	}
	if (s->state == SOCKET_OPEN)
		uv_timer_start(&s->timer, on_timer, wait, 0);
}

static void
on_timer(uv_timer_t *timer)
{
	link_socket *s = timer->data;

	switch (s->state)
	{
		case SOCKET_DIALLING:
			lose(s, "could not be connected to in time");
			break;
		case SOCKET_OPENING:
			lose(s, "did not answer the opening request in time");
			break;
		case SOCKET_OPEN:
			if (s->heartbeat_ms > 0)
				beat(s);
			else
				lose(s, "opened a link and sent no welcome");
			break;
		case SOCKET_CLOSING:
			die(s);
			break;
		case SOCKET_DEAD:
			break;
	}
}

/* ---- the interface ---- */

bool
link_host_init(link_host *host, uv_loop_t *loop, const link_calls *calls)
{
	host->loop = loop;
	host->calls = calls;
	host->curl = curl_loop_new(loop, on_connected, host);
	if (host->curl == NULL)
		return false;
	curl_loop_keep_done(host->curl);
	return true;
}

void
link_host_read(link_host *host)
{
	link_socket *s;

	for (s = host->sockets; s != NULL; s = s->next)
	{
		s->budget = TURN_BYTES;
		if (s->state == SOCKET_OPENING && s->readable)
			read_answer(s);
		else if (s->state == SOCKET_OPEN &&
				 (s->readable || s->paused || s->ended || s->in_off < s->in_len))
			read_frames(s);
		else if (s->state == SOCKET_CLOSING && s->readable)
			discard(s);
	}
}

bool
link_host_write(link_host *host)
{
	link_socket *s;
	link_socket *next;
	bool		more = false;

	for (s = host->sockets; s != NULL; s = next)
	{
		next = s->next;
		if (s->state != SOCKET_DIALLING && s->state != SOCKET_DEAD)
			flush(s);
		settle_poll(s);
		if (s->state == SOCKET_DEAD)
			bury(s);
		else
			more |= !s->paused && (s->readable || s->in_off < s->in_len);
	}
	return more;
}

void
link_host_free(link_host *host)
{
	while (host->sockets != NULL)
	{
		die(host->sockets);
		bury(host->sockets);
	}
	curl_loop_free(host->curl);
	free(host->ca_file);
}

link_socket *
link_socket_dial(link_host *host, target *to, void *arg, char why[LINK_WHY_SIZE])
{
	link_socket *s = net_alloc(sizeof(link_socket));
	char		key[25];
	char	   *request = NULL;

	s->host = host;
	if (link_head_nonce(key, s->accept))
		request = link_head_request(to->url, to->secret, key);
	if (request != NULL && put_out(s, request, strlen(request)))
		s->easy = link_dial_begin(host->curl, to, host->connect_timeout_ms, host->ca_file, s, s->error);
	free(request);
	if (s->easy == NULL)
	{
		link_say(why, "%s cannot be dialled: api_url or API key do not fit into a request, or memory is short",
				 to->host);
		wc_buf_free(&s->out);
		free(s);
		return NULL;
	}
	s->arg = arg;
	s->to = target_hold(to);
	s->state = SOCKET_DIALLING;
	s->handles = 1;
	s->timer.data = s;
	uv_timer_init(host->loop, &s->timer);
	uv_timer_start(&s->timer, on_timer, host->connect_timeout_ms + DIAL_GRACE_MS, 0);
	s->next = host->sockets;
	if (s->next != NULL)
		s->next->prev = s;
	host->sockets = s;
	return s;
}

void
link_socket_settle(link_socket *s, uint64_t heartbeat_ms)
{
	s->heartbeat_ms = heartbeat_ms;
	uv_timer_start(&s->timer, on_timer, heartbeat_ms, 0);
}

void
link_socket_say(link_socket *s, const char *text, size_t len)
{
	struct wslay_event_msg msg = {WSLAY_TEXT_FRAME, (const uint8_t *) text, len};

	if (s->state == SOCKET_OPEN && wslay_event_queue_msg(s->ws, &msg) == 0)
		collect(s);
}

void
link_socket_close(link_socket *s, uint16_t code, const char *reason)
{
	s->arg = NULL;
	if (s->state == SOCKET_OPEN &&
		wslay_event_queue_close(s->ws, code, (const uint8_t *) reason, strlen(reason)) == 0 &&
		wslay_event_send(s->ws) == 0)
		begin_closing(s);
	else if (s->state != SOCKET_CLOSING && s->state != SOCKET_DEAD)
		die(s);
}
