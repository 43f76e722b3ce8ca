/*
 * status.c
 *	  What webchatt.status shows, out of shared memory.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "common/corridor.h"
#include "shared/extension_version.h"
#include "shared/settings.h"
#include "shared/shmem.h"

#define STATUS_COLUMNS 32

PG_FUNCTION_INFO_V1(webchatt_status);
PG_FUNCTION_INFO_V1(webchatt_hub_state);

typedef struct Row
{
	Datum values[STATUS_COLUMNS];
	bool nulls[STATUS_COLUMNS];
	int n;
} Row;

static void
put(Row *row, Datum value, bool isnull)
{
	row->values[row->n] = value;
	row->nulls[row->n++] = isnull;
}

static void
put_text(Row *row, const char *s)
{
	put(row, s[0] ? CStringGetTextDatum(s) : (Datum) 0, s[0] == '\0');
}

static void
put_pid(Row *row, int pid)
{
	put(row, Int32GetDatum(pid), pid == 0);
}

static void
put_time(Row *row, TimestampTz t)
{
	put(row, TimestampTzGetDatum(t), t == 0);
}

/* Copy a database's stats; false when it has no worker. */
static bool
look(WcStats *stats, pid_t *launcher, pid_t *worker)
{
	WcSlot *slot;

	memset(stats, 0, sizeof(*stats));
	*launcher = *worker = 0;
	if (wc_shared == NULL)
		return false;
	LWLockAcquire(wc_shared->lock, LW_SHARED);
	*launcher = wc_shared->launcher_pid;
	slot = wc_slot_of_database(MyDatabaseId);
	if (slot != NULL && slot->worker_pid != 0)
	{
		*worker = slot->worker_pid;
		SpinLockAcquire(&slot->mutex);
		*stats = slot->stats;
		SpinLockRelease(&slot->mutex);
	}
	LWLockRelease(wc_shared->lock);
	return *worker != 0;
}

/* The database's name where the list has it, but folded to lower case; else NULL. */
static const char *
name_listed_folded(void)
{
	char *name = get_database_name(MyDatabaseId);
	List *names = NIL;
	ListCell *lc;
	bool folded = false;

	(void) SplitIdentifierString(pstrdup(wc_databases), ',', &names);
	foreach (lc, names)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return NULL;
		folded |= pg_strcasecmp(lfirst(lc), name) == 0;
	}
	return folded ? name : NULL;
}

static const char *
state_without_worker(pid_t launcher)
{
	if (wc_shared == NULL)
		return "not preloaded: add webchatt to shared_preload_libraries";
	if (launcher == 0)
		return "no launcher: it starts when recovery has ended";
	if (name_listed_folded() != NULL)
		return psprintf("no worker: webchatt.databases has to name it in double quotes, \"%s\"", name_listed_folded());
	return "no worker: is the database in webchatt.databases?";
}

Datum
webchatt_status(PG_FUNCTION_ARGS)
{
	WcStats s;
	pid_t launcher;
	pid_t worker;
	bool running = look(&s, &launcher, &worker);
	TupleDesc desc;
	Row row;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	memset(&row, 0, sizeof(row));
	put_text(&row, running ? s.state : state_without_worker(launcher));
	put_pid(&row, launcher);
	put_pid(&row, worker);
	put_pid(&row, s.net_pid);
	put_text(&row, s.listening);
	put_text(&row, s.desk);
	put(&row, BoolGetDatum(s.confined), s.net_pid == 0);
	put_time(&row, s.started_at);
	put_time(&row, s.alive_at);
	put_text(&row, s.last_error);
	put_time(&row, s.last_error_at);
	put_text(&row, s.corridor_open ? "open" : "closed");
	put(&row, Int64GetDatum(s.queued), false);
	put_time(&row, s.oldest_queued);
	put(&row, Int64GetDatum(s.overdue), !running);
	put(&row, Int32GetDatum(s.in_flight), false);
	put(&row, Int32GetDatum(s.events_waiting), false);
	put(&row, Int32GetDatum(s.connections), false);
	put(&row, Int32GetDatum(s.visitors), false);
	put(&row, Float4GetDatum(s.events_per_second), false);
	put(&row, Float4GetDatum(s.sends_per_second), false);
	put(&row, Float4GetDatum(s.turns_per_second), false);
	put(&row, Int64GetDatum(s.events), false);
	put(&row, Int64GetDatum(s.repeats), false);
	put(&row, Int64GetDatum(s.rejected), false);
	put(&row, Int64GetDatum(s.sends), false);
	put(&row, Int64GetDatum(s.failures), false);
	put(&row, Int64GetDatum(s.requests), false);
	put(&row, Int64GetDatum(s.refused), false);
	put(&row, Int64GetDatum(s.turned_away), false);
	put(&row, Int64GetDatum(s.memory), !running);
	put(&row, Int64GetDatum(s.net_restarts), false);
	wc_need_columns(desc, row.n);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), row.values, row.nulls));
}

static const char *
link_phase(uint8 phase)
{
	static const char *const names[] = {[WC_LINK_CONNECTING] = "connecting",
										[WC_LINK_OPEN] = "open",
										[WC_LINK_WAITING] = "waiting",
										[WC_LINK_REFUSED] = "refused"};

	return phase < lengthof(names) ? names[phase] : "";
}

/*
 * _hub_state(hub_id int): since when and why the worker does not send to it, how
 * much is queued for it, and how the link to it is doing.
 */
Datum
webchatt_hub_state(PG_FUNCTION_ARGS)
{
	int hub_id = PG_GETARG_INT32(0);
	WcHubState state;
	WcSlot *slot;
	TupleDesc desc;
	Row row;
	int i;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	memset(&state, 0, sizeof(state));
	if (wc_shared != NULL)
	{
		LWLockAcquire(wc_shared->lock, LW_SHARED);
		slot = wc_slot_of_database(MyDatabaseId);
		for (i = 0; slot != NULL && slot->worker_pid != 0 && i < WC_MAX_HUB_STATES; i++)
		{
			if (slot->hubs[i].hub_id != hub_id)
				continue;
			SpinLockAcquire(&slot->mutex);
			state = slot->hubs[i];
			SpinLockRelease(&slot->mutex);
		}
		LWLockRelease(wc_shared->lock);
	}
	memset(&row, 0, sizeof(row));
	put_time(&row, state.paused_until);
	put_text(&row, state.last_error);
	put(&row, Int64GetDatum(state.queued), state.hub_id == 0);
	put_time(&row, state.oldest_queued);
	put_text(&row, state.link_since == 0 ? "" : link_phase(state.link_phase));
	put_time(&row, state.link_since);
	put_text(&row, state.link_error);
	put(&row, Int64GetDatum(state.link_lost), state.link_since == 0);
	wc_need_columns(desc, row.n);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), row.values, row.nulls));
}
