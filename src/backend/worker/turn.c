/*
 * turn.c
 *	  The turn: one transaction in which everything that came in is written and
 *	  everything that is due is taken.
 *
 * It runs as webchatt_worker, locked in: an application's trigger cannot get
 * back to the role that the process was started as.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlogdefs.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "common/version.h"
#include "conversations/conversations.h"
#include "conversations/erasures.h"
#include "desk/desk_calls.h"
#include "feed/feed.h"
#include "files/file_calls.h"
#include "hubs/reconcile.h"
#include "inbound/inbound.h"
#include "outbound/end_rows.h"
#include "outbound/held.h"
#include "outbound/hub_answers.h"
#include "outbound/outbound.h"
#include "outbound/requeue.h"
#include "outbound/unread.h"
#include "rest/send_requests.h"
#include "rest/webhook_requests.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/event_writer.h"
#include "shared/extension_version.h"
#include "shared/message_id.h"
#include "shared/outbox_append.h"
#include "shared/statements.h"
#include "shared/step_down.h"
#include "turn/changes.h"
#include "turn/config.h"
#include "turn/frame_memory.h"
#include "turn/net_process.h"
#include "turn/report.h"
#include "turn/savepoint.h"
#include "turn/standbys.h"
#include "turn/transaction.h"
#include "visitors/budgets.h"
#include "visitors/ratings.h"
#include "visitors/sessions.h"
#include "worker/facts.h"
#include "worker/orders.h"
#include "worker/parts.h"
#include "worker/turn.h"

/* Between two looks at what is over its time, in ms; a bit less in turns that no commit called for: nobody waits for those. */
#define UPKEEP_MS		1000
#define UPKEEP_EARLY_MS 900

/*
 * Citus keeps its distributed tables in pg_catalog.pg_dist_partition: is one of ours there?
 * Then rows are elsewhere, behind our triggers and plans, and nothing of a turn works.
 */
static bool
is_distributed(void)
{
	bool found;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	found = wc_run(WC_DISTRIBUTED_TABLE, NULL, NULL) == 1 && wc_field_text(0, 1) != NULL;
	SPI_finish();
	PopActiveSnapshot();
	return found;
}

char turn_version_words[64];		/* which version the SQL and the library are, where it is another */
const char *turn_version_hint = ""; /* what is to be done about it */

static bool
is_other_version(void)
{
	char *installed;

	if (wc_version_is_same() || !wc_version_differs(&installed, &turn_version_hint))
		return false;
	snprintf(turn_version_words, sizeof(turn_version_words), "library %s, SQL %s", WC_VERSION, installed);
	return true;
}

/* Are the extension and its role there?  In a transaction of its own. */
TurnReady
turn_extension_ready(void)
{
	TurnReady ready = TURN_READY;

	transaction_open();
	if (!OidIsValid(get_extension_oid("webchatt", true)))
		ready = TURN_NO_EXTENSION;
	else if (is_other_version())
		ready = TURN_OTHER_VERSION;
	else if (!OidIsValid(get_role_oid(WC_WORKER_ROLE, true)))
		ready = TURN_NO_ROLE;
	else if (OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)) && is_distributed())
		ready = TURN_DISTRIBUTED;
	transaction_close();
	return ready;
}

static WcShowedUp
nobody(void)
{
	WcShowedUp s = {wc_column(UUIDOID, 16), wc_column(TEXTOID, 16)};

	return s;
}

/* What others ordered; a first turn makes ready and reads the configuration. */
static void
follow_orders(WcShowedUp *showed_up)
{
	bool first = !config_is_read();
	Orders orders = {first || config_is_wanted(), false, false};

	if (orders.config)
		wc_prepare_statements();
	if (first)
	{
		budgets_load();
		wc_learn_ids(report_slot);
	}
	orders_read(&orders, showed_up);
	if (orders.config)
	{
		config_read();
		feed_configure();
		desk_calls_configure();
		reconcile_nudge();
	}
	if (first || orders.requeue)
		requeue_begin(orders.requeue);
	if (first || orders.requeue || orders.visitors_gone)
		conversations_look_through(!first);
}

/* The turn is committed: its parts say so. */
static void
tell(TimestampTz now)
{
	config_commit(&net_process.out);
	orders_commit(&net_process.out);
	hub_answers_configure();
	sessions_commit(&net_process.out); /* who is welcomed gets what is sent */
	ratings_commit(&net_process.out);
	inbound_commit(&net_process.out); /* a visitor hears "stored" before the reply */
	outbound_commit(now, &net_process.out);
	requeue_commit();
	unread_commit();
	conversations_commit(now, &net_process.out);
	send_requests_commit(&net_process.out);
	webhook_requests_commit(&net_process.out);
	file_calls_commit(&net_process.out);
	reconcile_commit(&net_process.out);
	feed_commit(&net_process.out);
	budgets_commit(now, &net_process.out);
	changes_commit(&net_process.out);
}

/* False: the SQL is of another version by now, so nothing was done. */
static bool
work(TimestampTz now, bool look_at_outbox, bool look_at_orders, bool carefully)
{
	static TimestampTz last_upkeep = 0;
	WcShowedUp showed_up;
	XLogRecPtr seen;
	size_t told = net_process.out.len;

	transaction_begin();
	if (unlikely(!wc_version_is_same()))
	{
		transaction_commit();
		return false;
	}
	wc_outbox_touched = false;
	showed_up = nobody();
	if (look_at_orders)
		follow_orders(&showed_up);
	hub_answers_configure();
	outbound_record(now, carefully);
	inbound_apply(now, carefully, &showed_up);
	send_requests_apply();
	webhook_requests_apply();
	file_calls_apply(now, inbound_pending() > 0);
	reconcile_apply(now);
	feed_apply(now);
	sessions_apply(now, &showed_up);
	ratings_apply();
	erasures_apply(now);
	held_release(now, &showed_up);
	unread_apply(now); /* who is there again is not away */
	budgets_save(now);
	facts_apply(now);
	if (TimestampDifferenceExceeds(last_upkeep, now, look_at_outbox ? UPKEEP_MS : UPKEEP_EARLY_MS))
	{
		outbound_expire();
		outbound_upkeep();
		feed_upkeep(now);
		last_upkeep = now;
	}
	outbound_read(now, look_at_outbox || wc_outbox_touched || requeue_ready(now));
	if (requeue_apply(now))
		outbound_read(now, true);							/* what we append is not seen by later turns */
	conversations_apply(now, outbound_will_take_live(now)); /* knows what was written and read by now */
	outbound_take(now);
	feed_take(now);
	seen = standbys_seen();
	transaction_commit();

	tell(now);

	/* what was only read, a repeat say, may be of a commit whose wait was broken off */
	if (net_process.out.len != told)
	{
		transaction_interruptible = true;
		standbys_wait(seen);
		transaction_interruptible = false;
	}
	return true;
}

/*
 * One turn.  When it fails as a whole it is done again with care, each event
 * and each outcome in a savepoint; when that fails too, the error goes up.  One
 * that met a repeat is only done again.  False: there was none, find out why.
 */
bool
turn_run(TimestampTz now, bool look_at_outbox, bool look_at_orders)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData *volatile error = NULL;
	volatile bool carefully = false;
	volatile bool done = false;

	frame_memory_of_turn = context;

	for (;;)
	{
		PG_TRY();
		{
			done = work(now, look_at_outbox, look_at_orders, carefully);
		}
		PG_CATCH();
		{
			MemoryContextSwitchTo(context);
			error = CopyErrorData();
			FlushErrorState();
			transaction_abort();
			MemoryContextSwitchTo(context);
			parts_rollback(error);
		}
		PG_END_TRY();
		if (error == NULL)
			return done;
		if (carefully || savepoint_error_is_systemic(error) || ProcDiePending)
			ReThrowError(error);
		carefully = !inbound_met_repeat(error, now) && !end_rows_met_repeat(error, now);
		FreeErrorData(error);
		error = NULL;
	}
}

static void
truncate_step(void *arg)
{
	int child = *(int *) arg;

	StaticAssertStmt(WC_ANY_IN_OUTBOX_1 == WC_ANY_IN_OUTBOX_0 + 1 && WC_ANY_IN_OUTBOX_2 == WC_ANY_IN_OUTBOX_0 + 2 &&
						 WC_EMPTY_OUTBOX_1 == WC_EMPTY_OUTBOX_0 + 1 && WC_EMPTY_OUTBOX_2 == WC_EMPTY_OUTBOX_0 + 2,
					 "one for each child");
	if (wc_run_any(WC_ANY_IN_OUTBOX_0 + child, NULL, NULL) == 0)
		return;
	LockRelationOid(wc_relation(psprintf("outbox_%d", child)), AccessExclusiveLock);
	if (outbound_child_is_empty(child) && orders_child_is_empty(child) && conversations_are_done(child))
		wc_run_any(WC_EMPTY_OUTBOX_0 + child, NULL, NULL);
}

/*
 * Empty the outbox tables that are not being written to and in which nothing
 * is left to do.  One that somebody has open is left for the next time.
 */
void
turn_tidy_outbox(void)
{
	int child;

	for (child = 0; child < 3; child++)
	{
		if (child == wc_outbox_current())
			continue;
		transaction_begin();
		(void) savepoint_try(truncate_step, &child, LOCK_WAIT_BLOCKED_MS);
		transaction_commit();
	}
}
