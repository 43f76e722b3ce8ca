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
#include "desk/desk_calls.h"
#include "feed/deliveries.h"
#include "feed/feed.h"
#include "feed/link_feed.h"
#include "files/file_calls.h"
#include "files/file_reads.h"
#include "hubs/reconcile.h"
#include "inbound/inbound.h"
#include "outbound/hub_answers.h"
#include "outbound/outbound.h"
#include "rest/send_requests.h"
#include "rest/webhook_requests.h"
#include "shared/clock.h"
#include "shared/shmem.h"
#include "shared/valid_text.h"
#include "turn/changes.h"
#include "turn/config.h"
#include "turn/frame_memory.h"
#include "turn/net_process.h"
#include "turn/report.h"
#include "visitors/pages.h"
#include "visitors/profiles.h"
#include "visitors/ratings.h"
#include "visitors/sessions.h"
#include "visitors/typing.h"
#include "worker/ca_file.h"
#include "worker/net_supervisor.h"
#include "worker/parts.h"

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

		if (slot == report_slot || slot->worker_pid == 0)
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
		report_state(state);
		report_error(psprintf("the worker of database \"%s\" listens on %s: give this one another webchatt.listen "
							  "(ALTER DATABASE ... SET)",
							  NameStr(database), address));
		return;
	}
	snprintf(state, sizeof(state), "nobody can connect: %.*s", pg_mbcliplen(why, (int) strlen(why), sizeof(state) - 21),
			 why);
	report_state(state);
	report_error(why);
}

static wc_str words(wc_str said);
static void take_line(wc_str line, int level);

/*
 * Lines that it wrote to its stderr go into the log as those of frames do: what
 * libraries say before they give up, and whatever one writes that was taken over.
 */
void
net_supervisor_read_words(void)
{
	char said[WORDS_READ];
	int left = net_process_words(&net_process, said, sizeof(said));
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

	net_process_stop(&net_process, NET_GRACE_MS);
	net_supervisor_read_words();
	report_stats.corridor_open = false;
	report_stats.net_pid = 0;
	report_stats.listening[0] = report_stats.desk[0] = '\0';
	report_stats.connections = 0;
	report_stats.visitors = 0;
	parts_net_lost();
	net_pause_ms = next_pause(now);
	net_not_before = TimestampTzPlusMilliseconds(now, net_pause_ms);
	if (why != NULL)
	{
		report_stats.net_restarts++;
		show_lost(why);
		ereport(LOG, (errmsg("webchatt: %s; starting webchatt-net again in %d ms", why, net_pause_ms)));
	}
	report_publish();
}

/* Start webchatt-net if it does not run and the pause is over. */
void
net_supervisor_start(TimestampTz now)
{
	char error[WC_ERROR_SIZE];
	wc_hello hello = {WC_CORRIDOR_VERSION, (uint32) report_stats.net_restarts};

	if (net_process.fd >= 0 || net_not_before > now)
		return;
	net_started = now;
	ca_file_note();
	if (!net_process_start(&net_process, error, sizeof(error)))
	{
		net_lost(error);
		return;
	}
	report_stats.net_pid = net_process.pid;
	wc_write_hello(&net_process.out, &hello);
}

/* webchatt-net said hello: tell it everything, and let it open.  It says so once. */
static bool
greet_back(const wc_frame *frame)
{
	wc_hello_back m;

	if (report_stats.corridor_open || !wc_read_hello_back(frame, &m) || m.version != WC_CORRIDOR_VERSION)
		return false;
	report_stats.confined = m.confined != 0;
	config_write_settings(&net_process.out);
	config_write_all(&net_process.out);
	feed_write_all(&net_process.out);
	wc_write_open_up(&net_process.out, &(wc_open_up){0});
	greeting = net_process.out.len;
	report_stats.corridor_open = true;
	return true;
}

static bool
take_stats(const wc_frame *frame)
{
	wc_stats m;

	if (!wc_read_stats(frame, &m))
		return false;
	report_stats.connections = (int32) m.connections;
	report_stats.visitors = (int32) m.visitors;
	report_stats.requests = (int64) m.requests;
	report_stats.refused = (int64) m.refused;
	report_stats.turned_away = (int64) m.turned_away;
	return true;
}

/* Its words as they may be shown: text, and not too much of it. */
static wc_str
words(wc_str said)
{
	if (!wc_texts_are_valid(&said, 1))
		return wc_str_from("(something that is not text)");
	said.len = (uint32) pg_encoding_mbcliplen(PG_UTF8, said.p, (int) said.len, WORDS_MOST);
	return said;
}

static void
take_line(wc_str line, int level)
{
	if (net_process_may_say())
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

static void
keep_addresses(char to[WC_LISTENING_SIZE], wc_str said)
{
	wc_str text = words(said);

	text.len = (uint32) pg_encoding_mbcliplen(PG_UTF8, text.p, (int) text.len, WC_LISTENING_SIZE - 1);
	snprintf(to, WC_LISTENING_SIZE, "%.*s", (int) text.len, text.p);
}

/* It listens; it says so once. */
static bool
take_opened(const wc_frame *frame)
{
	wc_opened m;

	if (!wc_read_opened(frame, &m) || !report_stats.corridor_open || report_stats.listening[0] != '\0')
		return false;
	keep_addresses(report_stats.listening, m.addresses);
	keep_addresses(report_stats.desk, m.desk);
	ereport(LOG, (errmsg("webchatt takes visitors and webhooks for database \"%s\" on %s", NameStr(report_slot->name),
						 report_stats.listening)));
	if (report_stats.desk[0] != '\0')
		ereport(LOG, (errmsg("webchatt has the desk for database \"%s\" on %s", NameStr(report_slot->name),
							 report_stats.desk)));
	report_state("running");
	report_publish();
	return report_stats.listening[0] != '\0';
}

static bool
take_failed(const wc_frame *frame)
{
	wc_failed m;
	wc_str text;

	if (!wc_read_failed(frame, &m))
		return false;
	text = words(m.why);
	/* one that could not listen has sent nothing */
	if (report_stats.listening[0] == '\0')
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
	[WC_F_PAGE] = pages_accept,
	[WC_F_RATING] = ratings_accept,
	[WC_F_PROFILE] = profiles_accept,
	[WC_F_API_SEND] = send_requests_accept,
	[WC_F_API_RETRACT] = send_requests_accept_retract,
	[WC_F_API_CALL] = webhook_requests_accept,
	[WC_F_CALL_DONE] = reconcile_accept_call_done,
	[WC_F_LINK_STATE] = reconcile_accept_link_state,
	[WC_F_DELIVERED] = deliveries_accept,
	[WC_F_LINK_CAME] = link_feed_accept_came,
	[WC_F_LINK_ACK] = link_feed_accept_ack,
	[WC_F_LINK_LEFT] = link_feed_accept_left,
	[WC_F_DESK_CALL] = desk_calls_accept,
	[WC_F_DESK_WATCH] = changes_take_watch,
	[WC_F_FILE_CALL] = file_calls_accept,
	[WC_F_FILE_READ] = file_reads_accept,
	[WC_F_STATS] = take_stats,
	[WC_F_LOG] = take_log,
	[WC_F_OPENED] = take_opened,
	[WC_F_FAILED] = take_failed,
};

static bool
take_frame(const wc_frame *frame)
{
	/* before it has said hello it has nothing to say but why it cannot */
	if (!report_stats.corridor_open && frame->type != WC_F_HELLO_BACK && frame->type != WC_F_LOG &&
		frame->type != WC_F_FAILED)
		return false;
	return takers[frame->type] != NULL && takers[frame->type](frame);
}

/* Too much waits already, of what it said or of what it has not read. */
bool
net_supervisor_is_full(void)
{
	return parts_pending() >= MAX_PENDING_EVENTS || frame_memory_bytes() >= MAX_PENDING_BYTES ||
		   net_process.out.len - net_process.out_done > NET_OUT_LIMIT + greeting;
}

/* Read all frames that are there, unless too much waits already. */
void
net_supervisor_read(void)
{
	wc_frame frame;
	bool alive;

	if (net_process.fd < 0)
		return;
	alive = net_process_read(&net_process);
	while (net_process.fd >= 0 && !net_supervisor_is_full())
	{
		wc_next next = net_process_next(&net_process, &frame);

		if (next == WC_NEXT_MORE)
			break;
		if (next == WC_NEXT_BROKEN || !take_frame(&frame))
		{
			net_lost("webchatt-net and the worker do not understand each other; "
					 "are they of the same version?");
			return;
		}
	}
	if (net_process.fd >= 0 && !alive)
		net_lost("webchatt-net ended");
}

/* Send what is written for it. */
void
net_supervisor_flush(void)
{
	if (net_process.fd < 0)
		return;
	if (!net_process_flush(&net_process))
		net_lost("webchatt-net closed the corridor");
	else if (net_process.out.len - net_process.out_done > NET_OUT_MOST + greeting)
		net_lost("webchatt-net does not read what it is told");
}

/* Stop it, to be started again at once when there is work. */
void
net_supervisor_stop(void)
{
	if (net_process.pid != 0)
		net_lost(NULL);
	net_not_before = 0;
	net_pause_ms = 0;
}

/* The worker ends, and webchatt-net with it. */
void
net_supervisor_end(void)
{
	net_process_stop(&net_process, NET_GRACE_MS);
}

/* When it is to be started; 0: it runs. */
TimestampTz
net_supervisor_next_start(void)
{
	return net_process.fd >= 0 ? 0 : Max(net_not_before, 1);
}
