/*
 * desk_worker.c
 *	  The desk worker: a process that carries out what people ask for at the desk, one
 *	  call after another, so that the worker, and with it every visitor, never waits for
 *	  it.
 *
 * It lives as long as the worker wants it: it ends when the queue's other end is gone.
 * There are two such processes, one for searches; that one keeps their index up in between.  A third has no calls:
 * conversations leave by it (webchatt.set_retention()).  The fourth reads archives: older pages, and exports.
 */
#include "postgres.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "catalog/namespace.h"
#include "commands/prepare.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "common/corridor.h"
#include "desk/archive_page.h"
#include "desk/desk_queue.h"
#include "desk/desk_run.h"
#include "desk/desk_worker.h"
#include "desk/retention_work.h"
#include "desk/search_index.h"
#include "shared/compat.h"
#include "shared/step_down.h"
#include "turn/net_process.h"
#include "turn/process_settings.h"
#include "turn/transaction.h"

/*
 * Bytes of memory of its own that a call may come to, beyond what the process has at its start: what an agent asks for,
 * or a stranger has written, shall not be what the machine runs out of memory with.
 */
#define MEMORY_MOST (512 * 1024 * 1024)

/*
 * How much later than the worker and webchatt-net it comes to a CPU that others want too: they have visitors waiting, each
 * agent's call is one of a few, and an index that is being built can take its time.
 */
#define NICE_CALLS	5
#define NICE_SEARCH 10

static DeskQueue queue;

static bool send_frames(const wc_buf *out);

/* What goes wrong is for the status. */
static void
retain(void)
{
	const char *problem = retention_work_do();
	wc_buf out = {0};
	wc_log m = {WC_LOG_WARNING, wc_str_from(problem ? problem : "")};

	if (problem != NULL && wc_write_log(&out, &m))
		(void) send_frames(&out);
	wc_buf_free(&out);
}

/* What each process is called, and does between calls. */
static const struct
{
	const char *name;
	int nice;
	const char *work_name; /* NULL: nothing */
	long (*work_pause)(void);
	void (*work)(void);
} kinds[DESK_LANES] = {
	[DESK_LANE_CALLS] = {"webchatt desk", NICE_CALLS},
	[DESK_LANE_SEARCH] = {"webchatt search", NICE_SEARCH, "index_texts", search_index_pause, search_index_work},
	[DESK_LANE_RETENTION] = {"webchatt retention", NICE_SEARCH, "retain", retention_work_pause, retain},
	[DESK_LANE_ARCHIVE] = {"webchatt archive", NICE_CALLS},
};

/* Whatever is allocated beyond that is an error "out of memory", by which a call ends and not the process. */
static void
limit_memory(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long data = 0;
	struct rlimit limit;

	if (f != NULL)
	{
		if (fscanf(f, "%*u %*u %*u %*u %*u %lu", &data) != 1)
			data = 0;
		fclose(f);
	}
	if (data == 0 || getrlimit(RLIMIT_DATA, &limit) != 0)
		return;
	data = data * (unsigned long) sysconf(_SC_PAGESIZE) + MEMORY_MOST;
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < data)
		return;
	limit.rlim_cur = data;
	(void) setrlimit(RLIMIT_DATA, &limit);
}

static void
settle_in(dsm_handle handle)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	net_process_init(&net_process);
	if (!desk_queue_open(&queue, handle))
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(queue.database, InvalidOid, 0);
	process_settings_apply(kinds[queue.lane].name);
	limit_memory();
	(void) setpriority(PRIO_PROCESS, 0, kinds[queue.lane].nice);
	wc_nobody_comes_back = true;
}

static void
heed_reload(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
}

/* Wait for what comes, and work meanwhile. */
static shm_mq_result
receive_working(Size *len, void **data)
{
	for (;;)
	{
		shm_mq_result result = shm_mq_receive(queue.in, len, data, true);
		long pause;

		if (result != SHM_MQ_WOULD_BLOCK)
			return result;
		pause = kinds[queue.lane].work_pause();
		if (pause > 0)
		{
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, pause, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		heed_reload();
		QueryCancelPending = false;
		RESUME_CANCEL_INTERRUPTS();
		pgstat_report_activity(STATE_RUNNING, kinds[queue.lane].work_name);
		kinds[queue.lane].work();
		pgstat_report_activity(STATE_IDLE, NULL);
		(void) pgstat_report_stat(false);
		HOLD_CANCEL_INTERRUPTS();
	}
}

/* The next call, which lies in the queue; false: there will be none. */
static bool
next_call(wc_desk_call *call)
{
	Size len;
	void *data;
	shm_mq_result result;

	pgstat_report_activity(STATE_IDLE, NULL);
	/* a cancel is meant for a call, and none is under way */
	HOLD_CANCEL_INTERRUPTS();
	do
	{
		wc_frame frame;

		if (kinds[queue.lane].work != NULL)
			result = receive_working(&len, &data);
		else
			result = shm_mq_receive(queue.in, &len, &data, false);
		QueryCancelPending = false;
		frame = (wc_frame){WC_F_DESK_CALL, data, (uint32) len};
		if (result == SHM_MQ_SUCCESS && wc_read_desk_call(&frame, call))
			break;
	} while (result == SHM_MQ_SUCCESS);
	RESUME_CANCEL_INTERRUPTS();
	return result == SHM_MQ_SUCCESS;
}

/* What was written, a frame each.  False: nobody wants it. */
static bool
send_frames(const wc_buf *out)
{
	size_t done = 0;
	wc_frame frame;
	size_t used;

	while (wc_frame_next(out->data + done, out->len - done, &frame, &used) == WC_NEXT_FRAME)
	{
		if (wc_shm_mq_send(queue.out, used, out->data + done, false) != SHM_MQ_SUCCESS)
			return false;
		done += used;
	}
	return true;
}

/* What an operator's triggers leave in a session, the next call does not find: it is another's. */
static void
leave_nothing(void)
{
	Oid schema;
	Oid toast;

	PortalHashTableDeleteAll();
	DropAllPreparedStatements();
	LockReleaseAll(USER_LOCKMETHOD, true);
	GetTempNamespaceState(&schema, &toast);
	if (!OidIsValid(schema))
		return;
	transaction_open();
	ResetTempTableNamespace();
	transaction_close();
}

void
webchatt_desk_main(Datum arg)
{
	MemoryContext context;
	wc_desk_call call;

	settle_in(DatumGetUInt32(arg));
	context = AllocSetContextCreate(TopMemoryContext, "webchatt desk call", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	while (next_call(&call))
	{
		wc_buf out = {0};

		heed_reload();
		pgstat_report_activity(STATE_RUNNING, psprintf("%.*s", (int) call.function.len, call.function.p));
		if (queue.lane != DESK_LANE_ARCHIVE)
			desk_run(&call, &out);
		else if (wc_str_equals(call.function, ARCHIVE_DESK_CALL))
			desk_run_archived(&call, &out);
		else
			archive_page_run(&call, &out);
		if (!send_frames(&out))
			break;
		wc_buf_free(&out);
		leave_nothing();
		(void) pgstat_report_stat(false);
		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
	}
	proc_exit(0);
}
