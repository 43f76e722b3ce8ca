/*
 * link_socket.c
 *	  The poll's callback only notes what can be done; all reading, parsing and
 *	  writing happens in link_socket_host_read() and link_socket_host_write(), once
 *	  a turn.
 */
#include "ws/link_socket.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ws/link_stream.h"
#include "ws/ws_server.h"

/* Bytes read from one hub before others get their turn. */
#define TURN_BYTES (64u * 1024)

/* How long a message may take from its first byte to its last, in ms. */
#define MESSAGE_MS 60000u

/* libcurl should have given up by itself so long ago, in ms. */
#define DIAL_GRACE_MS 1000u

static void on_timer(uv_timer_t *timer);

/* ---- its memory ---- */

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
	link_host *host = s->host;

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

/* ---- the opening handshake ---- */

static void
refuse_answer(link_socket *s, const link_answer *answer)
{
	link_end end;

	ws_client_end_answer(&end, s->to->host, answer);
	link_state_cut(s, &end);
}

static void
be_open(link_socket *s, size_t used)
{
	s->in_off = used;
	s->state = SOCKET_OPEN;
	if (!link_stream_open(s))
	{
		link_state_lose(s, "opened a link that webchatt-net has no memory for");
		return;
	}
	uv_timer_start(&s->timer, on_timer, s->host->connect_timeout_ms, 0);
	link_stream_read(s);
}

static void
read_answer(link_socket *s)
{
	link_answer answer = {0};
	const char *why = NULL;
	size_t from = s->in_len;
	size_t used = 0;
	ws_handshake_state found = WS_HEAD_MORE;

	while (found == WS_HEAD_MORE && link_stream_fill(s))
	{
		size_t len = s->in_len < LINK_HEAD_MAX ? s->in_len : LINK_HEAD_MAX;

		if (!link_head_begins(s->in, len))
			found = WS_HEAD_BROKEN;
		else
			found = ws_handshake_scan(s->in, len, LINK_HEAD_MAX, from, &used, &why);
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
	else if (found != WS_HEAD_MORE)
	{
		answer.bad = found == WS_HEAD_LARGE ? "answered with a head of more than 8192 bytes"
					 : why == NULL			? "answered with something that is not HTTP/1.1"
											: "answered with a head that breaks the rules of HTTP";
		refuse_answer(s, &answer);
	}
	else if (s->ended)
		link_state_lose(s, "ended the connection before it answered");
}

/* While closing, what still comes is thrown away until the hub has gone. */
static void
discard(link_socket *s)
{
	int turns = 0;

	do
		s->in_len = s->in_off = 0;
	while (++turns < 16 && link_stream_fill(s));
	if (s->ended)
		link_state_die(s);
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
	int events = 0;

	if (!s->polled || s->state == SOCKET_DEAD)
		return;
	if (!s->paused && !s->readable && !s->ended)
		events |= UV_READABLE;
	if (!s->deaf && link_stream_has_out(s))
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
	link_host *host = arg;
	link_socket *s = NULL;
	link_end end = {.code = WS_CLOSE_LOST};
	char why[2 * LINK_WHY_SIZE];
	int fd;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &s);
	if (s->state != SOCKET_DIALLING)
		return;
	if (code != CURLE_OK)
	{
		target_explain(s->to, code, s->error, why, sizeof(why));
		ws_client_end_say(end.why, "%s", why);
		link_state_cut(s, &end);
		return;
	}
	fd = link_dial_socket(host->curl, easy);
	if (fd < 0 || uv_poll_init_socket(host->loop, &s->poll, fd) != 0)
	{
		link_state_lose(s, "is connected by a socket that cannot be watched");
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
	uint64_t now = uv_now(s->host->loop);
	uint64_t longest = s->heartbeat_ms > MESSAGE_MS ? s->heartbeat_ms : MESSAGE_MS;
	uint64_t wait = s->heartbeat_ms;

	if (s->paused)
		s->heard = now; /* we do not listen: its silence says nothing */
	else if (s->began != 0 && now - s->began > longest)
	{
		link_state_lose(s, "takes too long over one frame");
		return;
	}
	else if (now - s->heard < s->heartbeat_ms)
		wait = s->heartbeat_ms - (now - s->heard);
	else if (s->pinged)
	{
		link_state_lose(s, "gave no sign of life over the link");
		return;
	}
	else
	{
		struct wslay_event_msg ping = {WSLAY_PING, NULL, 0};

		s->pinged = true;
		if (wslay_event_queue_msg(s->ws, &ping) == 0)
			link_stream_collect(s);
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
			link_state_lose(s, "could not be connected to in time");
			break;
		case SOCKET_OPENING:
			link_state_lose(s, "did not answer the opening request in time");
			break;
		case SOCKET_OPEN:
			if (s->heartbeat_ms > 0)
				beat(s);
			else
				link_state_lose(s, "opened a link and sent no welcome");
			break;
		case SOCKET_CLOSING:
			link_state_die(s);
			break;
		case SOCKET_DEAD:
			break;
	}
}

/* ---- the interface ---- */

bool
link_socket_host_init(link_host *host, uv_loop_t *loop, const link_calls *calls)
{
	host->loop = loop;
	host->calls = calls;
	host->on_timer = on_timer;
	host->curl = curl_uv_new(loop, on_connected, host);
	if (host->curl == NULL)
		return false;
	curl_uv_keep_done(host->curl);
	return true;
}

void
link_socket_host_read(link_host *host)
{
	link_socket *s;

	for (s = host->sockets; s != NULL; s = s->next)
	{
		s->budget = TURN_BYTES;
		if (s->state == SOCKET_OPENING && s->readable)
			read_answer(s);
		else if (s->state == SOCKET_OPEN && (s->readable || s->paused || s->ended || s->in_off < s->in_len))
			link_stream_read(s);
		else if (s->state == SOCKET_CLOSING && s->readable)
			discard(s);
	}
}

bool
link_socket_host_write(link_host *host)
{
	link_socket *s;
	link_socket *next;
	bool more = false;

	for (s = host->sockets; s != NULL; s = next)
	{
		next = s->next;
		if (s->state != SOCKET_DIALLING && s->state != SOCKET_DEAD)
			link_stream_flush(s);
		settle_poll(s);
		if (s->state == SOCKET_DEAD)
			bury(s);
		else
			more |= !s->paused && (s->readable || (s->state == SOCKET_OPEN && s->in_off < s->in_len));
	}
	return more;
}

void
link_socket_host_free(link_host *host)
{
	while (host->sockets != NULL)
	{
		link_state_die(host->sockets);
		bury(host->sockets);
	}
	curl_uv_free(host->curl);
	free(host->ca_file);
}

link_socket *
link_socket_dial(link_host *host, target *to, void *arg, char why[LINK_WHY_SIZE])
{
	link_socket *s = net_alloc(sizeof(link_socket));
	char key[25];
	char *request = NULL;

	s->host = host;
	if (link_head_nonce(key, s->accept))
		request = link_head_request(to->url, to->secret, key);
	if (request != NULL && link_stream_put(s, request, strlen(request)))
		s->easy = link_dial_begin(host->curl, to, host->connect_timeout_ms, host->ca_file, s, s->error);
	free(request);
	if (s->easy == NULL)
	{
		ws_client_end_say(why, "%s cannot be dialled: api_url or API key do not fit into a request, or memory is short",
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
		link_stream_collect(s);
}

void
link_socket_close(link_socket *s, uint16_t code, const char *reason)
{
	link_state_close(s, code, reason);
}
