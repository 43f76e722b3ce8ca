/*
 * desk_sockets.c
 *	  A desk's WebSocket is upgraded before its session is known, so that a page
 *	  which is signed out hears so, and not that a connection failed; but nothing of
 *	  it is read before the database has said whose it is.
 */
#include "desk/desk_sockets.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/metrics.h"
#include "desk/desk_notices.h"
#include "http/http_reply.h"
#include "listen/ws_takeover.h"

/* How long a page may take to send one frame, in ms. */
#define FRAME_MS 10000

/* Bytes that may wait for one page. */
#define MAX_OUT (64u * 1024)

/* Bytes that are read at once. */
#define READ_BYTES 4096u

/* Notices that wait, checks that are due: are looked at so often while somebody is there, in ms. */
#define TICK_MS 250

/* How often the database is asked whether a session goes on, how soon after it could not say, and when a question is lost. */
#define CHECK_MS	   60000
#define CHECK_AGAIN_MS 10000
#define LOST_MS		   60000

/* Questions about sessions at a time. */
#define CHECKS_MAX 64u

/* Frames of a page: a second, and at once. */
static const rate_limit frame_rate = {1000, 20, 100};

#define CLOSE_SIGNED_OUT 4401

static void on_text(ws *w, const char *text, size_t len);
static void on_control(ws *w);
static size_t room(ws *w);
static void on_ended(ws *w, uint16_t code);
static void on_gone(ws *w);
static void on_late(void *arg, timeout *entry);
static void on_tick(uv_timer_t *timer);

static const ws_calls calls = {
	.text = on_text, .control = on_control, .room = room, .ended = on_ended, .gone = on_gone};

desk_sockets *
desk_sockets_new(desk *d)
{
	desk_sockets *s = calloc(1, sizeof(*s));

	if (s == NULL || !desk_notices_init(s))
	{
		free(s);
		return NULL;
	}
	s->d = d;
	timeouts_init(&s->timeouts, d->loop, on_late, s);
	timeouts_limit(&s->timeouts, PHASE_FRAME, FRAME_MS);
	timeouts_limit(&s->timeouts, PHASE_CLOSE, WS_CLOSE_MS);
	uv_timer_init(d->loop, &s->tick);
	s->tick.data = s;
	s->host.loop = d->loop;
	s->host.timeouts = &s->timeouts;
	s->host.calls = &calls;
	s->host.max_out = MAX_OUT;
	s->host.max_message = DESK_MAX_FRAME;
	return s;
}

void
desk_sockets_configure(desk_sockets *s, const wc_config *config)
{
	timeouts_limit(&s->timeouts, PHASE_WELCOME, config->ack_timeout_ms);
	timeouts_limit(&s->timeouts, PHASE_QUIET, config->ping_interval_ms);
	timeouts_limit(&s->timeouts, PHASE_PONG, config->ping_interval_ms);
}

void
desk_sockets_check_head(conn *c, const char *method)
{
	(void) method;
	if (desk_guard_is_on(c))
		http_reply_refuse(c, REFUSE_METHOD_GET, NULL);
}

/* Ask the database whose session it is; false: not now. */
static bool
ask(desk_socket *k)
{
	desk *d = k->set->d;
	char client[ADDRESS_TEXT_SIZE];
	wc_desk_call m;

	if (corridor_io_full(d->corridor))
		return false;
	address_print(&k->caller.client, client);
	memset(&m, 0, sizeof(m));
	m.request = DESK_SOCKET_NUMBER | k->number;
	memcpy(m.session, k->caller.session, WC_HASH_SIZE);
	m.has_session = 1;
	m.function = wc_str_from("socket");
	m.args = wc_str_from("{}");
	m.client = wc_str_from(client);
	m.user = wc_str_from(k->caller.user);
	if (!wc_write_desk_call(corridor_io_out(d->corridor), &m))
		return false;
	corridor_io_nudge(d->corridor);
	k->asked = true;
	k->asked_ms = uv_now(d->loop);
	k->asked_round = k->set->round;
	k->set->asking++;
	return true;
}

static void
end_question(desk_socket *k)
{
	if (k->asked)
		k->set->asking--;
	k->asked = false;
}

/* A place that is free; DESKS_MAX: none, or none for that session. */
static uint32_t
find_place(const desk_sockets *s, const uint8_t session[WC_HASH_SIZE])
{
	uint32_t of_session = 0;
	uint32_t found = DESKS_MAX;

	for (uint32_t i = 0; i < DESKS_MAX; i++)
	{
		if (s->places[i] == NULL)
			found = i;
		else
			of_session += memcmp(s->places[i]->caller.session, session, WC_HASH_SIZE) == 0;
	}
	return of_session < DESKS_MAX_OF_SESSION ? found : DESKS_MAX;
}

/* What is known of a desk that comes, before its connection is taken over. */
typedef struct arrival
{
	desk_sockets *s;
	desk_caller caller;
} arrival;

static void
admit(void *arg, const ws_opening *opening, const ws_handshake *head, refusal verdict, const char *why)
{
	const arrival *a = arg;
	desk_sockets *s = a->s;
	uint32_t place = DESKS_MAX;
	desk_socket *k;

	if (s->closing)
		verdict = REFUSE_CLOSING;
	if (verdict == REFUSE_NOTHING && (place = find_place(s, a->caller.session)) == DESKS_MAX)
		verdict = REFUSE_DESKS;
	if (verdict != REFUSE_NOTHING)
	{
		ws_accept_refuse(s->d->loop, opening, &a->caller.client, verdict, why, NULL);
		return;
	}
	k = calloc(1, sizeof(*k));
	if (k == NULL || !ws_accept_upgrade(opening->fd, head, WS_DESK_PROTOCOL) ||
		!ws_server_start(&k->w, &s->host, opening->fd))
	{
		free(k);
		close(opening->fd);
		return;
	}
	k->set = s;
	k->caller = a->caller;
	k->number = ++s->last * DESKS_MAX + place;
	s->places[place] = k;
	if (s->count++ == 0)
		uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
	timeouts_set(&s->timeouts, &k->w.timeout, PHASE_WELCOME, uv_now(s->d->loop));
	if (!ask(k))
		ws_server_close(&k->w, WS_CLOSE_LATER, "the database is behind; come back shortly");
}

bool
desk_sockets_takeover(void *arg, conn *c, const char *version)
{
	desk *d = arg;
	arrival a = {d->sockets, {.client = c->client}};
	ws_receiver to = {admit, &a};
	refusal why = REFUSE_NOTHING;
	desk_head head;

	if (!desk_guard_is_on(c))
		return false;
	desk_guard_head(d, c, &head);
	if (!desk_head_is_ours(&head, d->origin))
		why = REFUSE_DESK_ORIGIN;
	else if (!d->http->open)
		why = REFUSE_NOT_OPEN;
	else if ((why = desk_guard_user(&head, &a.caller)) == REFUSE_NOTHING)
		why = desk_guard_session(d, &head, &a.caller);
	if (why == REFUSE_NOTHING)
		return ws_takeover(&to, c, version);
	http_reply_refuse(c, why, NULL);
	return false;
}

/* Nothing is told of changes while nobody looks. */
static void
count_open(desk_sockets *s, int more)
{
	bool before = s->open > 0;

	s->open = (uint32_t) ((int) s->open + more);
	metrics_now.desks = s->open;
	if ((s->open > 0) != before)
		wc_write_desk_watch(corridor_io_out(s->d->corridor), &(wc_desk_watch){s->open > 0});
}

static void
sign_out(desk_socket *k)
{
	if (k->state == DESK_ENDED)
		return;
	desk_notices_send(k, "signed_out", NULL);
	ws_server_close(&k->w, CLOSE_SIGNED_OUT, "signed out");
}

/* It is known whose it is: from now on it is told and read. */
static void
open_desk(desk_socket *k, wc_str agent)
{
	size_t len = agent.len < DESK_AGENT_SIZE ? agent.len : DESK_AGENT_SIZE - 1;

	if (len > 0)
		memcpy(k->agent, agent.p, len);
	k->state = DESK_OPEN;
	count_open(k->set, 1);
	timeouts_set(&k->set->timeouts, &k->w.timeout, PHASE_QUIET, uv_now(k->set->d->loop));
	/* Saying it may show that nobody is there any more. */
	if (desk_notices_ready(k))
		ws_server_resume(&k->w);
}

void
desk_sockets_answer(desk_sockets *s, const wc_desk_answer *m)
{
	uint64_t number = m->request & ~DESK_SOCKET_NUMBER;
	desk_socket *k = s->places[number % DESKS_MAX];
	uint64_t now = uv_now(s->d->loop);

	/* It has ended meanwhile. */
	if (k == NULL || k->number != number || k->state == DESK_ENDED)
		return;
	end_question(k);
	if (m->http_status == 200)
	{
		k->checked_ms = now;
		k->checked_round = k->asked_round;
		desk_guard_known(s->d, &k->caller);
		desk_sessions_good(s->d->sessions, k->caller.session, 0);
		if (k->state == DESK_NEW)
			open_desk(k, m->agent);
	}
	else if (m->http_status == 401)
	{
		desk_sessions_gone(s->d->sessions, k->caller.session);
		sign_out(k);
	}
	else if (k->state == DESK_NEW)
		ws_server_close(&k->w, WS_CLOSE_LATER, "the database could not say whose session it is; come back shortly");
	else
		k->checked_ms = now - CHECK_MS + CHECK_AGAIN_MS;
}

void
desk_sockets_changed(desk_sockets *s, const wc_desk_changed *m)
{
	static const uint8_t any[16] = {0};
	desk_conversation which;

	if (!m->aside)
		s->changes++;
	if (m->visitor.len == 0 && memcmp(m->channel, any, 16) == 0)
	{
		s->vague++;
		return;
	}
	if (m->visitor.len == 0 || m->visitor.len > DESK_MAX_VISITOR)
		return;
	memcpy(which.channel, m->channel, 16);
	which.visitor_len = (uint16_t) m->visitor.len;
	memcpy(which.visitor, m->visitor.p, m->visitor.len);
	desk_notices_conversation(s, &which, "conversation");
}

void
desk_sockets_typing(desk_sockets *s, const uint8_t channel[16], const uint8_t visitor[16])
{
	desk_conversation which;
	char id[37];

	if (s->shown.count == 0)
		return;
	wc_uuid_print(visitor, id);
	memcpy(which.channel, channel, 16);
	which.visitor_len = 36;
	memcpy(which.visitor, id, 36);
	desk_notices_conversation(s, &which, "typing");
}

/* Call for all desks, or those of a session. */
static void
each(desk_sockets *s, const uint8_t *session, void (*call)(desk_socket *k))
{
	for (uint32_t i = 0; i < DESKS_MAX; i++)
	{
		if (s->places[i] != NULL &&
			(session == NULL || memcmp(s->places[i]->caller.session, session, WC_HASH_SIZE) == 0))
			call(s->places[i]);
	}
}

void
desk_sockets_sign_out(desk_sockets *s, const uint8_t session[WC_HASH_SIZE])
{
	each(s, session, sign_out);
}

void
desk_sockets_off(desk_sockets *s)
{
	each(s, NULL, sign_out);
}

void
desk_sockets_check(desk_sockets *s)
{
	s->round++;
	s->checking = true;
}

/* Those whose session was heard of too long ago, or may have ended since, a few at a time. */
static void
check(desk_sockets *s)
{
	uint64_t now = uv_now(s->d->loop);

	s->checking = true;
	for (uint32_t i = 0; i < DESKS_MAX; i++)
	{
		desk_socket *k = s->places[i];

		if (s->asking >= CHECKS_MAX)
			return;
		if (k == NULL || k->state != DESK_OPEN)
			continue;
		if (k->asked && now - k->asked_ms >= LOST_MS)
			end_question(k);
		if (!k->asked && (now - k->checked_ms >= CHECK_MS || k->checked_round != s->round) && !ask(k))
			return;
	}
	s->checking = false;
}

static void
on_tick(uv_timer_t *timer)
{
	desk_sockets *s = timer->data;

	desk_notices_changed(s, true);
	desk_notices_expire(s);
	check(s);
}

/* Whoever sends too many, or what is no frame of ours, is no page of ours. */
static bool
count_frame(desk_socket *k)
{
	uint64_t now = uv_now(k->set->d->loop);

	if (rate_limit_wait(k->frames, &frame_rate, now) > 0)
	{
		ws_server_close(&k->w, WS_CLOSE_FLOOD, "too many frames");
		return false;
	}
	k->frames = rate_limit_take(k->frames, &frame_rate, now);
	return true;
}

static void
open_conversation(desk_socket *k, const desk_conversation *which)
{
	if (desk_sessions_has_read(k->set->d->sessions, k->caller.session, desk_frame_tag(which)))
		desk_notices_show(k, which);
	else
		desk_notices_send(k, "unread", which);
}

static void
on_text(ws *w, const char *text, size_t len)
{
	desk_socket *k = (desk_socket *) w;
	desk_conversation which;

	if (!count_frame(k))
		return;
	switch (desk_frame_parse(text, len, &which))
	{
		case DESK_FRAME_BROKEN:
			ws_server_close(w, WS_CLOSE_POLICY, "not a frame of " WS_DESK_PROTOCOL);
			break;
		case DESK_FRAME_OPEN:
			open_conversation(k, &which);
			break;
		case DESK_FRAME_CLOSE:
			desk_notices_show(k, NULL);
			break;
		case DESK_FRAME_TYPING:
			desk_notices_typing(k);
			break;
		case DESK_FRAME_OTHER:
			break;
	}
}

static void
on_control(ws *w)
{
	count_frame((desk_socket *) w);
}

static size_t
room(ws *w)
{
	return ((desk_socket *) w)->state == DESK_NEW ? 0 : READ_BYTES;
}

static void
on_ended(ws *w, uint16_t code)
{
	desk_socket *k = (desk_socket *) w;
	bool open = k->state == DESK_OPEN;

	(void) code;
	end_question(k);
	if (k->shows)
		desk_notices_show(k, NULL);
	k->state = DESK_ENDED;
	if (open)
		count_open(k->set, -1);
}

static void
on_gone(ws *w)
{
	desk_socket *k = (desk_socket *) w;
	desk_sockets *s = k->set;

	s->places[k->number % DESKS_MAX] = NULL;
	if (--s->count == 0)
		uv_timer_stop(&s->tick);
}

static void
on_late(void *arg, timeout *entry)
{
	(void) arg;
	if (entry->phase == PHASE_WELCOME)
		ws_server_close((ws *) entry, WS_CLOSE_LATER, "the database did not answer in time; come back shortly");
	else
		ws_server_late((ws *) entry);
}

void
desk_sockets_run(desk_sockets *s)
{
	if (s->checking)
		check(s);
	desk_notices_changed(s, false);
	desk_notices_colleagues(s);
	ws_server_run(&s->host);
}

static void
say_goodbye(desk_socket *k)
{
	ws_server_close(&k->w, WS_CLOSE_GOING_AWAY, "the server is being stopped or started anew");
}

void
desk_sockets_close(desk_sockets *s)
{
	s->closing = true;
	each(s, NULL, say_goodbye);
}

bool
desk_sockets_drained(const desk_sockets *s)
{
	return s->count == 0;
}

/* Both of its timers are in it. */
static void
on_timer_closed(desk_sockets *s)
{
	if (--s->timers > 0)
		return;
	desk_notices_exit(s);
	free(s);
}

static void
on_timeouts_closed(uv_handle_t *handle)
{
	on_timer_closed(((timeouts *) handle->data)->arg);
}

static void
on_tick_closed(uv_handle_t *handle)
{
	on_timer_closed(handle->data);
}

static void
cut(desk_socket *k)
{
	ws_server_cut(&k->w);
}

void
desk_sockets_free(desk_sockets *s)
{
	s->closing = true;
	each(s, NULL, cut);
	ws_server_run(&s->host);
	ws_server_host_free(&s->host);
	s->timers = 2;
	uv_close((uv_handle_t *) &s->timeouts.timer, on_timeouts_closed);
	uv_close((uv_handle_t *) &s->tick, on_tick_closed);
}
