/*
 * visitors.c
 *	  The visitors of local channels: settings, the life of a session, what
 *	  happens to all of them.  See visitors.h.
 */
#include "visitors/visitors.h"

#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "common/event_rules.h"
#include "visitors/visitor_admit.h"
#include "visitors/visitor_inflight.h"
#include "visitors/poll_line.h"
#include "visitors/visitor_input.h"
#include "visitors/visitor_output.h"
#include "visitors/visitor_poll.h"
#include "visitors/visitor_session.h"

/* Places in each table of buckets; what is not used costs no memory. */
#define BUCKET_PLACES 65536u

/* What a client may send beyond max_message_size and still hear "too_large". */
#define MESSAGE_SLACK 1024u

/* A frame of at most so many bytes (which is the most that max_message_size can be) is heard out, and refused by itself. */
#define MOST_MESSAGE (1024u * 1024 + MESSAGE_SLACK)

/* The least that a frame may have, so that hello always fits. */
#define LEAST_FRAME 16384u

/* Receipts that one message may cause, for their rate. */
#define RECEIPTS_A_MESSAGE 20u

static void session_ended(ws *w, uint16_t code);
static void session_gone(ws *w);
static size_t session_room(ws *w);
static void on_late(void *arg, timeout *entry);

static const ws_calls calls = {.text = visitor_input_text,
							   .large = visitor_input_large,
							   .control = visitor_input_control,
							   .room = session_room,
							   .ended = session_ended,
							   .gone = session_gone};

visitors *
visitors_new(uv_loop_t *loop, corridor_io *corridor, channels *set)
{
	visitors *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->loop = loop;
	v->corridor = corridor;
	v->channels = set;
	v->sessions = visitor_registry_new();
	v->inflight = inflight_new();
	v->addresses = address_counts_new();
	v->by_visitor = rate_limit_table_new(BUCKET_PLACES);
	v->by_address = rate_limit_table_new(BUCKET_PLACES);
	v->address_bytes = rate_limit_table_new(BUCKET_PLACES);
	v->receipts = rate_limit_table_new(BUCKET_PLACES);
	v->newcomers = rate_limit_table_new(BUCKET_PLACES);
	v->hellos = rate_limit_table_new(BUCKET_PLACES);
	if (!v->sessions || !v->inflight || !v->addresses || !v->by_visitor || !v->by_address || !v->address_bytes ||
		!v->receipts || !v->newcomers || !v->hellos)
		return NULL; /* the program ends: nothing is freed */
	if (!hash_init(&v->polls, poll_line_key))
		return NULL;
	v->stalled.prev_stalled = v->stalled.next_stalled = &v->stalled;
	timeouts_init(&v->timeouts, loop, on_late, v);
	timeouts_limit(&v->timeouts, PHASE_CLOSE, WS_CLOSE_MS);
	v->host.most_message = MOST_MESSAGE;
	v->host.loop = loop;
	v->host.timeouts = &v->timeouts;
	v->host.calls = &calls;
	return v;
}

void
visitors_tell_typing(visitors *v, visitors_typing_fn types, void *arg)
{
	v->types = types;
	v->types_arg = arg;
}

static void
tell_limits(void *arg, visitor_entry *e)
{
	(void) arg;
	if (e->welcomed)
		visitor_output_limits(session_of(e));
}

void
visitors_configure(visitors *v, const wc_config *config)
{
	bool other_limits = v->max_message != config->max_message_size;

	v->max_visitors = config->max_visitors;
	v->max_per_address = config->max_visitors_per_address;
	v->max_message = config->max_message_size;
	v->max_waiting = config->max_waiting;
	v->host.max_out = config->visitor_buffer;
	v->host.max_message = v->max_message + MESSAGE_SLACK;
	if (v->host.max_message < LEAST_FRAME)
		v->host.max_message = LEAST_FRAME;
	v->visitor_rate = (rate_limit){60000, config->visitor_rate, config->visitor_burst};
	v->address_rate = (rate_limit){60000, config->address_rate, config->address_burst};
	v->receipt_rate = (rate_limit){60000, config->visitor_rate * RECEIPTS_A_MESSAGE,
								   config->visitor_burst * RECEIPTS_A_MESSAGE + 2 * VISITOR_MAX_IDS};
	v->newcomer_rate = (rate_limit){3600000, config->new_visitor_rate, config->new_visitor_rate};
	v->address_kb_rate = (rate_limit){3600000, config->address_kb_per_hour, config->address_kb_per_hour};
	v->hello_rate = (rate_limit){60000, config->hello_rate, config->hello_rate};
	timeouts_limit(&v->timeouts, PHASE_HELLO, config->hello_timeout_ms);
	timeouts_limit(&v->timeouts, PHASE_FRAME, config->hello_timeout_ms);
	timeouts_limit(&v->timeouts, PHASE_WELCOME, config->ack_timeout_ms);
	timeouts_limit(&v->timeouts, PHASE_WAIT, config->ack_timeout_ms);
	timeouts_limit(&v->timeouts, PHASE_QUIET, config->ping_interval_ms);
	timeouts_limit(&v->timeouts, PHASE_PONG, config->ping_interval_ms);
	if (other_limits)
		visitor_registry_all(v->sessions, tell_limits, NULL);
}

/* Not read until the worker has room again; those that wait longest go first. */
static void
stall(session *s)
{
	visitors *v = s->v;

	if (s->stalled)
		return;
	s->stalled = true;
	s->next_stalled = &v->stalled;
	s->prev_stalled = v->stalled.prev_stalled;
	s->prev_stalled->next_stalled = s;
	v->stalled.prev_stalled = s;
}

static void
unstall(session *s)
{
	if (!s->stalled)
		return;
	s->stalled = false;
	s->prev_stalled->next_stalled = s->next_stalled;
	s->next_stalled->prev_stalled = s->prev_stalled;
}

/* Bytes that may be read: such that no more events come of them than may wait. */
static size_t
session_room(ws *w)
{
	session *s = (session *) w;
	uint32_t room = visitor_inflight_room(s->v);

	if (s->state == SESSION_ARRIVED)
		return 0; /* until WELCOME */
	if (room == 0)
	{
		stall(s);
		return 0;
	}
	if (s->state == SESSION_HELLO)
		return SESSION_LEAST_FRAME;
	if (s->unacked >= SESSION_MAX_UNACKED || s->receipts >= SESSION_MAX_RECEIPTS)
		return 0; /* until one of them is done */
	if (room > (uint32_t) (SESSION_MAX_UNACKED - s->unacked))
		room = (uint32_t) (SESSION_MAX_UNACKED - s->unacked);
	return (size_t) room * SESSION_LEAST_FRAME;
}

/* It is open no more: nobody finds it, and the worker hears of it. */
static void
session_ended(ws *w, uint16_t code)
{
	session *s = (session *) w;
	visitors *v = s->v;
	wc_left left = {s->entry.number};

	metrics_closed(code);
	unstall(s);
	visitor_registry_drop(v->sessions, &s->entry);
	/* Like an outcome it must not be lost: it goes also when much is waiting. */
	if (s->state == SESSION_ARRIVED || s->state == SESSION_OPEN)
		wc_write_left(corridor_io_out(v->corridor), &left);
	s->state = SESSION_ENDED;
	session_free_arrival(s);
}

/* Its memory is about to go. */
static void
session_gone(ws *w)
{
	session *s = (session *) w;
	visitors *v = s->v;

	if (s->count != NULL)
		address_counts_give(v->addresses, s->count);
	v->connections--;
}

static void
on_late(void *arg, timeout *entry)
{
	ws *w = (ws *) entry;

	switch (entry->phase)
	{
		case PHASE_WAIT:
			visitor_inflight_late(arg, entry);
			break;
		case PHASE_HELLO:
			if (w->paused) /* then it is us who are slow */
				timeouts_set(&((visitors *) arg)->timeouts, entry, PHASE_HELLO, uv_now(((visitors *) arg)->loop));
			else
				ws_server_close(w, WS_CLOSE_NO_HELLO, "no hello came in time");
			break;
		case PHASE_WELCOME:
			ws_server_close(w, WS_CLOSE_INTERNAL, "the visitor could not be welcomed in time; come back shortly");
			break;
		default:
			ws_server_late(w);
	}
}

/* What a channel's change does to its sessions. */
typedef struct change
{
	const wc_channel_put *put; /* NULL: the channel goes */
	const uint8_t *id;
	bool key;	   /* the old key is not valid any more */
	bool required; /* an identity is, from now on */
	bool origins;  /* one is taken away */
	uint64_t tags[WC_MAX_ORIGINS];
} change;

static void
change_one(void *arg, visitor_entry *e)
{
	const change *c = arg;
	session *s = session_of(e);
	int i;

	if (memcmp(e->channel, c->id, 16) != 0)
		return;
	if (c->key)
	{
		ws_server_close(&s->w, WS_CLOSE_KEY, "this public key is not valid any more");
		return;
	}
	if (c->required && s->state == SESSION_OPEN && s->user_tag == 0)
	{
		ws_server_close(&s->w, WS_CLOSE_IDENTITY, "this channel takes those only who say, signed, who they are");
		return;
	}
	for (i = 0; c->origins && i < c->put->norigins; i++)
	{
		if (c->tags[i] == s->origin_tag)
			return;
	}
	if (!c->origins)
		return;
	ws_server_close(&s->w, WS_CLOSE_ORIGIN, "the page's origin was taken off the channel's list");
}

static bool
str_equal(wc_str a, wc_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* Is one of the channel's origins not in the new list? */
static bool
origin_lost(const channel *ch, const wc_channel_put *put)
{
	int i;
	int j;

	for (i = 0; i < ch->norigins; i++)
	{
		for (j = 0; j < put->norigins && !str_equal(ch->origins[i], put->origins[j]); j++)
			;
		if (j == put->norigins)
			return true;
	}
	return false;
}

static void
tell_settings(void *arg, visitor_entry *e)
{
	if (e->welcomed && memcmp(e->channel, arg, 16) == 0)
		visitor_output_settings(session_of(e));
}

void
visitors_channel_put(visitors *v, const wc_channel_put *put)
{
	const channel *ch = channels_find(v->channels, put->id);
	change c = {.put = put, .id = put->id};
	int i;

	if (ch == NULL || !ch->local)
		return;
	c.key = !put->local || !str_equal(ch->public_key, put->public_key);
	if (!c.key && !str_equal(ch->widget, put->widget))
		visitor_registry_all(v->sessions, tell_settings, (void *) put->id);
	c.required = put->identity == WC_IDENTITY_REQUIRED && ch->identity != WC_IDENTITY_REQUIRED;
	c.origins = origin_lost(ch, put);
	if (!c.key && !c.required && !c.origins)
		return;
	for (i = 0; i < put->norigins; i++)
		c.tags[i] = visitor_admit_origin_tag(put->origins[i].p, put->origins[i].len);
	visitor_registry_all(v->sessions, change_one, &c);
}

void
visitors_channel_gone(visitors *v, const uint8_t id[16])
{
	const channel *ch = channels_find(v->channels, id);
	change c = {.id = id, .key = true};

	if (ch != NULL && ch->local)
		visitor_registry_all(v->sessions, change_one, &c);
}

void
visitors_history(visitors *v, const wc_history *history)
{
	visitor_entry *e = visitor_registry_find(v->sessions, history->session);
	session *s = e ? session_of(e) : NULL;

	if (s == NULL || !s->asked)
		return;
	s->asked = false;
	visitor_output_history(s, history);
}

/* Whose token it is that is not valid any more; without one: of whichever. */
static void
end_one(void *arg, visitor_entry *entry)
{
	static const uint8_t whichever[WC_HASH_SIZE];
	const uint8_t *hash = arg;
	session *s = session_of(entry);

	if (memcmp(hash, whichever, WC_HASH_SIZE) == 0 || memcmp(hash, &s->token_tag, sizeof(s->token_tag)) == 0)
		ws_server_close(&s->w, WS_CLOSE_ENDED, "your sessions were ended; begin anew");
}

static void
end_but(void *arg, visitor_entry *entry)
{
	const wc_visitor_again *whose = arg;

	if (entry->number != whose->but)
		ws_server_close(&session_of(entry)->w, WS_CLOSE_AGAIN, "your conversation has become another; say hello again");
}

/* There are messages now that these sessions were not told of. */
void
visitors_again(visitors *v, const wc_visitor_again *whose)
{
	wc_visitor_again copy = *whose;

	(void) visitor_registry_each(v->sessions, whose->channel, whose->visitor, end_but, &copy);
}

/* Their token is not valid any more: clients come back as somebody new. */
void
visitors_end(visitors *v, const wc_visitor_end *whose)
{
	uint8_t hash[WC_HASH_SIZE];

	memcpy(hash, whose->token_hash, sizeof(hash));
	(void) visitor_registry_each(v->sessions, whose->channel, whose->visitor, end_one, hash);
}

void
visitors_push(visitors *v, const wc_send *send, wc_outcome *outcome)
{
	uint8_t visitor[16];

	memset(outcome, 0, sizeof(*outcome));
	outcome->token = send->token;
	if (wc_uuid_parse(send->to.p, send->to.len, visitor) && visitor_output_message_out(v, send, visitor) > 0)
	{
		metrics_now.pushes++;
		wc_uuid_print(send->message, v->out_id);
		outcome->result = WC_OUT_ACCEPTED;
		outcome->hub_status = wc_str_from("sent");
		outcome->hub_message_id = wc_str_from(v->out_id);
		return;
	}
	outcome->result = WC_OUT_NO_SESSION;
	outcome->error_code = wc_str_from("session_not_found");
	outcome->error_message = wc_str_from("The visitor has no open session.");
}

bool
visitors_present(const visitors *v, const uint8_t channel[16], const uint8_t visitor[16])
{
	return visitor_registry_each(v->sessions, channel, visitor, NULL, NULL) > 0;
}

void
visitors_run(visitors *v)
{
	uint32_t room = visitor_inflight_room(v);
	session *s;

	/* As many as may each send one; who finds no room comes to the end again. */
	while (room-- > 0 && (s = v->stalled.next_stalled) != &v->stalled)
	{
		unstall(s);
		ws_server_resume(&s->w);
	}
	visitor_poll_run(v);
	ws_server_run(&v->host);
}

static void
say_goodbye(void *arg, visitor_entry *e)
{
	(void) arg;
	ws_server_close(&session_of(e)->w, WS_CLOSE_GOING_AWAY, "the hub is being stopped or started anew");
}

void
visitors_close(visitors *v)
{
	v->closing = true;
	visitor_registry_all(v->sessions, say_goodbye, NULL);
}

bool
visitors_drained(const visitors *v)
{
	return v->connections == 0;
}

uint32_t
visitors_count(const visitors *v)
{
	return visitor_registry_welcomed(v->sessions);
}

uint32_t
visitors_connections(const visitors *v)
{
	return v->connections;
}

uint32_t
visitors_waiting(const visitors *v)
{
	return inflight_count(v->inflight);
}

static void
on_closed(uv_handle_t *handle)
{
	visitors *v = ((timeouts *) handle->data)->arg;

	visitor_registry_free(v->sessions);
	hash_exit(&v->polls);
	inflight_free(v->inflight);
	address_counts_free(v->addresses);
	rate_limit_table_free(v->by_visitor);
	rate_limit_table_free(v->by_address);
	rate_limit_table_free(v->address_bytes);
	rate_limit_table_free(v->receipts);
	rate_limit_table_free(v->newcomers);
	rate_limit_table_free(v->hellos);
	wc_buf_free(&v->text);
	free(v);
}

static void
cut_one(void *arg, visitor_entry *e)
{
	(void) arg;
	ws_server_cut(&session_of(e)->w);
}

void
visitors_free(visitors *v)
{
	v->closing = true;
	visitor_registry_all(v->sessions, cut_one, NULL);
	timeouts_expire(&v->timeouts, PHASE_CLOSE);
	timeouts_expire(&v->timeouts, PHASE_PONG); /* closed, and not asked about yet */
	visitor_inflight_free(v);
	visitor_poll_run(v);
	ws_server_run(&v->host);
	ws_server_host_free(&v->host);
	uv_close((uv_handle_t *) &v->timeouts.timer, on_closed);
}
