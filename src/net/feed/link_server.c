/*
 * link_server.c
 *	  The worker bounds what is under way on a link, so what a slow subscriber does
 *	  not take waits here; and acknowledgements are cumulative, so however many come
 *	  the worker gets one in a turn.  Neither needs a socket that is not read.
 */
#include "feed/link_server.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rate_limit.h"
#include "feed/link_server_frame.h"
#include "listen/listener.h"
#include "base/log.h"
#include "base/metrics.h"
#include "ws/ws_server.h"

/* How long the worker may take to welcome a link, and a subscriber to send one frame, in ms. */
#define WELCOME_MS 30000
#define FRAME_MS   10000

/*
 * Bytes that may wait for one subscriber: the worker has up to 1 MiB without
 * acknowledgement, and one event that is larger, up to a frame of the corridor.
 */
#define MAX_OUT (WC_FRAME_MAX + 3u * 1024 * 1024)

/* A buffer for events that is larger gives its memory back. */
#define KEEP_CAP (256u * 1024)

/* Bytes of a socket that are read at once. */
#define READ_BYTES 4096u

/* Frames that bring nothing new (pings, repeated acknowledgements): a second, and at once. */
static const rate_limit idle_rate = {1000, 20, 100};

/* Lines in the log. */
static const rate_limit line_rate = {60000, 20, 100};

typedef enum link_phase
{
	LINK_NEW = 0, /* the worker has not heard of it */
	LINK_CAME,	  /* its WELCOME has not come */
	LINK_OPEN,
	LINK_ENDED
} link_phase;

typedef struct subscriber
{
	ws w; /* first: the WebSocket hands this out */
	link_server *server;
	uint64_t number; /* never used again; its last digits are the place */
	uint32_t key;
	link_phase phase;
	uint64_t sent; /* the newest event that it was sent, or had acknowledged before */
	uint64_t acknowledged;
	uint64_t told; /* of which the worker knows */
	uint64_t events;
	uint64_t since;
	bucket idle;
	net_addr client;
} subscriber;

struct link_server
{
	uv_loop_t *loop;
	corridor_io *corridor;
	const api_keys *keys;
	timeouts timeouts;
	ws_host host;
	subscriber *places[LINKS_MAX];
	uint32_t count; /* places taken, closing ones too */
	uint64_t last;	/* uses of places so far */
	uint32_t heartbeat_ms;
	wc_buf text; /* the frame that is being written */
	bucket lines;
	uint32_t unsaid; /* lines that were left out */
	bool busy;		 /* somebody has acknowledged */
	bool open;
	bool closing;
};

static void on_text(ws *w, const char *text, size_t len);
static void on_control(ws *w);
static size_t room(ws *w);
static void on_ended(ws *w, uint16_t code);
static void on_gone(ws *w);
static void on_late(void *arg, timeout *entry);

static const ws_calls calls = {
	.text = on_text, .control = on_control, .room = room, .ended = on_ended, .gone = on_gone};

link_server *
link_server_new(uv_loop_t *loop, corridor_io *corridor, const api_keys *keys)
{
	link_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->loop = loop;
	s->corridor = corridor;
	s->keys = keys;
	timeouts_init(&s->timeouts, loop, on_late, s);
	timeouts_limit(&s->timeouts, PHASE_WELCOME, WELCOME_MS);
	timeouts_limit(&s->timeouts, PHASE_FRAME, FRAME_MS);
	timeouts_limit(&s->timeouts, PHASE_CLOSE, WS_CLOSE_MS);
	s->host.loop = loop;
	s->host.timeouts = &s->timeouts;
	s->host.calls = &calls;
	s->host.max_out = MAX_OUT;
	s->host.max_message = LINK_MAX_ACK;
	return s;
}

void
link_server_configure(link_server *s, const wc_config *config)
{
	s->heartbeat_ms = config->heartbeat_ms;
	timeouts_limit(&s->timeouts, PHASE_QUIET, config->heartbeat_ms);
	timeouts_limit(&s->timeouts, PHASE_PONG, config->heartbeat_ms);
}

void
link_server_open(link_server *s)
{
	s->open = true;
}

/* A line about a link, unless there were too many of them. */
static void __attribute__((format(printf, 2, 3))) say(link_server *s, const char *format, ...)
{
	uint64_t now = uv_now(s->loop);
	char line[256];
	char more[64] = "";
	va_list args;

	if (rate_limit_wait(s->lines, &line_rate, now) > 0)
	{
		s->unsaid++;
		return;
	}
	s->lines = rate_limit_take(s->lines, &line_rate, now);
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (s->unsaid > 0)
		snprintf(more, sizeof(more), " (before it, %u lines about links were left out)", s->unsaid);
	s->unsaid = 0;
	log_line(WC_LOG_INFO, "%s%s", line, more);
}

/* A place that is free; LINKS_MAX: none, or none for that key. */
static uint32_t
find_place(const link_server *s, uint32_t key)
{
	uint32_t of_key = 0;
	uint32_t found = LINKS_MAX;
	uint32_t i;

	for (i = 0; i < LINKS_MAX; i++)
	{
		if (s->places[i] == NULL)
			found = i;
		else
			of_key += s->places[i]->key == key;
	}
	return of_key < LINKS_MAX_OF_KEY ? found : LINKS_MAX;
}

/* It is a link; the worker hears of it. */
static void
admit(link_server *s, const ws_opening *opening, const ws_handshake *head, const net_addr *client, uint32_t key,
	  uint32_t place)
{
	subscriber *sub = calloc(1, sizeof(*sub));
	char address[ADDRESS_TEXT_SIZE];
	wc_link_came came;

	if (sub == NULL || !ws_accept_upgrade(opening->fd, head, WS_LINK_PROTOCOL) ||
		!ws_server_start(&sub->w, &s->host, opening->fd))
	{
		free(sub);
		close(opening->fd);
		return;
	}
	listener_trust(opening->fd);
	sub->server = s;
	sub->key = key;
	sub->client = *client;
	sub->since = uv_now(s->loop);
	sub->number = ++s->last * LINKS_MAX + place;
	s->places[place] = sub;
	s->count++;
	metrics_now.links++;
	metrics_now.links_entered++;
	timeouts_set(&s->timeouts, &sub->w.timeout, PHASE_WELCOME, sub->since);
	address_print(client, address);
	came = (wc_link_came){sub->number, key, wc_str_from(address)};
	if (!wc_write_link_came(corridor_io_out(s->corridor), &came))
	{
		ws_server_close(&sub->w, WS_CLOSE_LATER, "out of memory");
		return;
	}
	sub->phase = LINK_CAME;
	corridor_io_nudge(s->corridor);
	say(s, "a database has opened a link from %s with key %u", address, key);
}

void
link_server_admit(link_server *s, const ws_opening *opening, const ws_handshake *head, refusal verdict, const char *why)
{
	net_addr client = ws_accept_client(opening, head);
	uint32_t key = 0;
	uint32_t place = LINKS_MAX;

	if (s->closing)
		verdict = REFUSE_CLOSING;
	if (verdict == REFUSE_NOTHING && !s->open)
		verdict = REFUSE_NOT_OPEN;
	if (verdict == REFUSE_NOTHING)
		verdict = api_keys_check(s->keys, head->facts.api_key.p, head->facts.api_key.len, WC_SCOPE_LINK, &key);
	if (verdict == REFUSE_NOTHING && corridor_io_full(s->corridor))
		verdict = REFUSE_BEHIND;
	if (verdict == REFUSE_NOTHING && (place = find_place(s, key)) == LINKS_MAX)
		verdict = REFUSE_LINKS;
	if (verdict == REFUSE_NOTHING)
		admit(s, opening, head, &client, key, place);
	else
		ws_accept_refuse(s->loop, opening, &client, verdict, why, NULL);
}

/* NULL: it has ended, and LINK_LEFT is on its way. */
static subscriber *
find(const link_server *s, uint64_t number)
{
	subscriber *sub = s->places[number % LINKS_MAX];

	return sub != NULL && sub->number == number && sub->phase != LINK_ENDED ? sub : NULL;
}

/* Send a frame that was written, with what else comes in this turn. */
static bool
send_text(subscriber *sub)
{
	link_server *s = sub->server;

	if (s->text.failed)
	{
		ws_server_close(&sub->w, WS_CLOSE_LATER, "out of memory");
		return false;
	}
	ws_server_cork(&sub->w);
	return ws_server_send(&sub->w, s->text.data, s->text.len);
}

/* Begin a frame with what its members need of numbers. */
static void __attribute__((format(printf, 2, 3))) begin(link_server *s, const char *format, ...)
{
	char text[256];
	va_list args;
	int len;

	wc_buf_reset(&s->text);
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	wc_buf_append(&s->text, text, (size_t) len);
}

void
link_server_welcome(link_server *s, const wc_link_welcome *welcome)
{
	subscriber *sub = find(s, welcome->link);

	if (sub == NULL || sub->phase != LINK_CAME)
		return;
	sub->phase = LINK_OPEN;
	sub->sent = sub->acknowledged = sub->told = welcome->acknowledged;
	timeouts_set(&s->timeouts, &sub->w.timeout, PHASE_QUIET, uv_now(s->loop));
	begin(s, "{\"type\":\"welcome\",\"acknowledged\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"heartbeat\":%g}",
		  welcome->acknowledged, welcome->lost, s->heartbeat_ms / 1000.0);
	send_text(sub);
}

void
link_server_event(link_server *s, const wc_link_event *event)
{
	subscriber *sub = find(s, event->link);

	if (sub == NULL)
		return;
	if (sub->phase != LINK_OPEN || event->seq <= sub->sent)
	{
		/* The worker has lost count: it finds the place again from the next welcome on. */
		ws_server_close(&sub->w, WS_CLOSE_INTERNAL, "an event out of order; come back");
		return;
	}
	begin(s, "{\"type\":\"event\",\"seq\":%" PRIu64 ",\"event\":", event->seq);
	wc_buf_append(&s->text, event->body.p, event->body.len);
	wc_buf_append(&s->text, "}", 1);
	if (send_text(sub))
	{
		sub->sent = event->seq;
		sub->events++;
		metrics_now.link_events++;
	}
	if (s->text.cap > KEEP_CAP)
		wc_buf_free(&s->text);
}

void
link_server_end(link_server *s, const wc_link_close *close)
{
	subscriber *sub = find(s, close->link);
	bool valid = close->code >= 1000 && close->code < 5000;
	char reason[124];
	size_t len = close->reason.len < sizeof(reason) ? close->reason.len : sizeof(reason) - 1;

	if (sub == NULL)
		return;
	/* Never cut a character in two. */
	while (len > 0 && len < close->reason.len && ((unsigned char) close->reason.p[len] & 0xc0) == 0x80)
		len--;
	if (len > 0)
		memcpy(reason, close->reason.p, len);
	reason[len] = '\0';
	ws_server_close(&sub->w, valid ? (uint16_t) close->code : WS_CLOSE_INTERNAL, reason);
}

/* Call for everybody who is there; it may end them. */
static void
close_all(link_server *s, const uint32_t *key, uint16_t code, const char *reason)
{
	uint32_t i;

	for (i = 0; i < LINKS_MAX; i++)
	{
		if (s->places[i] != NULL && (key == NULL || s->places[i]->key == *key))
			ws_server_close(&s->places[i]->w, code, reason);
	}
}

void
link_server_key_gone(link_server *s, uint32_t key)
{
	close_all(s, &key, WS_CLOSE_KEY, "the key is revoked");
}

/* A frame that brings nothing new: not any number of them. */
static void
count_idle(subscriber *sub)
{
	uint64_t now = uv_now(sub->server->loop);

	if (rate_limit_wait(sub->idle, &idle_rate, now) > 0)
		ws_server_close(&sub->w, WS_CLOSE_POLICY, "too many frames that bring nothing new");
	else
		sub->idle = rate_limit_take(sub->idle, &idle_rate, now);
}

static void
on_text(ws *w, const char *text, size_t len)
{
	subscriber *sub = (subscriber *) w;
	uint64_t seq;

	if (!link_server_frame_parse(text, len, &seq))
		ws_server_close(w, WS_CLOSE_POLICY, "not an acknowledgement: {\"type\":\"ack\",\"seq\":<number>}");
	else if (sub->phase != LINK_OPEN || seq > sub->sent)
		ws_server_close(w, WS_CLOSE_POLICY, "an acknowledgement of an event that was not sent");
	else if (seq < sub->acknowledged)
		ws_server_close(w, WS_CLOSE_POLICY, "an acknowledgement behind an earlier one");
	else if (seq > sub->acknowledged)
	{
		sub->acknowledged = seq;
		sub->server->busy = true;
	}
	else
		count_idle(sub);
}

/* Pings are answered by the WebSocket itself. */
static void
on_control(ws *w)
{
	count_idle((subscriber *) w);
}

/* Nothing that comes makes more of it. */
static size_t
room(ws *w)
{
	(void) w;
	return READ_BYTES;
}

/* Tell the worker what has been acknowledged since; false: later. */
static bool
tell_ack(subscriber *sub, bool must)
{
	link_server *s = sub->server;
	wc_link_ack ack = {sub->number, sub->acknowledged};

	if (sub->phase != LINK_OPEN || sub->acknowledged == sub->told)
		return true;
	if ((!must && corridor_io_full(s->corridor)) || !wc_write_link_ack(corridor_io_out(s->corridor), &ack))
		return false;
	sub->told = sub->acknowledged;
	return true;
}

/* It is open no more: the worker hears of it, once, and of the last that it had. */
static void
on_ended(ws *w, uint16_t code)
{
	subscriber *sub = (subscriber *) w;
	link_server *s = sub->server;
	wc_link_left left = {sub->number};
	char address[ADDRESS_TEXT_SIZE];

	metrics_now.links--;
	if (sub->phase == LINK_NEW)
		return;
	/* Like an outcome they must not be lost: they go also when much is waiting. */
	tell_ack(sub, true);
	wc_write_link_left(corridor_io_out(s->corridor), &left);
	sub->phase = LINK_ENDED;
	address_print(&sub->client, address);
	say(s, "the link from %s with key %u has ended with %u after %" PRIu64 " s and %" PRIu64 " events", address,
		sub->key, code, (uv_now(s->loop) - sub->since) / 1000, sub->events);
}

/* Its memory is about to go. */
static void
on_gone(ws *w)
{
	subscriber *sub = (subscriber *) w;
	link_server *s = sub->server;

	s->places[sub->number % LINKS_MAX] = NULL;
	s->count--;
}

static void
on_late(void *arg, timeout *entry)
{
	(void) arg;
	if (entry->phase == PHASE_WELCOME)
		ws_server_close((ws *) entry, WS_CLOSE_LATER, "the link could not be welcomed in time; come back shortly");
	else
		ws_server_late((ws *) entry);
}

void
link_server_run(link_server *s)
{
	uint32_t i;

	if (s->busy)
	{
		s->busy = false;
		for (i = 0; i < LINKS_MAX; i++)
		{
			if (s->places[i] != NULL && !tell_ack(s->places[i], false))
				s->busy = true;
		}
	}
	ws_server_run(&s->host);
}

void
link_server_close(link_server *s)
{
	s->closing = true;
	close_all(s, NULL, WS_CLOSE_GOING_AWAY, "the hub is being stopped or started anew");
}

bool
link_server_drained(const link_server *s)
{
	return s->count == 0;
}

static void
on_timer_closed(uv_handle_t *handle)
{
	link_server *s = ((timeouts *) handle->data)->arg;

	wc_buf_free(&s->text);
	free(s);
}

void
link_server_free(link_server *s)
{
	uint32_t i;

	s->closing = true;
	for (i = 0; i < LINKS_MAX; i++)
	{
		if (s->places[i] != NULL)
			ws_server_cut(&s->places[i]->w);
	}
	ws_server_run(&s->host);
	ws_server_host_free(&s->host);
	uv_close((uv_handle_t *) &s->timeouts.timer, on_timer_closed);
}
