/*
 * reconcile.c
 *	  Hub connections that keep themselves: calls to hubs' REST APIs, which ones
 *	  SQL decides, and the state of links.
 *
 * For each hub that webhooks are registered at, webchatt._hub_call() says what
 * to ask it next, and webchatt._hub_answered() takes the answer in; here is what
 * lies between: one call under way for each hub, answers until they are written,
 * and when to ask SQL again.  It is memory only, for each step can be done again.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/corridor.h"
#include "hubs/reconcile.h"
#include "outbound/overdue.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/settings.h"
#include "shared/shmem.h"
#include "shared/statements.h"
#include "shared/valid_text.h"
#include "turn/config.h"
#include "turn/net_process.h"
#include "turn/report.h"
#include "turn/savepoint.h"
#include "turn/transaction.h"

/* Between two looks at which hubs there are, in ms; a change says so by itself. */
#define REFRESH_MS 60000

/* The pause after a step failed here (a lock that is held, ...), in ms. */
#define AGAIN_MS 1000

/* How much longer than its time-outs a call is waited for, in ms. */
#define CALL_GRACE_MS 60000

typedef struct Answer
{
	int status; /* 0: none, error says why */
	int retry_after_ms;
	char *body;
	char *error;
} Answer;

typedef struct Kept
{
	dlist_node node;
	int hub_id;
	bool found;		   /* scratch: it is still kept */
	uint64 token;	   /* of the call under way, 0: none */
	TimestampTz asked; /* when that left */
	char *key;		   /* the API key that it went with */
	Answer *answer;	   /* that is not written yet */
	TimestampTz due;   /* when to look what is to be done */

	/* this turn's */
	bool taken; /* the answer is written */
	uint64 new_token;
	TimestampTz new_due; /* 0: as it is */
} Kept;

static dlist_head kept = DLIST_STATIC_INIT(kept);
static MemoryContext reconcile_context = NULL;
static uint64 last_token = 0;
static TimestampTz next_refresh = 0;
static bool nudged = true;	   /* something was configured */
static bool came_back = true;  /* webchatt-net was away */
static bool refreshed = false; /* in this turn */
static bool looked = false;	   /* in this turn */
static wc_buf calls;		   /* this turn's */

static MemoryContext
context(void)
{
	if (reconcile_context == NULL)
		reconcile_context = AllocSetContextCreate(TopMemoryContext, "webchatt reconcile", ALLOCSET_DEFAULT_SIZES);
	return reconcile_context;
}

static Kept *
find(int hub_id)
{
	dlist_iter iter;

	dlist_foreach(iter, &kept)
	{
		Kept *k = dlist_container(Kept, node, iter.cur);

		if (k->hub_id == hub_id)
			return k;
	}
	return NULL;
}

static void
free_answer(Kept *k)
{
	if (k->answer == NULL)
		return;
	/* it may hold a signing secret */
	explicit_bzero(k->answer->body, strlen(k->answer->body));
	pfree(k->answer->body);
	pfree(k->answer->error);
	pfree(k->answer);
	k->answer = NULL;
}

static void
free_key(Kept *k)
{
	if (k->key != NULL)
	{
		explicit_bzero(k->key, strlen(k->key));
		pfree(k->key);
	}
	k->key = NULL;
}

static void
forget(Kept *k)
{
	free_answer(k);
	free_key(k);
	dlist_delete(&k->node);
	pfree(k);
}

static char *
keep_text(wc_str s)
{
	char *copy = MemoryContextAlloc(context(), s.len + 1);

	if (s.len > 0)
		memcpy(copy, s.p, s.len);
	copy[s.len] = '\0';
	return copy;
}

/* Show in webchatt.status how a link is doing; returns the events that it lost anew. */
static int64
publish_link(const wc_link_state *m)
{
	int n = pg_mbcliplen(m->error.p, (int) m->error.len, WC_HUB_ERROR_SIZE - 1);
	TimestampTz now = GetCurrentTimestamp();
	int64 lost = 0;
	WcHubState *h;

	SpinLockAcquire(&report_slot->mutex);
	h = wc_hub_state(report_slot, (int) m->hub);
	if (h != NULL)
	{
		if (h->link_since == 0 || h->link_phase != m->phase)
			h->link_since = now;
		h->link_phase = m->phase;
		if (n > 0)
			memcpy(h->link_error, m->error.p, n);
		h->link_error[n] = '\0';
		if (m->phase == WC_LINK_OPEN)
		{
			lost = (int64) m->lost - h->link_lost;
			h->link_lost = (int64) m->lost;
		}
	}
	SpinLockRelease(&report_slot->mutex);
	return lost;
}

bool
reconcile_accept_link_state(const wc_frame *frame)
{
	wc_link_state m;
	const ConfigHub *hub;
	int64 lost;

	if (!wc_read_link_state(frame, &m) || m.lost > PG_INT64_MAX)
		return false;
	if (!wc_texts_are_valid(&m.error, 1))
		m.error = wc_str_from("an error whose text is not UTF-8");
	hub = config_hub((int) m.hub);
	if (hub == NULL || !hub->link)
		return true; /* it was removed meanwhile, or calls us now */
	lost = publish_link(&m);
	if (lost > 0 && net_process_may_say())
	{
		char *text = psprintf("hub %s dropped " INT64_FORMAT " events before its link came for them", hub->name, lost);

		ereport(WARNING,
				(errmsg("webchatt: %s", text),
				 errdetail("The link was away for longer than the hub keeps events (webchatt.feed_retention there).")));
		report_error(text);
	}
	return true;
}

bool
reconcile_accept_call_done(const wc_frame *frame)
{
	wc_call_done m;
	dlist_iter iter;
	wc_str texts[2];

	if (!wc_read_call_done(frame, &m) || m.http_status > 999 || m.body.len > WC_MAX_CALL_ANSWER)
		return false;
	texts[0] = m.body;
	texts[1] = m.error;
	if (!wc_texts_are_valid(texts, lengthof(texts)))
	{
		m.http_status = 0;
		m.body = wc_str_from("");
		m.error = wc_str_from("its answer is not text");
	}
	m.error.len = (uint32) pg_encoding_mbcliplen(PG_UTF8, m.error.p, (int) m.error.len, WC_ERROR_SIZE);
	dlist_foreach(iter, &kept)
	{
		Kept *k = dlist_container(Kept, node, iter.cur);

		if (k->token == 0 || k->token != m.token)
			continue;
		k->token = 0;
		k->answer = MemoryContextAlloc(context(), sizeof(Answer));
		k->answer->status = (int) m.http_status;
		k->answer->retry_after_ms = (int) Min(m.retry_after_ms, 3600000);
		k->answer->body = keep_text(m.body);
		k->answer->error = keep_text(m.error);
		k->due = 0;
		break;
	}
	return true; /* or of a time before webchatt-net was restarted */
}

/* Is there something to do about this hub? */
static bool
is_due(const Kept *k, TimestampTz now)
{
	if (k->due > now)
		return false;
	return k->answer != NULL || (k->token == 0 && net_process_has_room());
}

/* Has a call been under way for longer than webchatt-net lets it?  Then it is lost. */
static TimestampTz
call_ends(const Kept *k)
{
	return TimestampTzPlusMilliseconds(k->asked, (int64) wc_send_timeout + wc_connect_timeout + CALL_GRACE_MS);
}

/* webchatt-net was away, and is there again: what the hubs sent meanwhile failed. */
static bool
is_back(void)
{
	return came_back && !dlist_is_empty(&kept) && net_process_has_room();
}

static bool
reconcile_ready(TimestampTz now)
{
	dlist_iter iter;

	if (nudged || next_refresh <= now || overdue_ready(now) || is_back())
		return true;
	dlist_foreach(iter, &kept)
	{
		const Kept *k = dlist_container(Kept, node, iter.cur);

		if (is_due(k, now) || (k->token != 0 && call_ends(k) <= now))
			return true;
	}
	return false;
}

static TimestampTz
reconcile_next_due(void)
{
	TimestampTz next = next_refresh;
	TimestampTz due = overdue_next_due();
	dlist_iter iter;

	if (due != 0 && due < next)
		next = due;
	dlist_foreach(iter, &kept)
	{
		const Kept *k = dlist_container(Kept, node, iter.cur);

		due = k->token != 0 ? call_ends(k) : k->due;
		/* what waits for webchatt-net is waked by it */
		if ((k->token != 0 || k->answer != NULL || net_process_has_room()) && due < next)
			next = due;
	}
	return Max(next, 1);
}

/* Something was configured: look what is to be done. */
void
reconcile_nudge(void)
{
	nudged = true;
}

static void
refresh_step(void *arg)
{
	uint64 n = wc_run(WC_KEPT_HUBS, NULL, NULL);
	dlist_mutable_iter iter;
	uint64 i;

	dlist_foreach_modify(iter, &kept) dlist_container(Kept, node, iter.cur)->found = false;
	for (i = 0; i < n; i++)
	{
		bool isnull;
		int id = DatumGetInt32(wc_field(i, 1, &isnull));
		Kept *k = find(id);

		if (k == NULL)
		{
			k = MemoryContextAllocZero(context(), sizeof(Kept));
			k->hub_id = id;
			dlist_push_tail(&kept, &k->node);
		}
		k->found = true;
	}
	dlist_foreach_modify(iter, &kept)
	{
		Kept *k = dlist_container(Kept, node, iter.cur);

		if (!k->found)
			forget(k);
		else if (nudged && k->answer == NULL)
			k->due = 0;
	}
}

static void
look_step(void *arg)
{
	wc_run(WC_LOOK_AT_LOGS, NULL, NULL);
}

/* The hub refuses the key: nothing is asked, and nothing sent there, until it has another. */
static void
stop_hub(const Kept *k)
{
	const ConfigHub *hub = config_hub(k->hub_id);
	Datum args[3];

	if (hub == NULL || k->key == NULL)
		return;
	args[0] = Int32GetDatum(k->hub_id);
	args[1] = CStringGetTextDatum(k->key);
	args[2] = CStringGetTextDatum("the hub refused the API key (401)");
	if (wc_run(WC_STOP_HUB, args, NULL) > 0)
		ereport(WARNING,
				(errmsg("webchatt stopped asking and sending to hub %s: it refused the API key (401)", hub->api_url),
				 errhint("Give it a valid key: SELECT webchatt.connect_hub(api_key => ..., ...).")));
}

static void
answer_step(void *arg)
{
	Kept *k = arg;
	Datum args[5];

	if (k->answer->status == 401)
		stop_hub(k);
	args[0] = Int32GetDatum(k->hub_id);
	args[1] = Int32GetDatum(k->answer->status);
	args[2] = CStringGetTextDatum(k->answer->body);
	args[3] = CStringGetTextDatum(k->answer->error);
	args[4] = Int32GetDatum(k->answer->retry_after_ms);
	wc_run(WC_HUB_ANSWERED, args, NULL);
}

typedef struct Failure
{
	int hub_id;
	const char *why;
} Failure;

static void
failed_step(void *arg)
{
	Failure *f = arg;
	Datum args[2];

	args[0] = Int32GetDatum(f->hub_id);
	args[1] = CStringGetTextDatum(f->why);
	wc_run(WC_HUB_FAILED, args, NULL);
}

/* Not the hub's fault but ours: said where people look, and tried again later. */
static void
note_failure(const Kept *k, const ErrorData *error)
{
	Failure f = {k->hub_id, error->message ? error->message : "unknown error"};

	report_error(psprintf("keeping the webhooks at hub %d: %s", k->hub_id, f.why));
	(void) savepoint_try_for(failed_step, &f, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
}

/* Write an answer down; false: it has to wait, because somebody holds the rows. */
static bool
take_answer(Kept *k, TimestampTz now)
{
	ErrorData *error = savepoint_try_for(answer_step, k, LOCK_WAIT_MS, STEP_TIME_MS);

	if (error != NULL && savepoint_error_is_transient(error))
	{
		k->new_due = TimestampTzPlusMilliseconds(now, AGAIN_MS);
		return false;
	}
	if (error != NULL)
		note_failure(k, error);
	k->taken = true;
	return true;
}

/* Ask SQL what is to be asked of the hub, and write the call. */
static void
call_step(void *arg)
{
	Kept *k = arg;
	Datum hub = Int32GetDatum(k->hub_id);
	wc_call call;
	char *body;
	bool isnull;

	if (wc_run(WC_HUB_CALL, &hub, NULL) != 1)
		elog(ERROR, "_hub_call() answered nothing");
	if (wc_field_text(0, 1) == NULL)
	{
		int64 ms = DatumGetInt64(wc_field(0, 4, &isnull));

		k->new_due = TimestampTzPlusMilliseconds(wc_clock(), Max(1, Min(ms, REFRESH_MS)));
		return;
	}
	body = wc_field_text(0, 3);
	call.token = ++last_token;
	call.hub = (uint32_t) k->hub_id;
	call.method = wc_str_from(wc_field_text(0, 1));
	call.path = wc_str_from(wc_field_text(0, 2));
	call.body = wc_str_from(body ? body : "");
	if (!wc_write_call(&calls, &call))
		elog(ERROR, "a call to the hub does not fit into a frame");
	k->new_token = call.token;
}

static void
make_call(Kept *k, TimestampTz now)
{
	ErrorData *error;

	error = savepoint_try_for(call_step, k, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
	if (error == NULL)
		return;
	k->new_token = 0;
	k->new_due = TimestampTzPlusMilliseconds(now, AGAIN_MS);
	if (!savepoint_error_is_transient(error))
		note_failure(k, error);
}

/* Take in what hubs answered, and see what is to be asked of them next. */
void
reconcile_apply(TimestampTz now)
{
	dlist_iter iter;
	ErrorData *error;

	wc_buf_reset(&calls);
	overdue_apply(now);
	if (nudged || next_refresh <= now)
	{
		refreshed = true;
		error = savepoint_try_for(refresh_step, NULL, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
		if (error != NULL)
			report_error(error->message);
	}
	if (is_back())
		looked = savepoint_try_for(look_step, NULL, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS) == NULL;
	dlist_foreach(iter, &kept)
	{
		Kept *k = dlist_container(Kept, node, iter.cur);

		k->taken = false;
		k->new_token = 0;
		k->new_due = 0;
		if (looked && k->answer == NULL)
			k->due = 0;
		if (k->token != 0 && call_ends(k) <= now)
			k->token = 0;
		if (!is_due(k, now) || (k->answer != NULL && !take_answer(k, now)))
			continue;
		if (k->token == 0 && net_process_has_room())
			make_call(k, now);
		else
			k->new_due = now;
	}
}

/* A hub whose events come another way now has no link: nobody waits for that one to be open. */
static void
forget_links(void)
{
	int i;

	for (i = 0; i < WC_MAX_HUB_STATES; i++)
	{
		WcHubState *h = &report_slot->hubs[i];
		const ConfigHub *hub = h->link_since != 0 ? config_hub(h->hub_id) : NULL;

		if (hub == NULL || hub->link)
			continue;
		SpinLockAcquire(&report_slot->mutex);
		h->link_since = 0;
		SpinLockRelease(&report_slot->mutex);
	}
}

/* Committed: the answers are written, the calls leave. */
void
reconcile_commit(wc_buf *out)
{
	TimestampTz now = wc_clock();
	dlist_iter iter;

	forget_links();
	overdue_commit();
	if (refreshed)
	{
		nudged = false;
		next_refresh = TimestampTzPlusMilliseconds(now, REFRESH_MS);
	}
	if (looked)
		came_back = false;
	refreshed = looked = false;
	dlist_foreach(iter, &kept)
	{
		Kept *k = dlist_container(Kept, node, iter.cur);
		const ConfigHub *hub = config_hub(k->hub_id);

		if (k->taken)
			free_answer(k);
		if (k->new_due != 0)
			k->due = k->new_due;
		if (k->new_token != 0)
		{
			free_key(k);
			k->key = hub && hub->api_key ? MemoryContextStrdup(context(), hub->api_key) : NULL;
			k->token = k->new_token;
			k->asked = now;
		}
		k->taken = false;
		k->new_token = 0;
		k->new_due = 0;
	}
	if (report_stats.corridor_open)
		wc_buf_append(out, calls.data, calls.len);
	wc_buf_reset(&calls);
}

/* Undone: nothing is written, nothing was asked. */
static void
reconcile_rollback(const ErrorData *error)
{
	dlist_iter iter;

	overdue_rollback();
	refreshed = looked = false;
	dlist_foreach(iter, &kept)
	{
		Kept *k = dlist_container(Kept, node, iter.cur);

		k->taken = false;
		k->new_token = 0;
		k->new_due = 0;
	}
	wc_buf_reset(&calls);
}

/* webchatt-net is gone, and with it what was under way: it is asked again. */
static void
reconcile_net_lost(void)
{
	dlist_iter iter;
	int i;

	came_back = true;
	dlist_foreach(iter, &kept)
	{
		Kept *k = dlist_container(Kept, node, iter.cur);

		if (k->token != 0)
			k->due = 0;
		k->token = 0;
	}
	SpinLockAcquire(&report_slot->mutex);
	for (i = 0; i < WC_MAX_HUB_STATES; i++)
		report_slot->hubs[i].link_since = 0;
	SpinLockRelease(&report_slot->mutex);
}

/* Forget everything, as after a start. */
static void
reconcile_reset(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &kept) forget(dlist_container(Kept, node, iter.cur));
	overdue_reset();
	nudged = came_back = true;
	next_refresh = 0;
	wc_buf_reset(&calls);
}

const TurnPart reconcile_part = {
	.ready = reconcile_ready,
	.next_due = reconcile_next_due,
	.rollback = reconcile_rollback,
	.net_lost = reconcile_net_lost,
	.reset = reconcile_reset,
};
