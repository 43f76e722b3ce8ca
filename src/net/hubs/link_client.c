/*
 * link_client.c
 *	  Our links to hubs: which there are, when each is dialled, and what the
 *	  worker hears of them.  See link_client.h.
 */
#include "hubs/link_client.h"

#include <string.h>

#include "base/alloc.h"
#include "hubs/link.h"
#include "base/json_load.h"
#include "ws/ws_server.h"

/* Until link_client_configure() has been called. */
#define DEFAULT_CONNECT_MS	 10000
#define DEFAULT_HEARTBEAT_MS 20000

/* What a frame has around its event, in bytes. */
#define ENVELOPE_SIZE 4096

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

static void
on_dial(uv_timer_t *timer)
{
	link_dial(timer->data);
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

/* Dial after a pause, which has at least so many ms; never when all is ending. */
static void
wait_to_dial(hub_link *l, uint32_t least_ms)
{
	uint32_t pause = l->backoff_ms - link_chance(l->backoff_ms / 2);

	l->backoff_ms = l->backoff_ms * 2 < LINK_PAUSE_MOST_MS ? l->backoff_ms * 2 : LINK_PAUSE_MOST_MS;
	if (pause < least_ms)
		pause = least_ms;
	l->phase = WC_LINK_WAITING;
	if (l->client->closing)
		return;
	uv_timer_start(&l->timer, on_dial, pause, 0);
	tell(l, l->phase, pause, 0);
}

void
link_dial(hub_link *l)
{
	uv_timer_stop(&l->timer);
	if (l->to->defect_text != NULL && l->to->defect != WC_OUT_RETRY)
	{
		link_say(l->why, "%s", l->to->defect_text);
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

void
link_hang_up(hub_link *l, uint16_t code, const char *reason, bool wrong)
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
		link_dial(l);
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
			link_take_event(l, &frame);
	}
	json_load_free(&whole);
	if (wrong == NULL)
		return;
	link_say(l->why, "%s %s", l->to->host, wrong);
	link_hang_up(l, WS_CLOSE_POLICY, wrong, true);
}

static size_t
on_room(void *arg)
{
	return link_room(arg);
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
	if (!link_host_init(&c->host, loop, &calls))
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

	link_host_read(&c->host);
	for (l = c->links; l != NULL; l = l->next)
		link_acknowledge(l);
	if (link_host_write(&c->host))
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
		link_acknowledge(l);
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
	link_host_free(&c->host);
	while ((l = c->links) != NULL)
	{
		l->socket = NULL;
		drop_link(c, l);
	}
	uv_close((uv_handle_t *) &c->idle, free_client);
}
