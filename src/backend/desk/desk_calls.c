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
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/corridor.h"
#include "desk/desk_calls.h"
#include "desk/desk_queue.h"
#include "shared/clock.h"
#include "shared/compat.h"
#include "shared/settings.h"
#include "shared/valid_text.h"
#include "turn/changes.h"
#include "turn/frame_memory.h"
#include "turn/net_process.h"
#include "turn/report.h"

/* Calls that wait for their answer; more are turned away. */
#define CALLS_MOST 256

/* How long one may wait before the desk worker has it, in ms. */
#define CALL_MS 30000

/* The pause before the desk worker is started again, in ms, and how long it stays without a call. */
#define PAUSE_MS 1000
#define IDLE_MS	 (5 * 60 * 1000)

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
	bool sent; /* the desk worker has it, as a whole */
	uint32 len;
	char payload[FLEXIBLE_ARRAY_MEMBER];
} DeskCall;

/* In the order in which they came, which is that of their answers. */
static dlist_head calls = DLIST_STATIC_INIT(calls);
static int ncalls = 0;

static DeskQueue queue;
static BackgroundWorkerHandle *desk_worker = NULL; /* NULL: none runs, that we know of */
static TimestampTz not_before = 0;
static TimestampTz last_call = 0;

/* The call that the desk worker was seen at, since when, and when that was looked at last; 0: none. */
static uint64 seen_call = 0;
static TimestampTz seen_since = 0;
static TimestampTz last_look = 0;

static BackgroundWorkerHandle *left_alone[LEFT_MOST];
static int nleft = 0;

static void
refuse(uint64 request, const char *message, wc_buf *out)
{
	wc_desk_answer m;

	memset(&m, 0, sizeof(m));
	m.request = request;
	m.http_status = 503;
	m.body = wc_str_from(psprintf("{\"errorCode\": \"busy\", \"errorMessage\": \"%s\"}", message));
	(void) wc_write_desk_answer(out, &m);
}

static void
forget(DeskCall *call)
{
	dlist_delete(&call->node);
	frame_memory_free(call);
	ncalls--;
}

static bool
plausible(const wc_desk_call *m)
{
	wc_str texts[] = {m->function, m->args, m->client, m->user_agent};

	return m->args.len <= WC_MAX_DESK_ARGS && m->function.len + m->client.len + m->user_agent.len <= WORDS_MOST &&
		   wc_texts_are_valid(texts, lengthof(texts));
}

/* Take a call; false when it is none. */
bool
desk_calls_accept(const wc_frame *frame)
{
	wc_desk_call m;
	DeskCall *call;

	if (!wc_read_desk_call(frame, &m) || !plausible(&m))
		return false;
	if (ncalls >= CALLS_MOST)
	{
		refuse(m.request, "Too many calls of the desk are waiting; try again shortly.", &net_process.out);
		return true;
	}
	call = frame_memory_hold(offsetof(DeskCall, payload) + frame->len);
	call->request = m.request;
	call->since = wc_clock();
	call->len = frame->len;
	memcpy(call->payload, frame->payload, frame->len);
	dlist_push_tail(&calls, &call->node);
	ncalls++;
	return true;
}

static void
stop(void)
{
	desk_queue_close(&queue);
	if (desk_worker != NULL)
		pfree(desk_worker);
	desk_worker = NULL;
}

/* Nobody hears of those that the desk worker had: they may be carried out or not.  The others wait for the next one. */
static void
refuse_sent(wc_buf *out)
{
	while (!dlist_is_empty(&calls))
	{
		DeskCall *call = dlist_head_element(DeskCall, node, &calls);

		if (!call->sent)
			break;
		refuse(call->request, "The desk was interrupted; look whether it was done, and try again.", out);
		forget(call);
	}
}

static void
refuse_all(const char *message, wc_buf *out)
{
	while (!dlist_is_empty(&calls))
	{
		DeskCall *call = dlist_head_element(DeskCall, node, &calls);

		refuse(call->request, message, out);
		forget(call);
	}
}

/* It has ended by itself. */
static void
note_ended(TimestampTz now, wc_buf *out)
{
	stop();
	not_before = TimestampTzPlusMilliseconds(now, PAUSE_MS);
	refuse_sent(out);
}

/* Have any of those that were left alone ended? */
static void
count_left(void)
{
	int i;

	for (i = nleft - 1; i >= 0; i--)
	{
		pid_t pid;
		BgwHandleStatus status = GetBackgroundWorkerPid(left_alone[i], &pid);

		if (status != BGWH_STARTED && status != BGWH_NOT_YET_STARTED)
		{
			pfree(left_alone[i]);
			left_alone[i] = left_alone[--nleft];
		}
	}
}

/* It lives and cannot be used: tell it to end, and go on without it.  why: completes a sentence. */
static void
leave_alone(TimestampTz now, const char *why, wc_buf *out)
{
	pid_t pid = 0;

	(void) GetBackgroundWorkerPid(desk_worker, &pid);
	report_error(psprintf("the desk's process %d %s; it was told to end, and another one is started", (int) pid, why));
	ereport(WARNING, (errcode(ERRCODE_QUERY_CANCELED), errmsg("webchatt's desk worker (PID %d) %s", (int) pid, why),
					  errdetail("It was told to end, and another one is started."),
					  errhint("If it is still there, look what it is at: a function in C, or a debugger?")));
	TerminateBackgroundWorker(desk_worker);
	Assert(nleft < LEFT_MOST);
	left_alone[nleft++] = desk_worker;
	desk_worker = NULL;
	note_ended(now, out);
}

static bool
register_worker(void)
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
	snprintf(worker.bgw_name, BGW_MAXLEN, "webchatt desk for database \"%s\"", NameStr(report_slot->name));
	snprintf(worker.bgw_type, BGW_MAXLEN, "webchatt desk");
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(queue.segment));
	worker.bgw_notify_pid = MyProcPid;
	old = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, &desk_worker);
	MemoryContextSwitchTo(old);
	return registered;
}

/* Start the desk worker.  Where that cannot be, everybody hears so. */
static void
start(TimestampTz now, wc_buf *out)
{
	static bool warned = false;

	count_left();
	if (nleft == LEFT_MOST)
	{
		not_before = TimestampTzPlusMilliseconds(now, PAUSE_MS);
		refuse_all("The desk's processes do not answer; the server's log says which.", out);
		return;
	}
	if (desk_queue_create(&queue, MyDatabaseId) && register_worker())
	{
		desk_queue_join(&queue, desk_worker);
		last_call = now;
		warned = false;
		return;
	}
	stop();
	not_before = TimestampTzPlusMilliseconds(now, PAUSE_MS);
	if (!warned)
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("webchatt could not start its desk worker for database \"%s\"", NameStr(report_slot->name)),
				 errhint("Raise max_worker_processes: all of them are taken.")));
	report_error("the desk cannot be used: its worker could not be started; raise max_worker_processes");
	warned = true;
	refuse_all("The database has no process for the desk: its operator raises max_worker_processes.", out);
}

/*
 * An answer goes to webchatt-net as it is; a line of the log is for the status.  False: that is no answer to the call
 * that is first, so whatever comes behind it would be taken for another one's, too.
 */
static bool
take(const char *data, Size len, wc_buf *out)
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
	if (frame.type != WC_F_DESK_ANSWER || !wc_read_desk_answer(&frame, &m) || dlist_is_empty(&calls))
		return false;
	call = dlist_head_element(DeskCall, node, &calls);
	if (!call->sent || call->request != m.request)
		return false;
	(void) wc_buf_append(out, data, len);
	forget(call);
	return true;
}

/* False: it has ended, or was told to. */
static bool
receive(TimestampTz now, wc_buf *out)
{
	while (net_process_has_room())
	{
		Size len;
		void *data;
		shm_mq_result result = shm_mq_receive(queue.in, &len, &data, true);

		if (result != SHM_MQ_SUCCESS)
			return result == SHM_MQ_WOULD_BLOCK;
		if (!take(data, len, out))
		{
			leave_alone(now, "answered what it was not asked", out);
			return true;
		}
	}
	return true;
}

/* The longest that it may be silent, in ms. */
static int
patience(void)
{
	return wc_desk_statement_timeout + SILENT_MS;
}

/* Has the desk worker been at one and the same call for longer than any may take? */
static bool
is_silent(TimestampTz now)
{
	const DeskCall *call = dlist_is_empty(&calls) ? NULL : dlist_head_element(DeskCall, node, &calls);
	uint64 at = call != NULL && call->sent ? call->request : 0;
	bool starts = shm_mq_get_receiver(queue.calls) == NULL;

	if (at != seen_call || starts || TimestampDifferenceExceeds(last_look, now, GAP_MS))
	{
		seen_call = at;
		seen_since = now;
	}
	last_look = now;
	return at != 0 && TimestampDifferenceExceeds(seen_since, now, patience());
}

/* False: it has ended. */
static bool
send_calls(TimestampTz now)
{
	dlist_iter iter;

	dlist_foreach(iter, &calls)
	{
		DeskCall *call = dlist_container(DeskCall, node, iter.cur);
		shm_mq_result result;

		if (call->sent)
			continue;
		result = wc_shm_mq_send(queue.out, call->len, call->payload, true);
		if (result != SHM_MQ_SUCCESS)
			return result == SHM_MQ_WOULD_BLOCK;
		call->sent = true;
		last_call = now;
	}
	return true;
}

/* Whoever waits too long for a desk worker hears so. */
static void
turn_away(TimestampTz now, wc_buf *out)
{
	while (!dlist_is_empty(&calls))
	{
		DeskCall *call = dlist_head_element(DeskCall, node, &calls);

		if (!TimestampDifferenceExceeds(call->since, now, CALL_MS))
			break;
		refuse(call->request, "The desk cannot do it now; try again shortly.", out);
		forget(call);
	}
}

/* Hand on what waits, both ways; between turns, and without waiting for anything. */
void
desk_calls_move(TimestampTz now, wc_buf *out)
{
	if (ncalls == 0 && desk_worker == NULL)
		return;
	if (desk_worker != NULL && !receive(now, out))
		note_ended(now, out);
	if (desk_worker != NULL && is_silent(now))
		leave_alone(now, "has been silent for longer than a call may take (webchatt.desk_statement_timeout)", out);
	if (desk_worker == NULL && ncalls > 0 && not_before <= now)
		start(now, out);
	if (desk_worker != NULL && !send_calls(now))
		note_ended(now, out);
	if (desk_worker == NULL)
		turn_away(now, out);
	else if (ncalls == 0 && TimestampDifferenceExceeds(last_call, now, IDLE_MS))
		stop();
}

/* When to start the desk worker again, to look at it, or to let it go. */
static TimestampTz
desk_calls_next_due(void)
{
	if (desk_worker == NULL)
		return ncalls > 0 ? Max(not_before, 1) : 0;
	if (ncalls > 0)
		return TimestampTzPlusMilliseconds(last_look, LOOK_MS);
	return TimestampTzPlusMilliseconds(last_call, IDLE_MS + 1);
}

/* webchatt-net is gone, and with it whoever waits for an answer; the desk worker ends with the call that it has. */
static void
desk_calls_forget(void)
{
	while (!dlist_is_empty(&calls))
		forget(dlist_head_element(DeskCall, node, &calls));
	stop();
	not_before = 0;
	changes_forget();
}

const TurnPart desk_calls_part = {
	.next_due = desk_calls_next_due,
	.net_lost = desk_calls_forget,
	.reset = desk_calls_forget,
};
