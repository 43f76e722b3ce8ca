/*
 * desk_calls.c
 *	  The desk's calls as the worker hands them on: from webchatt-net to the desk worker,
 *	  and its answers back.  The worker runs no SQL for them, so no visitor waits for
 *	  what an agent asks for.
 *
 * The desk worker is started with the first call.  When it dies, those that it had are
 * answered that they can be tried again, as it is not known how far it was; the others
 * go to the next one.  So they do when it lives and is silent for longer than any call
 * may take: it is told to end, and where it does not hear that either (it is stopped, or
 * stays in a function of somebody's C), it is left alone with its queue.
 *
 * There are two such lanes, each with a worker of its own: one for searches, so that nobody's
 * inbox waits for them, and one for the rest.  A third has no calls: its worker is there while conversations are to leave
 * (webchatt.set_retention()).  By a fourth archives are read, older pages for visitors and for the desk and exports of the
 * REST API, one at a time, so that those behind one that an archive is slow with can be told so.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/corridor.h"
#include "common/event_rules.h"
#include "desk/archive_page.h"
#include "desk/desk_calls.h"
#include "desk/desk_queue.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "shared/valid_text.h"
#include "turn/archive_asks.h"
#include "turn/changes.h"
#include "turn/frame_memory.h"
#include "turn/net_process.h"
#include "turn/report.h"

/* Calls that wait for their answer; more are turned away. */
static const int calls_most[DESK_LANES] = {
	[DESK_LANE_CALLS] = 256, [DESK_LANE_SEARCH] = 64, [DESK_LANE_RETENTION] = 0, [DESK_LANE_ARCHIVE] = 256};

/* How long one may wait before the desk worker has it, in ms. */
#define CALL_MS 30000

/*
 * The pause before the desk worker is started again, in ms, and how long it stays without a call; and the pause where
 * that by which conversations leave could not be started.
 */
#define PAUSE_MS		   1000
#define IDLE_MS			   (5 * 60 * 1000)
#define RETENTION_PAUSE_MS 30000

/*
 * How long the desk worker may be silent beyond webchatt.desk_statement_timeout, and how often that is looked at,
 * in ms.  Where we did not look for longer than the third, it may have had as little time as we.
 */
#define SILENT_MS 5000
#define LOOK_MS	  1000
#define GAP_MS	  3000

/* Those that were left alone, and live. */
#define LEFT_MOST 3

/* Bytes of what the function's name, the address and the browser's words may have. */
#define WORDS_MOST 4096

typedef struct DeskCall
{
	dlist_node node;
	uint64 request;
	TimestampTz since;
	bool sent;		  /* the desk worker has it, as a whole */
	ArchiveKind kind; /* in the lane of archives: whose it is */
	uint8 channel[16];
	uint32 len;
	char payload[FLEXIBLE_ARRAY_MEMBER];
} DeskCall;

typedef struct Lane
{
	const char *name; /* of its worker, and what it is in pg_stat_activity */
	DeskLane number;
	dlist_head calls; /* in the order in which they came, which is that of their answers */
	int ncalls;
	DeskQueue queue;
	BackgroundWorkerHandle *worker; /* NULL: none runs, that we know of */
	TimestampTz not_before;
	bool warned;
	/* the call that the worker was seen at, since when, and when that was looked at last; 0: none */
	uint64 seen_call;
	TimestampTz seen_since;
	TimestampTz last_look;
	BackgroundWorkerHandle *left_alone[LEFT_MOST];
	int nleft;
} Lane;

static Lane lanes[DESK_LANES] = {
	[DESK_LANE_CALLS] = {.name = "webchatt desk",
						 .number = DESK_LANE_CALLS,
						 .calls = DLIST_STATIC_INIT(lanes[DESK_LANE_CALLS].calls)},
	[DESK_LANE_SEARCH] = {.name = "webchatt search",
						  .number = DESK_LANE_SEARCH,
						  .calls = DLIST_STATIC_INIT(lanes[DESK_LANE_SEARCH].calls)},
	[DESK_LANE_RETENTION] = {.name = "webchatt retention",
							 .number = DESK_LANE_RETENTION,
							 .calls = DLIST_STATIC_INIT(lanes[DESK_LANE_RETENTION].calls)},
	[DESK_LANE_ARCHIVE] = {.name = "webchatt archive",
						   .number = DESK_LANE_ARCHIVE,
						   .calls = DLIST_STATIC_INIT(lanes[DESK_LANE_ARCHIVE].calls)},
};

/* Conversations are to leave. */
static bool retention_wanted = false;

/* Of either lane: their workers stay as long as the desk is used, for that of searches has its index to keep up. */
static TimestampTz last_call = 0;

/* Is its worker to be there though nothing is asked of it? */
static bool
is_wanted(const Lane *lane)
{
	return lane->number == DESK_LANE_RETENTION && retention_wanted;
}

/* In a turn: what the configuration says. */
void
desk_calls_configure(void)
{
	bool isnull;

	wc_run(WC_ANY_RETENTION, NULL, NULL);
	retention_wanted = DatumGetBool(wc_field(0, 1, &isnull));
	archive_asks_configure();
}

/* What a visitor or the REST API asked for. */
static void
read_ask(const DeskCall *call, ArchiveAsk *ask)
{
	wc_frame frame = {WC_F_DESK_CALL, call->payload, call->len};
	wc_desk_call m;

	memset(ask, 0, sizeof(*ask));
	if (wc_read_desk_call(&frame, &m) && m.args.len == sizeof(*ask))
		memcpy(ask, m.args.p, sizeof(*ask));
}

/* A page, or NULL: it could not be read now. */
static void
answer_ask(const ArchiveAsk *ask, const wc_str *messages, bool more, wc_buf *out)
{
	wc_history m = {.session = ask->number, .busy = messages == NULL, .more = more ? 1 : 0};

	memcpy(m.before, ask->from, sizeof(m.before));
	m.messages = messages ? *messages : wc_str_from("[]");
	(void) wc_write_history(out, &m);
}

/* The archive is left alone for a while; the first time that is said. */
static void
note_unreadable(const DeskCall *call, TimestampTz now, const char *problem)
{
	static const char *const whom[] = {"visitors", "the desk", "the REST API"};
	char channel[37];

	wc_uuid_print(call->channel, channel);
	if (!archive_asks_failed(call->kind, call->channel, now))
		return;
	problem = psprintf("the archive of channel %s cannot be read for %s: %s", channel, whom[call->kind], problem);
	report_error(problem);
	ereport(LOG, (errmsg("webchatt: %s", problem), errhint("They see what is here, and it is tried again; try "
														   "webchatt.history(), and see webchatt.archive_timeout.")));
}

static void
refuse(uint64 request, const char *code, const char *message, wc_buf *out)
{
	wc_desk_answer m = {.request = request, .http_status = 503};

	m.body = wc_str_from(psprintf("{\"errorCode\": \"%s\", \"errorMessage\": \"%s\"}", code, message));
	(void) wc_write_desk_answer(out, &m);
}

static void
answer_rest(uint64 request, uint32 status, wc_str body, wc_buf *out)
{
	wc_api_answer m = {.request = request, .http_status = status, .body = body};

	(void) wc_write_api_answer(out, &m);
}

/* What an archive was asked for cannot be read now. */
static void
refuse_archived(ArchiveKind kind, const ArchiveAsk *ask, uint64 request, wc_buf *out)
{
	if (kind == ARCHIVE_OF_VISITOR)
		answer_ask(ask, NULL, true, out);
	else if (kind == ARCHIVE_OF_AGENT)
		refuse(request, ARCHIVE_AWAY, ARCHIVE_AWAY_SAYS, out);
	else
		answer_rest(request, 503, wc_str_from(""), out);
}

static void
forget(Lane *lane, DeskCall *call)
{
	dlist_delete(&call->node);
	frame_memory_free(call);
	lane->ncalls--;
}

/* Whoever asked hears that, and it is forgotten. */
static void
turn_down(Lane *lane, DeskCall *call, const char *message, wc_buf *out)
{
	if (lane->number == DESK_LANE_ARCHIVE)
	{
		ArchiveAsk ask;

		read_ask(call, &ask);
		refuse_archived(call->kind, &ask, call->request, out);
	}
	else
		refuse(call->request, "busy", message, out);
	forget(lane, call);
}

static bool
plausible(const wc_desk_call *m)
{
	wc_str texts[] = {m->function, m->args, m->client, m->user_agent, m->user};

	return m->args.len <= WC_MAX_DESK_ARGS &&
		   m->function.len + m->client.len + m->user_agent.len + m->user.len <= WORDS_MOST &&
		   wc_texts_are_valid(texts, lengthof(texts));
}

/* What may take long, and is not what somebody waits for with a visitor before them. */
static Lane *
lane_of(wc_str function)
{
	if (wc_str_equals(function, ARCHIVE_DESK_CALL))
		return &lanes[DESK_LANE_ARCHIVE];
	return &lanes[wc_str_equals(function, "search") ? DESK_LANE_SEARCH : DESK_LANE_CALLS];
}

static void
keep(Lane *lane, ArchiveKind kind, const wc_desk_call *m, const wc_frame *frame)
{
	DeskCall *call = frame_memory_hold(offsetof(DeskCall, payload) + frame->len);

	call->request = m->request;
	call->kind = kind;
	memcpy(call->channel, m->channel, sizeof(call->channel));
	call->since = wc_clock();
	call->len = frame->len;
	memcpy(call->payload, frame->payload, frame->len);
	dlist_push_tail(&lane->calls, &call->node);
	lane->ncalls++;
}

/* Take a call; false when it is none. */
bool
desk_calls_accept(const wc_frame *frame)
{
	wc_desk_call m;
	Lane *lane;

	if (!wc_read_desk_call(frame, &m) || !plausible(&m))
		return false;
	lane = lane_of(m.function);
	if (lane->ncalls >= calls_most[lane->number])
	{
		refuse(m.request, "busy", "Too many calls of the desk are waiting; try again shortly.", &net_process.out);
		return true;
	}
	if (lane->number == DESK_LANE_ARCHIVE && archive_asks_pause(ARCHIVE_OF_AGENT, m.channel) > wc_clock())
	{
		refuse(m.request, ARCHIVE_AWAY, ARCHIVE_AWAY_SAYS, &net_process.out);
		return true;
	}
	keep(lane, ARCHIVE_OF_AGENT, &m, frame);
	return true;
}

/* Take what turns found nothing of here. */
static void
take_asks(TimestampTz now, wc_buf *out)
{
	Lane *lane = &lanes[DESK_LANE_ARCHIVE];
	ArchiveAsk ask;

	while (archive_asks_next(&ask))
	{
		wc_desk_call m = {.request = ask.number};
		wc_buf bytes = {0};
		wc_frame frame;
		size_t used;

		m.function = wc_str_from("archive_page");
		m.args = (wc_str){(const char *) &ask, sizeof(ask)};
		memcpy(m.channel, ask.channel, sizeof(m.channel));
		if (lane->ncalls < calls_most[lane->number] && archive_asks_pause(ask.kind, ask.channel) <= now &&
			wc_write_desk_call(&bytes, &m) && wc_frame_next(bytes.data, bytes.len, &frame, &used) == WC_NEXT_FRAME)
			keep(lane, ask.kind, &m, &frame);
		else
			refuse_archived(ask.kind, &ask, ask.number, out);
		wc_buf_free(&bytes);
	}
}

/* Those that the archive is slow for are told so, but the one that it is at. */
static void
turn_away_asks(TimestampTz now, wc_buf *out)
{
	Lane *lane = &lanes[DESK_LANE_ARCHIVE];
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &lane->calls)
	{
		DeskCall *call = dlist_container(DeskCall, node, iter.cur);

		if (call->sent)
			continue;
		if (archive_asks_pause(call->kind, call->channel) > now ||
			TimestampDifferenceExceeds(call->since, now, wc_archive_timeout))
			turn_down(lane, call, NULL, out);
	}
}

static void
stop(Lane *lane)
{
	desk_queue_close(&lane->queue);
	if (lane->worker != NULL)
		pfree(lane->worker);
	lane->worker = NULL;
}

/* Nobody hears of those that the desk worker had: they may be carried out or not.  The others wait for the next one. */
static void
refuse_sent(Lane *lane, wc_buf *out)
{
	while (!dlist_is_empty(&lane->calls))
	{
		DeskCall *call = dlist_head_element(DeskCall, node, &lane->calls);

		if (!call->sent)
			break;
		turn_down(lane, call, "The desk was interrupted; look whether it was done, and try again.", out);
	}
}

static void
refuse_all(Lane *lane, const char *message, wc_buf *out)
{
	while (!dlist_is_empty(&lane->calls))
	{
		turn_down(lane, dlist_head_element(DeskCall, node, &lane->calls), message, out);
	}
}

/* It has ended by itself. */
static void
note_ended(Lane *lane, TimestampTz now, wc_buf *out)
{
	stop(lane);
	lane->not_before = TimestampTzPlusMilliseconds(now, PAUSE_MS);
	refuse_sent(lane, out);
}

/* Have any of those that were left alone ended? */
static void
count_left(Lane *lane)
{
	int i;

	for (i = lane->nleft - 1; i >= 0; i--)
	{
		pid_t pid;
		BgwHandleStatus status = GetBackgroundWorkerPid(lane->left_alone[i], &pid);

		if (status != BGWH_STARTED && status != BGWH_NOT_YET_STARTED)
		{
			pfree(lane->left_alone[i]);
			lane->left_alone[i] = lane->left_alone[--lane->nleft];
		}
	}
}

/* It lives and cannot be used: tell it to end, and go on without it.  why: completes a sentence. */
static void
leave_alone(Lane *lane, TimestampTz now, const char *why, wc_buf *out)
{
	pid_t pid = 0;

	(void) GetBackgroundWorkerPid(lane->worker, &pid);
	report_error(psprintf("the desk's process %d %s; it was told to end, and another one is started", (int) pid, why));
	ereport(WARNING, (errcode(ERRCODE_QUERY_CANCELED), errmsg("webchatt's desk worker (PID %d) %s", (int) pid, why),
					  errdetail("It was told to end, and another one is started."),
					  errhint("If it is still there, look what it is at: a function in C, or a debugger?")));
	TerminateBackgroundWorker(lane->worker);
	Assert(lane->nleft < LEFT_MOST);
	lane->left_alone[lane->nleft++] = lane->worker;
	lane->worker = NULL;
	note_ended(lane, now, out);
}

static bool
register_worker(Lane *lane)
{
	BackgroundWorker worker;
	MemoryContext old;
	bool registered;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "webchatt");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "webchatt_desk_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "%s for database \"%s\"", lane->name, NameStr(report_slot->name));
	snprintf(worker.bgw_type, BGW_MAXLEN, "%s", lane->name);
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(lane->queue.segment));
	worker.bgw_notify_pid = MyProcPid;
	old = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, &lane->worker);
	MemoryContextSwitchTo(old);
	return registered;
}

/* Everybody hears that, and the log once.  no_memory: why there is no queue; NULL: there is no process. */
static void
note_not_started(Lane *lane, const char *no_memory, wc_buf *out)
{
	if (!lane->warned)
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("webchatt could not start its desk worker for database \"%s\"", NameStr(report_slot->name)),
				 no_memory ? errdetail("There is no shared memory for it: %s.", no_memory) : 0,
				 no_memory ? errhint("Make room where dynamic_shared_memory_type has it, /dev/shm perhaps.")
						   : errhint("Raise max_worker_processes: all of them are taken.")));
	lane->warned = true;
	if (lane->number == DESK_LANE_RETENTION)
	{
		lane->not_before = TimestampTzPlusMilliseconds(wc_clock(), RETENTION_PAUSE_MS);
		report_error(
			"conversations do not leave: there is no process, or no shared memory, for webchatt.set_retention()");
		return;
	}
	if (lane->number == DESK_LANE_ARCHIVE)
	{
		report_error("archives cannot be read: there is no process, or no shared memory, for it");
		refuse_all(lane, NULL, out);
		return;
	}
	if (no_memory)
	{
		report_error(psprintf("the desk cannot be used: there is no shared memory for its worker: %s", no_memory));
		refuse_all(lane, "The database has no shared memory for the desk: its operator makes room for it.", out);
		return;
	}
	report_error("the desk cannot be used: its worker could not be started; raise max_worker_processes");
	refuse_all(lane, "The database has no process for the desk: its operator raises max_worker_processes.", out);
}

/* Start the desk worker.  Where that cannot be, everybody hears so. */
static void
start(Lane *lane, TimestampTz now, wc_buf *out)
{
	const char *no_memory;

	count_left(lane);
	if (lane->nleft == LEFT_MOST)
	{
		lane->not_before = TimestampTzPlusMilliseconds(now, PAUSE_MS);
		refuse_all(lane, "The desk's processes do not answer; the server's log says which.", out);
		return;
	}
	no_memory = desk_queue_create(&lane->queue, MyDatabaseId, lane->number);
	if (no_memory == NULL && register_worker(lane))
	{
		desk_queue_join(&lane->queue, lane->worker);
		if (!is_wanted(lane))
			last_call = now;
		lane->warned = false;
		return;
	}
	stop(lane);
	lane->not_before = TimestampTzPlusMilliseconds(now, PAUSE_MS);
	note_not_started(lane, no_memory, out);
}

/* Out of an archive; frame: that of the answer, whole.  Why it could not be read is for us alone. */
static void
take_archived(const DeskCall *call, const wc_desk_answer *m, wc_str frame, wc_buf *out)
{
	bool is_read = m->http_status != ARCHIVE_PAGE_ERROR;
	ArchiveAsk ask;

	if (is_read)
		archive_asks_read(call->kind, call->channel);
	else
		note_unreadable(call, wc_clock(), psprintf("%.*s", (int) m->body.len, m->body.p));
	read_ask(call, &ask);
	if (!is_read)
		refuse_archived(call->kind, &ask, call->request, out);
	else if (call->kind == ARCHIVE_OF_AGENT)
		(void) wc_buf_append(out, frame.p, frame.len);
	else if (call->kind == ARCHIVE_OF_REST)
		answer_rest(call->request, m->http_status, m->body, out);
	else
		answer_ask(&ask, &m->body, m->http_status != ARCHIVE_PAGE_LAST, out);
}

/*
 * An answer goes to webchatt-net as it is; a line of the log is for the status.  False: that is no answer to the call
 * that is first, so whatever comes behind it would be taken for another one's, too.
 */
static bool
take(Lane *lane, const char *data, Size len, wc_buf *out)
{
	wc_frame frame;
	size_t used;
	wc_desk_answer m;
	wc_log said;

	DeskCall *call;

	if (wc_frame_next(data, len, &frame, &used) != WC_NEXT_FRAME || used != len)
		return false;
	if (frame.type == WC_F_LOG && wc_read_log(&frame, &said))
	{
		report_error(psprintf("%.*s", (int) said.text.len, said.text.p));
		return true;
	}
	if (frame.type != WC_F_DESK_ANSWER || !wc_read_desk_answer(&frame, &m) || dlist_is_empty(&lane->calls))
		return false;
	call = dlist_head_element(DeskCall, node, &lane->calls);
	if (!call->sent || call->request != m.request)
		return false;
	if (lane->number == DESK_LANE_ARCHIVE)
		take_archived(call, &m, (wc_str){data, (uint32) len}, out);
	else
		(void) wc_buf_append(out, data, len);
	forget(lane, call);
	return true;
}

/* False: it has ended, or was told to. */
static bool
receive(Lane *lane, TimestampTz now, wc_buf *out)
{
	while (net_process_has_room())
	{
		Size len;
		void *data;
		shm_mq_result result = shm_mq_receive(lane->queue.in, &len, &data, true);

		if (result != SHM_MQ_SUCCESS)
			return result == SHM_MQ_WOULD_BLOCK;
		if (!take(lane, data, len, out))
		{
			leave_alone(lane, now, "answered what it was not asked", out);
			return true;
		}
	}
	return true;
}

/* The longest that it may be silent, in ms. */
static int
patience(const Lane *lane)
{
	return (lane->number == DESK_LANE_ARCHIVE ? wc_archive_timeout : wc_desk_statement_timeout) + SILENT_MS;
}

/*
 * Has the desk worker been at one and the same call for longer than any may take?  While webchatt-net does not read us, we
 * do not take its answers.
 */
static bool
is_silent(Lane *lane, TimestampTz now)
{
	const DeskCall *call = dlist_is_empty(&lane->calls) ? NULL : dlist_head_element(DeskCall, node, &lane->calls);
	uint64 at = call != NULL && call->sent ? call->request : 0;
	bool cannot = shm_mq_get_receiver(lane->queue.calls) == NULL || !net_process_has_room();

	if (at != lane->seen_call || cannot || TimestampDifferenceExceeds(lane->last_look, now, GAP_MS))
	{
		lane->seen_call = at;
		lane->seen_since = now;
	}
	lane->last_look = now;
	return at != 0 && TimestampDifferenceExceeds(lane->seen_since, now, patience(lane));
}

static void
leave_silent(Lane *lane, TimestampTz now, wc_buf *out)
{
	if (lane->number == DESK_LANE_ARCHIVE)
	{
		note_unreadable(dlist_head_element(DeskCall, node, &lane->calls), now, "it does not answer");
		leave_alone(lane, now, "has been silent for longer than a page may take (webchatt.archive_timeout)", out);
		return;
	}
	leave_alone(lane, now, "has been silent for longer than a call may take (webchatt.desk_statement_timeout)", out);
}

/* False: it has ended. */
static bool
send_calls(Lane *lane, TimestampTz now)
{
	dlist_iter iter;

	dlist_foreach(iter, &lane->calls)
	{
		DeskCall *call = dlist_container(DeskCall, node, iter.cur);
		shm_mq_result result;

		if (call->sent && lane->number == DESK_LANE_ARCHIVE)
			break;
		if (call->sent)
			continue;
		result = wc_shm_mq_send(lane->queue.out, call->len, call->payload, true);
		if (result != SHM_MQ_SUCCESS)
			return result == SHM_MQ_WOULD_BLOCK;
		call->sent = true;
		last_call = now;
		if (lane->number == DESK_LANE_ARCHIVE)
			break;
	}
	return true;
}

/* Whoever waits too long for a desk worker hears so. */
static void
turn_away(Lane *lane, TimestampTz now, wc_buf *out)
{
	while (!dlist_is_empty(&lane->calls))
	{
		DeskCall *call = dlist_head_element(DeskCall, node, &lane->calls);

		if (!TimestampDifferenceExceeds(call->since, now, CALL_MS))
			break;
		turn_down(lane, call, "The desk cannot do it now; try again shortly.", out);
	}
}

static void
move(Lane *lane, TimestampTz now, wc_buf *out)
{
	if (lane->ncalls == 0 && lane->worker == NULL && !is_wanted(lane))
		return;
	if (lane->worker != NULL && !receive(lane, now, out))
		note_ended(lane, now, out);
	if (lane->worker != NULL && is_silent(lane, now))
		leave_silent(lane, now, out);
	if (lane->worker == NULL && (lane->ncalls > 0 || is_wanted(lane)) && lane->not_before <= now)
		start(lane, now, out);
	if (lane->worker != NULL && !send_calls(lane, now))
		note_ended(lane, now, out);
	if (lane->worker == NULL)
		turn_away(lane, now, out);
}

/* Hand on what waits, both ways; between turns, and without waiting for anything. */
void
desk_calls_move(TimestampTz now, wc_buf *out)
{
	int i;

	take_asks(now, out);
	for (i = 0; i < DESK_LANES; i++)
		move(&lanes[i], now, out);
	turn_away_asks(now, out);
	for (i = 0; i < DESK_LANES; i++)
	{
		Lane *lane = &lanes[i];

		if (lane->worker != NULL && lane->ncalls == 0 && !is_wanted(lane) &&
			(lane->number == DESK_LANE_RETENTION || TimestampDifferenceExceeds(last_call, now, IDLE_MS)))
			stop(lane);
	}
}

/* When to start its worker again, to look at it, or to let it go; 0: never. */
static TimestampTz
next_due_of(const Lane *lane)
{
	if (lane->worker == NULL)
		return lane->ncalls > 0 || is_wanted(lane) ? Max(lane->not_before, 1) : 0;
	if (is_wanted(lane))
		return 0; /* its end wakes us */
	if (lane->ncalls > 0)
		return TimestampTzPlusMilliseconds(lane->last_look, LOOK_MS);
	return TimestampTzPlusMilliseconds(last_call, IDLE_MS + 1);
}

static TimestampTz
desk_calls_next_due(void)
{
	TimestampTz due = 0;
	int i;

	for (i = 0; i < DESK_LANES; i++)
	{
		TimestampTz its = next_due_of(&lanes[i]);

		if (its != 0 && (due == 0 || its < due))
			due = its;
	}
	return due;
}

/* webchatt-net is gone, and with it whoever waits for an answer; the workers end with the call that they have. */
static void
desk_calls_forget(void)
{
	int i;

	for (i = 0; i < DESK_LANES; i++)
	{
		Lane *lane = &lanes[i];

		while (!dlist_is_empty(&lane->calls))
			forget(lane, dlist_head_element(DeskCall, node, &lane->calls));
		stop(lane);
		lane->not_before = 0;
	}
	archive_asks_forget();
	changes_forget();
}

static void
desk_calls_reset(void)
{
	retention_wanted = false;
	archive_asks_reset();
	desk_calls_forget();
}

const TurnPart desk_calls_part = {
	.next_due = desk_calls_next_due,
	.net_lost = desk_calls_forget,
	.reset = desk_calls_reset,
};
