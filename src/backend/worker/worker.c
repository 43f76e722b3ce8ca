/*
 * worker.c
 *	  The worker of one database: its life, and its loop.
 *
 * It talks SQL and frames, and opens no network socket.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "desk/desk_calls.h"
#include "files/file_reads.h"
#include "hubs/reconcile.h"
#include "inbound/inbound.h"
#include "outbound/outbound.h"
#include "outbound/outbox_reader.h"
#include "outbound/overdue.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/handler_calls.h"
#include "shared/settings.h"
#include "shared/shmem.h"
#include "shared/statements.h"
#include "shared/step_down.h"
#include "turn/called.h"
#include "turn/config.h"
#include "turn/net_process.h"
#include "turn/process_settings.h"
#include "turn/report.h"
#include "turn/transaction.h"
#include "visitors/typing.h"
#include "worker/ca_file.h"
#include "worker/facts.h"
#include "worker/net_supervisor.h"
#include "worker/orders.h"
#include "worker/parts.h"
#include "worker/restore_wait.h"
#include "worker/running_settings.h"
#include "worker/turn.h"
#include "worker/worker.h"

/* How often to see whether the extension is there, or gone, in ms; a bit more often where nobody waits for the turn. */
#define EXTENSION_POLL_MS  1000
#define EXTENSION_EARLY_MS 100

/* The fallback look at the outbox, for what no wake-up announces, in ms. */
#define OUTBOX_POLL_MS 1000

/* Two looks at the outbox are at least this far apart, in us; where nothing can leave, so that they only count. */
#define LOOK_APART_US  1000
#define COUNT_APART_US 20000

/* Calls to look that are less apart have us look without being called, in us. */
#define CALLS_APART_US 10000

/* The pause after a turn failed, in ms: doubled each time. */
#define FAILED_FIRST_MS 100
#define FAILED_MOST_MS	5000

/* Between two looks at the outbox tables that could be emptied, in ms. */
#define TIDY_MS 5000

/* The sub-id of the lock that keeps a database's worker single. */
#define WORKER_LOCK_SUBID 1

static LOCKTAG worker_lock;
static bool at_work = false;		   /* the extension is there, and it is ours */
static TimestampTz last_look = 0;	   /* at the outbox */
static bool looking_by_itself = false; /* without being called */
static uint64 rows_before = 0;		   /* outbox_reader_rows_read when the last look began */
static uint64 in_vain_before = 0;	   /* the same of outbound_rows_in_vain */
static TimestampTz next_poll = 0;
static uint32 database_settings = 0;
static WaitEventSet *wait_set = NULL;
static int wait_corridor = -1;

/* Show the stats to webchatt.status. */
static void
publish(bool with_age)
{
	outbound_stats(&report_stats, with_age);
	report_stats.events_waiting = inbound_pending();
	report_publish();
}

/* Events a second and the like, once a second. */
static void
update_rates(TimestampTz now)
{
	static TimestampTz last = 0;
	static WcStats before;
	float4 seconds = (now - last) / 1000000.0f;

	if (last != 0)
	{
		if (seconds < 1)
			return;
		report_stats.events_per_second = (report_stats.events - before.events) / seconds;
		report_stats.sends_per_second = (report_stats.sends - before.sends) / seconds;
		report_stats.turns_per_second = (report_stats.turns - before.turns) / seconds;
	}
	last = now;
	before = report_stats;
	report_stats.memory = (int64) MemoryContextMemAllocated(TopMemoryContext, true);
	report_stats.alive_at = GetCurrentTimestamp();
	publish(true);
	report_minute();
	net_supervisor_read_words();
	/* what we wrote counts for autovacuum as everybody's does */
	(void) pgstat_report_stat(false);
}

/* The wait set has webchatt-net's corridor in it, as long as there is one. */
static void
follow_corridor(void)
{
	static int followed = -1;

	if (wait_set != NULL && followed == net_process.changes)
		return;
	if (wait_set != NULL)
		FreeWaitEventSet(wait_set);
	followed = net_process.changes;
	wait_set = wc_create_wait_event_set(3);
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	wait_corridor =
		net_process.fd < 0 ? -1 : AddWaitEventToSet(wait_set, WL_SOCKET_READABLE, net_process.fd, NULL, NULL);
}

static void
leave(int code, Datum arg)
{
	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	if (report_slot->worker_pid == MyProcPid)
	{
		report_slot->worker_pid = 0;
		report_slot->worker_latch = NULL;
		report_slot->at_work = false;
	}
	LWLockRelease(wc_shared->lock);
	wc_wake_launcher();
}

static void
end_net(int code, Datum arg)
{
	net_supervisor_end();
}

/* A SIGTERM is heeded at the turn's end, unless an application's triggers run. */
static void
handle_sigterm(SIGNAL_ARGS)
{
	int save_errno = errno;

	ShutdownRequestPending = true;
	if (transaction_interruptible)
		die(WC_SIGNAL_GIVEN);
	else
		SetLatch(MyLatch);
	errno = save_errno;
}

/* A number that changes when somebody says ALTER DATABASE ... SET. */
static uint32
hash_database_settings(void)
{
	uint32 hash = 0;
	uint64 n;
	uint64 i;

	transaction_open();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	n = wc_run(WC_DATABASE_SETTINGS, NULL, NULL);
	for (i = 0; i < n; i++)
	{
		char *s = wc_field_text(i, 1);

		if (s != NULL)
			hash ^= hash_bytes((unsigned char *) s, strlen(s));
	}
	SPI_finish();
	PopActiveSnapshot();
	transaction_close();
	return hash;
}

/*
 * ALTER DATABASE may have come between our connection, which took its settings,
 * and the hash: so take them once more, behind it.
 */
static void
apply_database_settings(void)
{
	Relation rel;
	Snapshot snapshot;

	transaction_open();
	rel = table_open(DbRoleSettingRelationId, AccessShareLock);
	snapshot = RegisterSnapshot(GetCatalogSnapshot(DbRoleSettingRelationId));
	ApplySetting(snapshot, MyDatabaseId, InvalidOid, rel, PGC_S_DATABASE);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	transaction_close();
}

/* Follow a reload: most settings at once, addresses and ALTER DATABASE by a new start. */
static void
reload(void)
{
	char *old_listen = psprintf("%s;%s", wc_listen, wc_desk_listen);
	char *old_ca = pstrdup(wc_ca_file);

	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	if (hash_database_settings() != database_settings)
	{
		report_slot->restart_now = true;
		proc_exit(1);
	}
	running_settings_publish();
	reconcile_nudge(); /* webchatt.public_url may be another */
	config_want();	   /* and what widgets are told of files */
	overdue_nudge();
	facts_nudge();
	if (net_process.fd < 0)
		return;
	if (strcmp(old_listen, psprintf("%s;%s", wc_listen, wc_desk_listen)) != 0 || strcmp(old_ca, wc_ca_file) != 0)
		net_supervisor_stop();
	else if (report_stats.corridor_open)
		config_write_settings(&net_process.out);
}

/*
 * Only one worker may read a database's outbox.  The lock is on the extension,
 * under a sub-id that nobody else uses: it is in no command's way, and no
 * user's to take.
 */
static bool
lock_worker(void)
{
	bool got;

	transaction_open();
	SET_LOCKTAG_OBJECT(worker_lock, MyDatabaseId, ExtensionRelationId, get_extension_oid("webchatt", false),
					   WORKER_LOCK_SUBID);
	/* as advisory locks: held through an abort, dropped when the process ends */
	worker_lock.locktag_lockmethodid = USER_LOCKMETHOD;
	got = LockAcquire(&worker_lock, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
	transaction_close();
	return got;
}

/* Whoever waits until we are out of the way, goes on. */
static void
tell_at_rest(void)
{
	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	report_slot->at_work = false;
	LWLockRelease(wc_shared->lock);
}

static void
stop_work(const char *state)
{
	net_supervisor_stop();
	if (at_work)
		(void) LockRelease(&worker_lock, ExclusiveLock, true);
	at_work = false;
	parts_reset();
	wc_forget_statements();
	report_state(state);
	report_stats.last_error[0] = '\0';
	publish(false);
	tell_at_rest();
}

/* The extension is there: is it whole, or is a dump being loaded into it? */
static bool
must_wait(void)
{
	bool wait = true;

	/* a restore's end checks large tables and is a commit: a shutdown need not wait for it */
	transaction_interruptible = true;
	if (!ShutdownRequestPending)
	{
		transaction_open();
		wait = restore_wait_is_due();
		transaction_close();
	}
	transaction_interruptible = false;
	if (wait)
		publish(false);
	return wait;
}

/* Why there is nothing to work on, in the words of webchatt.status. */
static const char *
why_idle(TurnReady ready)
{
	switch (ready)
	{
		case TURN_NO_ROLE:
			return "the role " WC_WORKER_ROLE " is missing";
		case TURN_DISTRIBUTED:
			return "Citus has distributed webchatt's tables";
		case TURN_OTHER_VERSION:
			return turn_version_words;
		default:
			return "no extension";
	}
}

/* It is said once: where the worker stops, and where it does not even begin because of Citus or of the version. */
static void
say_idle(TurnReady ready)
{
	ereport(LOG, (errmsg("webchatt is idle in database \"%s\": %s", NameStr(report_slot->name),
						 ready == TURN_NO_EXTENSION ? "the extension was dropped" : why_idle(ready)),
				  ready == TURN_NO_ROLE
					  ? errhint("The extension needs it: restore the roles (pg_dumpall --roles-only) and their rights.")
					  : 0,
				  ready == TURN_DISTRIBUTED
					  ? errhint("They work on one machine only, and there is no way back: load a dump of them into a "
								"database where they are not distributed. What grows instead is in doc/scale.md.")
					  : 0,
				  ready == TURN_OTHER_VERSION ? errhint("%s", turn_version_hint) : 0));
}

/* Begin to work where the extension has come, stop where it has gone. */
static void
find_work(void)
{
	static TurnReady told = TURN_READY;
	TurnReady ready = turn_extension_ready();

	if (ready != TURN_READY && !at_work)
	{
		report_state(why_idle(ready));
		if ((ready == TURN_DISTRIBUTED || ready == TURN_OTHER_VERSION) && told != ready)
			say_idle(ready);
	}
	told = ready;
	if ((ready == TURN_READY) == at_work)
		return;
	if (ready != TURN_READY)
	{
		say_idle(ready);
		stop_work(why_idle(ready));
		return;
	}
	if (must_wait())
		return;
	if (!lock_worker())
	{
		report_state("another worker has the database");
		publish(false);
		return;
	}
	if (!restore_wait_allows_work())
	{
		(void) LockRelease(&worker_lock, ExclusiveLock, true);
		return;
	}
	at_work = true;
	report_state("running");
}

/* Say what went wrong, once for a row of failures; the pause that it asks for, in ms. */
static int
go_idle_after_error(MemoryContext context, int pause_ms)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	report_error(error->message);
	if (pause_ms == 0)
		EmitErrorReport();
	FlushErrorState();
	if (IsTransactionState())
		transaction_abort();
	MemoryContextSwitchTo(context);
	publish(false);
	return pause_ms == 0 ? FAILED_FIRST_MS : Min(pause_ms * 2, FAILED_MOST_MS);
}

/*
 * Whatever runs between two turns leaves the memory context as it was: what a
 * turn allocates in another one is never given back.  Once said, always mended.
 */
static void
stay_in(MemoryContext context)
{
	static bool told = false;

	Assert(CurrentMemoryContext == context);
	if (likely(CurrentMemoryContext == context))
		return;
	if (!told)
		ereport(LOG, (errmsg_internal("webchatt: a turn was about to begin in memory context \"%s\"",
									  CurrentMemoryContext->name),
					  errhint("Please report this: without this check the worker would grow.")));
	told = true;
	MemoryContextSwitchTo(context);
}

/* One pass of the loop: the extension, webchatt-net, a turn, the answers. */
static void
once(MemoryContext context, bool look_at_outbox, bool look_at_orders)
{
	TimestampTz now = wc_clock();
	static TimestampTz last_tidy = 0;
	static TimestampTz next_search = 0;

	if (at_work && restore_wait_has_begun())
		stop_work("waits while a dump is loaded");
	if (now >= next_search - (look_at_outbox ? 0 : EXTENSION_EARLY_MS * INT64CONST(1000)))
	{
		next_search = TimestampTzPlusMilliseconds(now, EXTENSION_POLL_MS);
		find_work();
		if (net_process.pid != 0 && ca_file_outdated())
		{
			ereport(LOG,
					(errmsg("webchatt.ca_file \"%s\" was replaced by other certificates: starting webchatt-net anew",
							wc_ca_file)));
			net_supervisor_stop();
		}
	}
	if (!at_work)
		return;
	stay_in(context);
	net_supervisor_read();
	if (look_at_outbox || look_at_orders || parts_ready(now) ||
		(outbound_next_due() != 0 && outbound_next_due() <= now))
	{
		if (!turn_run(now, look_at_outbox, look_at_orders || orders_ready(now)))
			find_work();
		if (!at_work)
			return;
		report_stats.turns++;
		report_turn_took(wc_clock() - now);
		stay_in(context);
	}
	if (config_is_read())
		net_supervisor_start(now);
	desk_calls_move(now, &net_process.out);
	if (report_stats.corridor_open)
	{
		typing_forward(&net_process.out);
		facts_tell(now, &net_process.out);
	}
	net_supervisor_flush();
	if (file_reads_wait())
	{
		file_reads_run(&net_process.out);
		stay_in(context);
		net_supervisor_flush();
	}
	if (TimestampDifferenceExceeds(last_tidy, now, TIDY_MS))
	{
		turn_tidy_outbox();
		last_tidy = now;
	}
	publish(false);
}

/* Not before then, but for the poll. */
static TimestampTz
next_look(void)
{
	uint64 found = outbox_reader_rows_read - rows_before;
	bool in_vain = found > 0 && outbound_rows_in_vain - in_vain_before == found;

	return last_look + (in_vain ? COUNT_APART_US : LOOK_APART_US);
}

/* How long the loop may sleep, in ms; 0: there is more to do. */
static long
time_to_sleep(void)
{
	TimestampTz now = wc_clock();
	TimestampTz next = next_poll;
	TimestampTz due;

	if (!at_work)
		return EXTENSION_POLL_MS;
	if (parts_ready(now) || file_reads_wait())
		return 0;
	due = parts_next_due();
	if (due != 0 && due < next)
		next = due;
	due = net_supervisor_next_start();
	if (due != 0 && due < next)
		next = due;
	if (looking_by_itself || pg_atomic_read_u32(&report_slot->wake) != 0)
		next = Min(next, next_look());
	return next <= now ? 0 : Max(1, TimestampDifferenceMilliseconds(now, next));
}

static void
sleep_until_something(long ms)
{
	WaitEvent events[3];

	follow_corridor();
	if (wait_corridor >= 0)
	{
		uint32 writeable = net_process_has_output(&net_process) ? WL_SOCKET_WRITEABLE : 0;

		/* what it says is not read before it has read what it was told */
		ModifyWaitEvent(wait_set, wait_corridor,
						writeable != 0 && net_supervisor_is_full() ? writeable : WL_SOCKET_READABLE | writeable, NULL);
	}
	if (ms > 0)
		pgstat_report_activity(STATE_IDLE, NULL);
	(void) WaitEventSetWait(wait_set, ms, events, lengthof(events), PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

/*
 * Be the slot's worker, before connecting to its database: whoever needs the
 * database alone can see us come, or else we see that and turn back.
 */
static void
take_slot(void)
{
	bool held;

	before_shmem_exit(leave, (Datum) 0);
	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	held = report_slot->held_by != 0 || report_slot->worker_pid != 0 || !OidIsValid(report_slot->database);
	if (held)
		report_slot->restart_now = true;
	else
	{
		report_slot->worker_pid = MyProcPid;
		report_slot->worker_latch = MyLatch;
	}
	LWLockRelease(wc_shared->lock);
	if (held)
		proc_exit(0);
}

static void
settle_in(int slot)
{
	report_slot = &wc_shared->slots[slot];
	net_process_init(&net_process);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, handle_sigterm);
	BackgroundWorkerUnblockSignals();
	take_slot();
	BackgroundWorkerInitializeConnectionByOid(report_slot->database, InvalidOid, 0);
	process_settings_apply("webchatt worker");

	on_proc_exit(end_net, (Datum) 0);
	memset(&report_stats, 0, sizeof(report_stats));
	report_stats.started_at = GetCurrentTimestamp();
	wc_handler_report = report_error;
	report_state("no extension");
	SpinLockAcquire(&report_slot->mutex);
	memset(report_slot->hubs, 0, sizeof(report_slot->hubs));
	report_slot->nanswering = 0;
	memset(report_slot->typing, 0, sizeof(report_slot->typing));
	SpinLockRelease(&report_slot->mutex);
	publish(false);
	database_settings = hash_database_settings();
	apply_database_settings();
	running_settings_publish();
}

/* One pass of the loop with its errors caught; the pause in ms that they ask for. */
static int
once_safely(MemoryContext context, bool look_at_outbox, bool look_at_orders, int pause_ms)
{
	volatile int pause = 0;

	PG_TRY();
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
			reload();
		once(context, look_at_outbox, look_at_orders);
		update_rates(wc_clock());
	}
	PG_CATCH();
	{
		pause = go_idle_after_error(context, pause_ms);
	}
	PG_END_TRY();
	return pause;
}

/* Wait after an error, deaf to all but a shutdown and what the server asks of everybody. */
static void
sit_out(int ms)
{
	TimestampTz until = TimestampTzPlusMilliseconds(wc_clock(), ms);
	long left;

	while (!ShutdownRequestPending && (left = TimestampDifferenceMilliseconds(wc_clock(), until)) > 0)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Was something committed for us, or is it time for the fallback look?
 *
 * A call costs the caller a signal.  So where calls come close upon one another, we
 * leave the flag standing, which says that we are called already, and look by ourselves
 * once a millisecond, or less often where nothing that was found can leave; when a look
 * finds nothing the flag is taken down, and one more look takes in what was committed
 * meanwhile without a call.
 */
static bool
time_to_look(void)
{
	TimestampTz now = wc_clock();
	bool called = pg_atomic_read_u32(&report_slot->wake) != 0;
	bool found = outbox_reader_rows_read != rows_before;

	if (now < next_poll && (now < next_look() || !called))
		return false;
	called_heard();
	looking_by_itself = called && (looking_by_itself ? found : now < last_look + CALLS_APART_US);
	if (called && !looking_by_itself)
		(void) pg_atomic_exchange_u32(&report_slot->wake, 0);
	rows_before = outbox_reader_rows_read;
	in_vain_before = outbound_rows_in_vain;
	last_look = now;
	next_poll = TimestampTzPlusMilliseconds(now, OUTBOX_POLL_MS);
	return true;
}

/* Did a transaction with orders for us commit since this was asked last? */
static bool
new_orders(void)
{
	static uint32 seen = 0;
	uint32 now = pg_atomic_read_u32(&report_slot->orders);

	if (now == seen)
		return false;
	seen = now;
	return true;
}

void
webchatt_worker_main(Datum arg)
{
	MemoryContext loop_context;
	int pause_ms = 0;

	settle_in(DatumGetInt32(arg));
	loop_context = AllocSetContextCreate(TopMemoryContext, "webchatt turn", ALLOCSET_DEFAULT_SIZES);
	while (!ShutdownRequestPending)
	{
		bool polling = wc_clock() >= next_poll;
		bool look = time_to_look();

		MemoryContextReset(loop_context);
		MemoryContextSwitchTo(loop_context);
		pause_ms = once_safely(loop_context, look, polling || new_orders(), pause_ms);
		if (ShutdownRequestPending)
			break;
		if (pause_ms > 0)
			sit_out(pause_ms);
		else
			sleep_until_something(time_to_sleep());
	}
	report_state("stopped");
	publish(false);
	proc_exit(0);
}
