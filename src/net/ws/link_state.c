/*
 * link_state.c
 *	  How a WebSocket to a hub ends.
 */
#include "ws/link_state.h"

#include <string.h>

#include "ws/ws_server.h"

void
link_state_die(link_socket *s)
{
	s->state = SOCKET_DEAD;
	if (s->polled)
		uv_poll_stop(&s->poll);
	uv_timer_stop(&s->timer);
	s->events = 0;
}

void
link_state_tell(link_socket *s, const link_end *end)
{
	void *arg = s->arg;

	s->arg = NULL;
	if (arg != NULL)
		s->host->calls->ended(arg, end);
}

void
link_state_cut(link_socket *s, const link_end *end)
{
	if (s->state == SOCKET_DEAD)
		return;
	link_state_die(s);
	link_state_tell(s, end);
}

void
link_state_lose(link_socket *s, const char *what)
{
	link_end end = {.code = WS_CLOSE_LOST};

	ws_client_end_say(end.why, "%s %s", s->to->host, what);
	link_state_cut(s, &end);
}

void
link_state_begin_closing(link_socket *s)
{
	s->state = SOCKET_CLOSING;
	s->in_len = s->in_off = 0;
	uv_timer_start(&s->timer, s->host->on_timer, LINK_CLOSE_MS, 0);
}

void
link_state_close(link_socket *s, uint16_t code, const char *reason)
{
	s->arg = NULL;
	if (s->state == SOCKET_OPEN &&
		wslay_event_queue_close(s->ws, code, (const uint8_t *) reason, strlen(reason)) == 0 &&
		wslay_event_send(s->ws) == 0)
		link_state_begin_closing(s);
	else if (s->state != SOCKET_CLOSING && s->state != SOCKET_DEAD)
		link_state_die(s);
}
