/*
 * link_events.c
 *	  Events that come over our links to hubs: to the worker, and acknowledged
 *	  once it has all of them.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "inbound/event_json.h"
#include "hubs/link.h"
#include "base/log.h"
#include "ws/ws_server.h"

/* A number from 0 to most, by chance. */
uint32_t
link_chance(uint32_t most)
{
	uint32_t chance = 0;

	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		chance = 0;
	return chance % (most + 1);
}

/*
 * Bytes that may be read.  So few that no more events can be whole than there
 * is room for: one may have begun, and each of the others takes LINK_FRAME_LEAST.
 */
size_t
link_room(const hub_link *l)
{
	uint32_t room = link_window_room(&l->window, l->client->max_waiting);

	/* The welcome is no event: it is read though earlier events wait. */
	if (!l->welcomed && room == 0)
		room = 1;
	if (corridor_io_full(l->client->corridor))
		return 0;
	return (size_t) room * LINK_FRAME_LEAST;
}

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

void
link_take_event(hub_link *l, const link_frame *frame)
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
	readable = event_json_parse(frame->event.p, frame->event.len, NULL, &event, &keep, reason);
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
		link_say(l->why, "webchatt-net has no memory for an event of %s", l->to->host);
		link_hang_up(l, WS_CLOSE_LATER, "the subscriber is short of memory", false);
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
	link_say(l->why, "this database was too busy to take an event of %s", l->to->host);
	link_hang_up(l, WS_CLOSE_LATER, "the subscriber is too busy", false);
}

void
link_acknowledge(hub_link *l)
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
