/*
 * net_link.c
 *	  webchatt-net's life as the worker leads it: started, told everything,
 *	  listened to, and started again when it is gone.
 */
#include "worker.h"

/* The pause before webchatt-net is started again, in ms: doubled each time. */
#define NET_PAUSE_FIRST_MS	50
#define NET_PAUSE_MOST_MS	10000

/* webchatt-net that ran this long was in order, in ms. */
#define NET_RAN_WELL_MS		10000

/* How long webchatt-net may take to end, in ms. */
#define NET_GRACE_MS		2500

NetChild	worker_net;

static TimestampTz net_started = 0;
static TimestampTz net_not_before = 0;
static int	net_pause_ms = 0;

/* webchatt-net is gone, or has to go: why, or NULL where that is meant. */
static void
net_lost(const char *why)
{
	TimestampTz now = wc_clock();

	net_child_stop(&worker_net, NET_GRACE_MS);
	worker_stats.corridor_open = false;
	worker_stats.net_pid = 0;
	worker_stats.listening[0] = '\0';
	worker_stats.connections = 0;
	worker_stats.visitors = 0;
	inbound_forget();
	sessions_forget();
	api_forget();
	rest_forget();
	keeping_net_lost();
	feeds_net_lost();
	outbound_net_lost();
	if (TimestampDifferenceExceeds(net_started, now, NET_RAN_WELL_MS))
		net_pause_ms = 0;
	net_pause_ms = net_pause_ms == 0 ? NET_PAUSE_FIRST_MS : Min(net_pause_ms * 2, NET_PAUSE_MOST_MS);
	net_not_before = TimestampTzPlusMilliseconds(now, net_pause_ms);
	if (why != NULL)
	{
		worker_stats.net_restarts++;
		worker_note_error(why);
		ereport(LOG, (errmsg("webchatt: %s; starting webchatt-net again in %d ms", why, net_pause_ms)));
	}
	worker_publish(false);
}

/* Start webchatt-net if it does not run and the pause is over. */
void
net_link_start(TimestampTz now)
{
	char		error[WC_ERROR_SIZE];
	wc_hello	hello = {WC_CORRIDOR_VERSION};

	if (worker_net.fd >= 0 || net_not_before > now)
		return;
	net_started = now;
	ca_file_note();
	if (!net_child_start(&worker_net, error, sizeof(error)))
	{
		net_lost(error);
		return;
	}
	worker_stats.net_pid = worker_net.pid;
	wc_write_hello(&worker_net.out, &hello);
}

/* webchatt-net said hello: tell it everything, and let it open. */
static bool
greet_back(const wc_frame *frame)
{
	wc_hello_back m;

	if (!wc_read_hello_back(frame, &m) || m.version != WC_CORRIDOR_VERSION)
		return false;
	worker_stats.confined = m.confined != 0;
	config_write_settings(&worker_net.out);
	config_write_all(&worker_net.out);
	feeds_write_all(&worker_net.out);
	wc_write_empty(&worker_net.out, WC_F_OPEN);
	worker_stats.corridor_open = true;
	return true;
}

static void
note_stats(const wc_frame *frame)
{
	wc_stats	m;

	if (!wc_read_stats(frame, &m))
		return;
	worker_stats.connections = (int32) m.connections;
	worker_stats.visitors = (int32) m.visitors;
	worker_stats.requests = (int64) m.requests;
	worker_stats.refused = (int64) m.refused;
	worker_stats.turned_away = (int64) m.turned_away;
}

static bool
take_text(const wc_frame *frame)
{
	wc_text		m;

	if (!wc_read_text(frame, &m))
		return false;
	switch (frame->type)
	{
		case WC_F_LOG:
			ereport(m.level == WC_LOG_WARNING ? WARNING : m.level == WC_LOG_INFO ? LOG : DEBUG1,
					(errmsg("webchatt-net: %.*s", (int) m.text.len, m.text.p)));
			break;
		case WC_F_OPENED:
			snprintf(worker_stats.listening, sizeof(worker_stats.listening), "%.*s",
					 (int) m.text.len, m.text.p);
			ereport(LOG, (errmsg("webchatt takes visitors and webhooks for database \"%s\" on %s",
								 NameStr(worker_slot->name), worker_stats.listening)));
			worker_publish(false);
			break;
		default:
			net_lost(psprintf("webchatt-net cannot go on: %.*s", (int) m.text.len, m.text.p));
			break;
	}
	return true;
}

static bool
take_frame(const wc_frame *frame)
{
	switch (frame->type)
	{
		case WC_F_HELLO_BACK:
			return greet_back(frame);
		case WC_F_EVENT:
			return inbound_accept(frame);
		case WC_F_OUTCOME:
			return outbound_accept(frame);
		case WC_F_ARRIVED:
		case WC_F_LEFT:
		case WC_F_HISTORY_ASK:
			return sessions_accept(frame);
		case WC_F_TYPED:
			return typing_accept(frame);
		case WC_F_API_SEND:
			return api_accept(frame);
		case WC_F_API_CALL:
			return rest_accept(frame);
		case WC_F_CALL_DONE:
		case WC_F_LINK_STATE:
			return keeping_accept(frame);
		case WC_F_DELIVERED:
		case WC_F_LINK_CAME:
		case WC_F_LINK_ACK:
		case WC_F_LINK_LEFT:
			return feeds_accept(frame);
		case WC_F_STATS:
			note_stats(frame);
			return true;
		case WC_F_LOG:
		case WC_F_OPENED:
		case WC_F_FAILED:
			return take_text(frame);
		default:
			return false;
	}
}

/* Read all frames that are there, unless too much waits already. */
void
net_link_read(void)
{
	wc_frame	frame;
	bool		alive;

	if (worker_net.fd < 0)
		return;
	alive = net_child_read(&worker_net);
	while (worker_net.fd >= 0 &&
		   inbound_pending() + sessions_pending() + api_pending() + rest_pending() + feeds_pending() < MAX_PENDING_EVENTS)
	{
		wc_next		next = net_child_next(&worker_net, &frame);

		if (next == WC_NEXT_MORE)
			break;
		if (next == WC_NEXT_BROKEN || !take_frame(&frame))
		{
			net_lost("webchatt-net and the worker do not understand each other; "
					 "are they of the same version?");
			return;
		}
	}
	if (worker_net.fd >= 0 && !alive)
		net_lost("webchatt-net ended");
}

/* Send what is written for it. */
void
net_link_flush(void)
{
	if (worker_net.fd >= 0 && !net_child_flush(&worker_net))
		net_lost("webchatt-net closed the corridor");
}

/* Stop it, to be started again at once when there is work. */
void
net_link_stop(void)
{
	if (worker_net.pid != 0)
		net_lost(NULL);
	net_not_before = 0;
	net_pause_ms = 0;
}

/* What is written for it and not yet sent must not be told. */
void
net_link_drop_output(void)
{
	wc_buf_reset(&worker_net.out);
	worker_net.out_done = 0;
}

/* The worker ends, and webchatt-net with it. */
void
net_link_end(void)
{
	net_child_stop(&worker_net, NET_GRACE_MS);
}

/* Is it there, and not behind with what it was told? */
bool
net_link_has_room(void)
{
	return worker_net.fd >= 0 && worker_stats.corridor_open &&
		worker_net.out.len - worker_net.out_done <= NET_OUT_LIMIT / 2;
}

/* When it is to be started; 0: it runs. */
TimestampTz
net_link_next_start(void)
{
	return worker_net.fd >= 0 ? 0 : Max(net_not_before, 1);
}
