/*
 * net_supervisor.c
 *	  webchatt-net's life as the worker leads it: started, told everything,
 *	  listened to, and started again when it is gone.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "common/corridor.h"
#include "feed/deliveries.h"
#include "feed/feed.h"
#include "feed/link_feed.h"
#include "hubs/reconcile.h"
#include "inbound/inbound.h"
#include "outbound/hub_answers.h"
#include "outbound/outbound.h"
#include "rest/send_requests.h"
#include "rest/webhook_requests.h"
#include "shared/clock.h"
#include "shared/shmem.h"
#include "shared/valid_text.h"
#include "turn/config.h"
#include "turn/frame_memory.h"
#include "turn/net_process.h"
#include "turn/report.h"
#include "visitors/sessions.h"
#include "visitors/typing.h"
#include "worker/ca_file.h"
#include "worker/net_supervisor.h"

/* What is shown of a text of webchatt-net's, in bytes. */
#define WORDS_MOST 1024

/* What is read of its stderr at a time, in bytes. */
#define WORDS_READ 4096

/* The pause before webchatt-net is started again, in ms: half as much more each time. */
#define NET_PAUSE_FIRST_MS 50
#define NET_PAUSE_MOST_MS  10000

/* One that ran this long, in ms, is not away for longer than a part of that. */
#define NET_RAN_MS	  1000
#define NET_RAN_SHARE 10

/* How long webchatt-net may take to end, in ms. */
#define NET_GRACE_MS 2500

static TimestampTz net_started = 0;
static TimestampTz net_not_before = 0;
static int net_pause_ms = 0;
static size_t greeting = 0; /* bytes of what it was told first of all */

/*
 * The pause before the next one, in ms.  It grows while they end at once; one that
 * served for a while is missed, so it is back after a tenth of that.
 */
static int
next_pause(TimestampTz now)
{
	long ran = TimestampDifferenceMilliseconds(net_started, now);
	int grown = net_pause_ms == 0 ? NET_PAUSE_FIRST_MS : Min(net_pause_ms + net_pause_ms / 2, NET_PAUSE_MOST_MS);

	return ran < NET_RAN_MS ? grown : (int) Min(grown, Max(NET_PAUSE_FIRST_MS, ran / NET_RAN_SHARE));
}

/* The database of another worker of this server that listens at an address named in why. */
static bool
find_holder(const char *why, NameData *database, char *address, size_t size)
{
	bool found = false;
	int i;

	LWLockAcquire(wc_shared->lock, LW_SHARED);
	for (i = 0; i < WC_MAX_DATABASES && !found; i++)
	{
		WcSlot *slot = &wc_shared->slots[i];
		char listening[WC_LISTENING_SIZE];
		char *rest = NULL;
		char *one;

		if (slot == worker_slot || slot->worker_pid == 0)
			continue;
		SpinLockAcquire(&slot->mutex);
		memcpy(listening, slot->stats.listening, sizeof(listening));
		SpinLockRelease(&slot->mutex);
		for (one = strtok_r(listening, ", ", &rest); one != NULL && !found; one = strtok_r(NULL, ", ", &rest))
		{
			const char *at = strstr(why, one);

			found = at != NULL && at[strlen(one)] == ':';
			if (found)
			{
				*database = slot->name;
				strlcpy(address, one, size);
			}
		}
	}
	LWLockRelease(wc_shared->lock);
	return found;
}

/* Nobody can connect: say why, and by whom where we know. */
static void
show_lost(const char *why)
{
	char state[WC_STATE_SIZE];
	char address[WC_LISTENING_SIZE];
	NameData database;

	if (find_holder(why, &database, address, sizeof(address)))
	{
		snprintf(state, sizeof(state), "nobody can connect: the worker of database \"%s\" listens on %s",
				 NameStr(database), address);
		worker_set_state(state);
		worker_note_error(psprintf("the worker of database \"%s\" listens on %s: give this one another webchatt.listen "
								   "(ALTER DATABASE ... SET)",
								   NameStr(database), address));
		return;
	}
	snprintf(state, sizeof(state), "nobody can connect: %.*s", pg_mbcliplen(why, (int) strlen(why), sizeof(state) - 21),
			 why);
	worker_set_state(state);
	worker_note_error(why);
}

static wc_str words(wc_str said);
static void take_line(wc_str line, int level);

/*
 * Lines that it wrote to its stderr go into the log as those of frames do: what
 * libraries say before they give up, and whatever one writes that was taken over.
 */
void
net_link_read_words(void)
{
	char said[WORDS_READ];
	int left = net_child_words(&worker_net, said, sizeof(said));
	char *p = said;

	while (left > 0)
	{
		char *end = memchr(p, '\n', left);
		int n = end ? (int) (end - p) : left;
		wc_str line = {p, (uint32_t) n};

		if (n > 0)
			take_line(words(line), LOG);
		n += end ? 1 : 0;
		p += n;
		left -= n;
	}
}

/* webchatt-net is gone, or has to go: why, or NULL where that is meant. */
static void
net_lost(const char *why)
{
	TimestampTz now = wc_clock();

	net_child_stop(&worker_net, NET_GRACE_MS);
	net_link_read_words();
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
	outbound_net_lost(true);
	net_pause_ms = next_pause(now);
	net_not_before = TimestampTzPlusMilliseconds(now, net_pause_ms);
	if (why != NULL)
	{
		worker_stats.net_restarts++;
		show_lost(why);
		ereport(LOG, (errmsg("webchatt: %s; starting webchatt-net again in %d ms", why, net_pause_ms)));
	}
	report_publish();
}

/* Start webchatt-net if it does not run and the pause is over. */
void
net_link_start(TimestampTz now)
{
	char error[WC_ERROR_SIZE];
	wc_hello hello = {WC_CORRIDOR_VERSION, (uint32) worker_stats.net_restarts};

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

/* webchatt-net said hello: tell it everything, and let it open.  It says so once. */
static bool
greet_back(const wc_frame *frame)
{
	wc_hello_back m;

	if (worker_stats.corridor_open || !wc_read_hello_back(frame, &m) || m.version != WC_CORRIDOR_VERSION)
		return false;
	worker_stats.confined = m.confined != 0;
	config_write_settings(&worker_net.out);
	config_write_all(&worker_net.out);
	feeds_write_all(&worker_net.out);
	wc_write_open_up(&worker_net.out, &(wc_open_up){0});
	greeting = worker_net.out.len;
	worker_stats.corridor_open = true;
	return true;
}

static bool
take_stats(const wc_frame *frame)
{
	wc_stats m;

	if (!wc_read_stats(frame, &m))
		return false;
	worker_stats.connections = (int32) m.connections;
	worker_stats.visitors = (int32) m.visitors;
	worker_stats.requests = (int64) m.requests;
	worker_stats.refused = (int64) m.refused;
	worker_stats.turned_away = (int64) m.turned_away;
	return true;
}

/* Its words as they may be shown: text, and not too much of it. */
static wc_str
words(wc_str said)
{
	if (!events_are_text(&said, 1))
		return wc_str_from("(something that is not text)");
	said.len = (uint32) pg_encoding_mbcliplen(PG_UTF8, said.p, (int) said.len, WORDS_MOST);
	return said;
}

static void
take_line(wc_str line, int level)
{
	if (net_link_may_say())
		ereport(level, (errmsg("webchatt-net: %.*s", (int) line.len, line.p)));
}

static bool
take_log(const wc_frame *frame)
{
	wc_log m;

	if (!wc_read_log(frame, &m))
		return false;
	take_line(words(m.text), m.level == WC_LOG_WARNING ? WARNING : m.level == WC_LOG_INFO ? LOG : DEBUG1);
	return true;
}

/* It listens; it says so once. */
static bool
take_opened(const wc_frame *frame)
{
	wc_opened m;
	wc_str text;

	if (!wc_read_opened(frame, &m) || !worker_stats.corridor_open || worker_stats.listening[0] != '\0')
		return false;
	text = words(m.addresses);
	text.len = (uint32) pg_encoding_mbcliplen(PG_UTF8, text.p, (int) text.len, sizeof(worker_stats.listening) - 1);
	snprintf(worker_stats.listening, sizeof(worker_stats.listening), "%.*s", (int) text.len, text.p);
	ereport(LOG, (errmsg("webchatt takes visitors and webhooks for database \"%s\" on %s", NameStr(worker_slot->name),
						 worker_stats.listening)));
	worker_set_state("running");
	report_publish();
	return worker_stats.listening[0] != '\0';
}

static bool
take_failed(const wc_frame *frame)
{
	wc_failed m;
	wc_str text;

	if (!wc_read_failed(frame, &m))
		return false;
	text = words(m.why);
	/* one that could not open its door has sent nothing */
	if (worker_stats.listening[0] == '\0')
		outbound_net_lost(false);
	net_lost(psprintf("webchatt-net cannot go on: %.*s", (int) text.len, text.p));
	return true;
}

/* Who takes a frame; false from it, and every other type, ends the corridor. */
static bool (*const takers[UINT8_MAX + 1])(const wc_frame *) = {
	[WC_F_HELLO_BACK] = greet_back,
	[WC_F_EVENT] = inbound_accept,
	[WC_F_OUTCOME] = hub_answers_accept,
	[WC_F_ARRIVED] = sessions_accept_arrived,
	[WC_F_LEFT] = sessions_accept_left,
	[WC_F_HISTORY_ASK] = sessions_accept_history_ask,
	[WC_F_TYPED] = typing_accept,
	[WC_F_API_SEND] = api_accept,
	[WC_F_API_CALL] = rest_accept,
	[WC_F_CALL_DONE] = keeping_accept_call_done,
	[WC_F_LINK_STATE] = keeping_accept_link_state,
	[WC_F_DELIVERED] = deliveries_accept,
	[WC_F_LINK_CAME] = links_accept_came,
	[WC_F_LINK_ACK] = links_accept_ack,
	[WC_F_LINK_LEFT] = links_accept_left,
	[WC_F_STATS] = take_stats,
	[WC_F_LOG] = take_log,
	[WC_F_OPENED] = take_opened,
	[WC_F_FAILED] = take_failed,
};

static bool
take_frame(const wc_frame *frame)
{
	/* before it has said hello it has nothing to say but why it cannot */
	if (!worker_stats.corridor_open && frame->type != WC_F_HELLO_BACK && frame->type != WC_F_LOG &&
		frame->type != WC_F_FAILED)
		return false;
	return takers[frame->type] != NULL && takers[frame->type](frame);
}

/* Too much waits already, of what it said or of what it has not read. */
bool
net_link_is_full(void)
{
	return inbound_pending() + sessions_pending() + api_pending() + rest_pending() + feeds_pending() >=
			   MAX_PENDING_EVENTS ||
		   frames_bytes() >= MAX_PENDING_BYTES || worker_net.out.len - worker_net.out_done > NET_OUT_LIMIT + greeting;
}

/* Read all frames that are there, unless too much waits already. */
void
net_link_read(void)
{
	wc_frame frame;
	bool alive;

	if (worker_net.fd < 0)
		return;
	alive = net_child_read(&worker_net);
	while (worker_net.fd >= 0 && !net_link_is_full())
	{
		wc_next next = net_child_next(&worker_net, &frame);

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
	if (worker_net.fd < 0)
		return;
	if (!net_child_flush(&worker_net))
		net_lost("webchatt-net closed the corridor");
	else if (worker_net.out.len - worker_net.out_done > NET_OUT_MOST + greeting)
		net_lost("webchatt-net does not read what it is told");
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

/* The worker ends, and webchatt-net with it. */
void
net_link_end(void)
{
	net_child_stop(&worker_net, NET_GRACE_MS);
}

/* When it is to be started; 0: it runs. */
TimestampTz
net_link_next_start(void)
{
	return worker_net.fd >= 0 ? 0 : Max(net_not_before, 1);
}
