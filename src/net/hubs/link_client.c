/*
 * link_client.c
 *	  A link is dialled again for ever; its events go to the worker, and are
 *	  acknowledged to the hub once all before them are committed.
 */
#include "hubs/link_client.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/json_load.h"
#include "base/log.h"
#include "hubs/link_frame.h"
#include "hubs/link_window.h"
#include "inbound/event_scan.h"
#include "ws/link_socket.h"
#include "ws/ws_server.h"

/* Until link_client_configure() has been called. */
#define DEFAULT_CONNECT_MS	 10000
#define DEFAULT_HEARTBEAT_MS 20000

/* What a frame has around its event, in bytes. */
#define ENVELOPE_SIZE 4096

/* Pauses before the next dial, in ms: doubled from the first to the second. */
#define LINK_PAUSE_LEAST_MS 200u
#define LINK_PAUSE_MOST_MS	30000u

/*
 * After the hub said that another link came with our key: that may have been one
 * of ours, stuck somewhere on the way.  When it says so again within some time,
 * it is another database.
 */
#define LINK_PAUSE_ONCE_MS	 1000u
#define LINK_PAUSE_TWICE_MS	 60000u
#define LINK_TWICE_WITHIN_MS 600000u

/* Refused: a key that is not valid rarely becomes so by itself. */
#define LINK_PAUSE_REFUSED_MS 300000u

/* One that lived so long begins with the shortest pause again, in ms. */
#define LINK_LIVED_MS 10000u

/* What a welcome may say, in seconds. */
#define LINK_HEARTBEAT_LEAST_S 1u
#define LINK_HEARTBEAT_MOST_S  3600u

/* At most one line a link in so many ms on events that are not understood. */
#define LINK_BAD_MS 10000u

/* Of an EVENT's number: WC_LINK_NUMBER, the link's serial, the event's index. */
#define LINK_SERIAL_SHIFT 32
#define LINK_SERIAL_MASK  0x3fffffffu

typedef struct hub_link
{
	struct hub_link *next;
	link_client *client;
	uint32_t hub;
	uint32_t serial; /* another one for each link that ever was */
	target *to;
	uv_timer_t timer;	 /* until the next dial */
	link_socket *socket; /* NULL: waiting, or refused */
	wc_link_phase phase;
	bool welcomed;
	bool acknowledged_any; /* since it was opened */
	bool too_large;		   /* it waits because of a message over max_body_size */
	uint32_t backoff_ms;
	uint64_t opened_at; /* uv_now() */
	uint64_t twice_at;	/* when another last came with our key; 0: never */
	link_window window;
	uint64_t acked;			 /* what the hub has our acknowledgement of */
	uint32_t bad;			 /* events not understood, and not logged */
	uint64_t bad_logged_at;	 /* 0: never */
	char why[LINK_WHY_SIZE]; /* it is not open; empty: no reason yet */

	/* what the worker was told last */
	bool told;
	wc_link_phase told_phase;
	uint32_t told_retry_ms;
	uint64_t told_lost;
	char told_why[LINK_WHY_SIZE];
} hub_link;

struct link_client
{
	uv_loop_t *loop;
	corridor_io *corridor;
	uv_idle_t idle; /* keeps the loop going while there is more to read */
	link_host host;
	hub_link *links;
	uint32_t serials;
	uint32_t heartbeat_ms;
	uint32_t max_waiting;
	bool opened;
	bool closing;
};

/* ---- what the worker hears ---- */

/* Tell it, unless it knows. */
static void
tell(hub_link *l, wc_link_phase phase, uint32_t retry_ms, uint64_t lost)
{
	wc_link_state state;

	if (l->told && l->told_phase == phase && l->told_retry_ms == retry_ms && l->told_lost == lost &&
		strcmp(l->told_why, l->why) == 0)
		return;
	state.hub = l->hub;
	state.phase = (uint8_t) phase;
	state.retry_ms = retry_ms;
	state.lost = lost;
	state.error = wc_str_from(l->why);
	l->told = wc_write_link_state(corridor_io_out(l->client->corridor), &state);
	l->told_phase = phase;
	l->told_retry_ms = retry_ms;
	l->told_lost = lost;
	memcpy(l->told_why, l->why, sizeof(l->told_why));
}

/* ---- dialling ---- */

static void dial(hub_link *l);

static void
on_dial(uv_timer_t *timer)
{
	dial(timer->data);
}

/* Another key or URL is needed; but a proxy may have said so for a moment. */
static void
be_refused(hub_link *l)
{
	uv_timer_stop(&l->timer);
	l->phase = WC_LINK_REFUSED;
	if (!l->client->closing)
		uv_timer_start(&l->timer, on_dial, LINK_PAUSE_REFUSED_MS, 0);
	tell(l, l->phase, 0, 0);
}

/* A number from 0 to most, by chance. */
static uint32_t
chance(uint32_t most)
{
	uint32_t n = 0;

	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		n = 0;
	return n % (most + 1);
}

/* Dial after a pause, which has at least so many ms; never when all is ending. */
static void
wait_to_dial(hub_link *l, uint32_t least_ms)
{
	uint32_t pause = l->backoff_ms - chance(l->backoff_ms / 2);

	l->backoff_ms = l->backoff_ms * 2 < LINK_PAUSE_MOST_MS ? l->backoff_ms * 2 : LINK_PAUSE_MOST_MS;
	if (pause < least_ms)
		pause = least_ms;
	l->phase = WC_LINK_WAITING;
	if (l->client->closing)
		return;
	uv_timer_start(&l->timer, on_dial, pause, 0);
	tell(l, l->phase, pause, 0);
}

static void
dial(hub_link *l)
{
	uv_timer_stop(&l->timer);
	if (l->to->defect_text != NULL && l->to->defect != WC_OUT_RETRY)
	{
		ws_client_end_say(l->why, "%s", l->to->defect_text);
		be_refused(l);
		return;
	}
	l->phase = WC_LINK_CONNECTING;
	l->welcomed = l->acknowledged_any = false;
	l->socket = link_socket_dial(&l->client->host, l->to, l, l->why);
	if (l->socket != NULL)
		tell(l, l->phase, 0, 0); /* the last error stays beside it */
	else
		wait_to_dial(l, LINK_PAUSE_MOST_MS);
}

/* It is over: the next one begins from what the hub has an acknowledgement of. */
static void
forget_socket(hub_link *l)
{
	l->socket = NULL;
	link_window_restart(&l->window, 0);
	if (l->welcomed && (l->acknowledged_any || uv_now(l->client->loop) - l->opened_at >= LINK_LIVED_MS))
		l->backoff_ms = LINK_PAUSE_LEAST_MS;
}

/* How long to stay away when another link came with our key. */
static uint32_t
pause_for_another(hub_link *l)
{
	uint64_t now = uv_now(l->client->loop);
	bool again = l->twice_at != 0 && now - l->twice_at < LINK_TWICE_WITHIN_MS;

	l->twice_at = now;
	return again ? LINK_PAUSE_TWICE_MS : LINK_PAUSE_ONCE_MS;
}

static void
on_ended(void *arg, const link_end *end)
{
	hub_link *l = arg;
	uint32_t least = end->retry_after_ms;

	forget_socket(l);
	memcpy(l->why, end->why, sizeof(l->why));
	l->too_large = end->too_large;
	if (end->http_status == 401 || end->code == LINK_CLOSE_KEY)
	{
		be_refused(l);
		return;
	}
	if (end->code == LINK_CLOSE_TWICE)
		least = pause_for_another(l);
	else if (end->wrong && least < LINK_PAUSE_MOST_MS)
		least = LINK_PAUSE_MOST_MS;
	wait_to_dial(l, least);
}

/* Say goodbye, with the reason in why, and dial later. */
static void
hang_up(hub_link *l, uint16_t code, const char *reason, bool wrong)
{
	link_socket_close(l->socket, code, reason);
	forget_socket(l);
	l->too_large = false;
	wait_to_dial(l, wrong ? LINK_PAUSE_MOST_MS : 0);
}

/* A dial of its own accord would come later, or never. */
static void
dial_now(hub_link *l)
{
	if (l->client->opened && !l->client->closing)
		dial(l);
}

static void
on_welcomed(hub_link *l, const link_frame *welcome)
{
	uint64_t heartbeat_s = welcome->heartbeat_s;
	uint64_t heartbeat_ms;

	if (heartbeat_s < LINK_HEARTBEAT_LEAST_S)
		heartbeat_s = LINK_HEARTBEAT_LEAST_S;
	if (heartbeat_s > LINK_HEARTBEAT_MOST_S)
		heartbeat_s = LINK_HEARTBEAT_MOST_S;
	heartbeat_ms = heartbeat_s * 1000;
	if (heartbeat_ms > l->client->heartbeat_ms)
		heartbeat_ms = l->client->heartbeat_ms;
	link_socket_settle(l->socket, heartbeat_ms);
	link_window_restart(&l->window, welcome->acknowledged);
	l->acked = welcome->acknowledged;
	l->welcomed = true;
	l->opened_at = uv_now(l->client->loop);
	l->phase = WC_LINK_OPEN;
	l->why[0] = '\0';
	tell(l, l->phase, 0, welcome->lost);
}

/* ---- events ---- */

/* The hub will never send a better one: the log says so, and the link goes on. */
static void
log_bad(hub_link *l, uint64_t seq, const char *reason)
{
	uint64_t now = uv_now(l->client->loop);

	if (l->bad_logged_at != 0 && now - l->bad_logged_at < LINK_BAD_MS)
	{
		l->bad++;
		return;
	}
	if (l->bad > 0)
		log_line(WC_LOG_WARNING, "%s sent as event %llu over the link what is none, as were %u before it: %s",
				 l->to->host, (unsigned long long) seq, l->bad, reason);
	else
		log_line(WC_LOG_WARNING, "%s sent as event %llu over the link what is none: %s", l->to->host,
				 (unsigned long long) seq, reason);
	l->bad = 0;
	l->bad_logged_at = now;
}

static void
drop_event(hub_link *l, uint64_t seq, const char *reason)
{
	uint32_t index = link_window_add(&l->window, seq, 0);

	log_bad(l, seq, reason);
	link_window_end(&l->window, index, true);
}

static void
take_event(hub_link *l, const link_frame *frame)
{
	wc_event event;
	event_json keep;
	char reason[WC_REASON_SIZE];
	bool readable;
	bool written;

	if (frame->event.p == NULL)
	{
		drop_event(l, frame->seq, "there is no event in it");
		return;
	}
	readable = event_scan_parse(frame->event.p, frame->event.len, NULL, &event, &keep, reason);
	if (!readable)
	{
		/* the worker keeps it */
		log_bad(l, frame->seq, reason);
		memset(&event, 0, sizeof(event));
		event.kind = WC_EVENT_UNREADABLE;
		event.error_message = wc_str_from(reason);
		event.body = frame->event;
	}
	event.hub = l->hub;
	event.request = WC_LINK_NUMBER | (uint64_t) l->serial << LINK_SERIAL_SHIFT | l->window.next;
	written = wc_write_event(corridor_io_out(l->client->corridor), &event);
	if (readable)
		event_json_free(&keep);
	if (!written)
	{
		ws_client_end_say(l->why, "webchatt-net has no memory for an event of %s", l->to->host);
		hang_up(l, WS_CLOSE_LATER, "the subscriber is short of memory", false);
		return;
	}
	link_window_add(&l->window, frame->seq, frame->event.len);
	corridor_io_nudge(l->client->corridor);
}

void
link_client_event_done(link_client *c, const wc_event_done *done)
{
	uint32_t serial = (uint32_t) (done->request >> LINK_SERIAL_SHIFT) & LINK_SERIAL_MASK;
	bool busy = done->result == WC_DONE_BUSY;
	hub_link *l;

	for (l = c->links; l != NULL && l->serial != serial; l = l->next)
		;
	if (l == NULL || !link_window_end(&l->window, (uint32_t) done->request, !busy))
		return;
	if (!busy || l->socket == NULL)
		return;
	/* What came behind it must not get ahead: all of it comes again. */
	ws_client_end_say(l->why, "this database was too busy to take an event of %s", l->to->host);
	hang_up(l, WS_CLOSE_LATER, "the subscriber is too busy", false);
}

static void
acknowledge(hub_link *l)
{
	char text[64];
	int n;

	if (l->socket == NULL || !l->welcomed || l->window.through <= l->acked)
		return;
	n = snprintf(text, sizeof(text), "{\"type\":\"ack\",\"seq\":%llu}", (unsigned long long) l->window.through);
	l->acked = l->window.through;
	l->acknowledged_any = true;
	link_socket_say(l->socket, text, (size_t) n);
}

/* ---- frames ---- */

static void
on_text(void *arg, const char *text, size_t len)
{
	hub_link *l = arg;
	link_frame frame;
	const char *wrong = NULL;
	json_mended whole;

	json_load_mend(&whole, text, len);
	if (link_frame_read(whole.p, whole.len, &frame, &wrong))
	{
		if (!l->welcomed && frame.type != LINK_FRAME_WELCOME)
			wrong = "did not begin the link with a welcome";
		else if (frame.type == LINK_FRAME_WELCOME && l->welcomed)
			wrong = "sent a second welcome";
		else if (frame.type == LINK_FRAME_WELCOME)
			on_welcomed(l, &frame);
		else if (frame.type == LINK_FRAME_EVENT && frame.seq <= l->window.last)
			wrong = "sent an event whose number does not follow from the one before";
		else if (frame.type == LINK_FRAME_EVENT)
			take_event(l, &frame);
	}
	json_load_free(&whole);
	if (wrong == NULL)
		return;
	ws_client_end_say(l->why, "%s %s", l->to->host, wrong);
	hang_up(l, WS_CLOSE_POLICY, wrong, true);
}

/*
 * Bytes that may be read.  So few that no more events can be whole than there
 * is room for: one may have begun, and each of the others takes LINK_FRAME_LEAST.
 */
static size_t
on_room(void *arg)
{
	const hub_link *l = arg;
	uint32_t room = link_window_room(&l->window, l->client->max_waiting);

	/* The welcome is no event: it is read though earlier events wait. */
	if (!l->welcomed && room == 0)
		room = 1;
	if (corridor_io_full(l->client->corridor))
		return 0;
	return (size_t) room * LINK_FRAME_LEAST;
}

static const link_calls calls = {on_text, on_room, on_ended};

/* ---- the hubs ---- */

static hub_link *
find_link(const link_client *c, uint32_t hub)
{
	hub_link *l;

	for (l = c->links; l != NULL && l->hub != hub; l = l->next)
		;
	return l;
}

static hub_link *
add_link(link_client *c, uint32_t hub)
{
	hub_link *l = net_alloc(sizeof(hub_link));

	l->client = c;
	l->hub = hub;
	l->serial = ++c->serials & LINK_SERIAL_MASK;
	l->backoff_ms = LINK_PAUSE_LEAST_MS;
	uv_timer_init(c->loop, &l->timer);
	l->timer.data = l;
	l->next = c->links;
	c->links = l;
	return l;
}

static void
free_link(uv_handle_t *handle)
{
	free(handle->data);
}

static void
drop_link(link_client *c, hub_link *l)
{
	hub_link **at;

	for (at = &c->links; *at != l; at = &(*at)->next)
		;
	*at = l->next;
	if (l->socket != NULL)
		link_socket_close(l->socket, WS_CLOSE_GOING_AWAY, "the subscriber needs the link no more");
	target_release(l->to);
	uv_close((uv_handle_t *) &l->timer, free_link);
}

/* Another address or key: takes the target over, and dials anew. */
static void
aim(hub_link *l, target *to)
{
	if (l->socket != NULL)
	{
		link_socket_close(l->socket, WS_CLOSE_GOING_AWAY, "the subscriber has another address or key for the hub");
		forget_socket(l);
	}
	target_release(l->to);
	l->to = to;
	l->backoff_ms = LINK_PAUSE_LEAST_MS;
	l->why[0] = '\0';
	dial_now(l);
}

/* ---- the interface ---- */

link_client *
link_client_new(uv_loop_t *loop, corridor_io *corridor)
{
	link_client *c;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	c = net_alloc(sizeof(link_client));
	if (!link_socket_host_init(&c->host, loop, &calls))
	{
		free(c);
		return NULL;
	}
	c->loop = loop;
	c->corridor = corridor;
	c->host.connect_timeout_ms = DEFAULT_CONNECT_MS;
	c->host.max_message = WC_MAX_BODY_SIZE + ENVELOPE_SIZE;
	c->heartbeat_ms = DEFAULT_HEARTBEAT_MS;
	c->max_waiting = LINK_WINDOW;
	uv_idle_init(loop, &c->idle);
	c->idle.data = c;
	return c;
}

/* A message that was too large may fit now. */
static void
set_max_message(link_client *c, uint32_t max_body_size)
{
	bool grown = max_body_size + ENVELOPE_SIZE > c->host.max_message;
	hub_link *l;

	c->host.max_message = max_body_size + ENVELOPE_SIZE;
	for (l = c->links; l != NULL && grown; l = l->next)
	{
		if (l->too_large && l->phase == WC_LINK_WAITING)
			dial_now(l);
	}
}

void
link_client_configure(link_client *c, const wc_config *config)
{
	char *ca_file = NULL;

	if (config->connect_timeout_ms > 0)
		c->host.connect_timeout_ms = config->connect_timeout_ms;
	if (config->heartbeat_ms > 0)
		c->heartbeat_ms = config->heartbeat_ms;
	if (config->max_waiting > 0)
		c->max_waiting = config->max_waiting < LINK_WINDOW ? config->max_waiting : LINK_WINDOW;
	if (config->max_body_size > 0 && config->max_body_size <= WC_MAX_BODY_SIZE)
		set_max_message(c, config->max_body_size);
	if (config->ca_file.len > 0)
	{
		ca_file = net_alloc((size_t) config->ca_file.len + 1);
		memcpy(ca_file, config->ca_file.p, config->ca_file.len);
	}
	free(c->host.ca_file);
	c->host.ca_file = ca_file;
}

void
link_client_hub_put(link_client *c, const wc_hub_put *put)
{
	hub_link *l = find_link(c, put->hub);

	if (!put->link)
		link_client_hub_gone(c, put->hub);
	else if (l == NULL)
		aim(add_link(c, put->hub), target_of_hub(put));
	else if (!target_is_of_hub(l->to, put))
		aim(l, target_of_hub(put));
}

void
link_client_hub_gone(link_client *c, uint32_t id)
{
	hub_link *l = find_link(c, id);

	if (l != NULL)
		drop_link(c, l);
}

void
link_client_open(link_client *c)
{
	hub_link *l;

	c->opened = true;
	for (l = c->links; l != NULL; l = l->next)
		dial_now(l);
}

static void
on_idle(uv_idle_t *idle)
{
	(void) idle; /* the loop comes round: that is all */
}

void
link_client_run(link_client *c)
{
	hub_link *l;

	link_socket_host_read(&c->host);
	for (l = c->links; l != NULL; l = l->next)
		acknowledge(l);
	if (link_socket_host_write(&c->host))
		uv_idle_start(&c->idle, on_idle);
	else
		uv_idle_stop(&c->idle);
}

void
link_client_close(link_client *c)
{
	hub_link *l;

	c->closing = true;
	for (l = c->links; l != NULL; l = l->next)
	{
		uv_timer_stop(&l->timer);
		if (l->socket == NULL)
			continue;
		acknowledge(l);
		if (l->socket != NULL)
			link_socket_close(l->socket, WS_CLOSE_GOING_AWAY, "the subscriber stops");
		l->socket = NULL;
	}
}

bool
link_client_drained(const link_client *c)
{
	return c->host.sockets == NULL;
}

static void
free_client(uv_handle_t *handle)
{
	free(handle->data);
	curl_global_cleanup();
}

void
link_client_free(link_client *c)
{
	hub_link *l;

	c->closing = true;
	link_socket_host_free(&c->host);
	while ((l = c->links) != NULL)
	{
		l->socket = NULL;
		drop_link(c, l);
	}
	uv_close((uv_handle_t *) &c->idle, free_client);
}
