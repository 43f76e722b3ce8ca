/*
 * webhooks.c
 *	  The local hub's webhooks as the worker has them: configured, verified, sent
 *	  what their queues have.
 *
 * delivery_results.c writes down what became of deliveries, delivery_retries.c makes
 * those that somebody asked for once more.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "feed/deliveries.h"
#include "feed/delivery_queue.h"
#include "feed/delivery_results.h"
#include "feed/delivery_retries.h"
#include "feed/feed_list.h"
#include "feed/webhook.h"
#include "feed/webhooks.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/statements.h"
#include "turn/net_process.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* The pause between two questions to an endpoint, in ms: doubled each time. */
#define VERIFY_FIRST_MS 1000
#define VERIFY_MOST_MS	300000

/* Random bytes of a question. */
#define VERIFY_BYTES 16

/* The configuration as this turn has read it. */
static MemoryContext fresh_context = NULL;
static WebhookRow *fresh_rows = NULL; /* NULL: it was not read */
static int nfresh_rows = 0;

static MemoryContext rows_context = NULL; /* that which counts */

static char *
keep_text(uint64 row, int column)
{
	char *s = wc_field_text(row, column);

	return s ? MemoryContextStrdup(fresh_context, s) : NULL;
}

static TimestampTz
time_field(uint64 row, int column)
{
	bool isnull;
	Datum d = wc_field(row, column, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(d);
}

static void
progress_step(void *arg)
{
	wc_run(WC_MAKE_PROGRESS, NULL, NULL);
}

/* Read which webhooks there are; it counts from the commit on.  False: not all could be read now. */
bool
webhooks_read_configuration(void)
{
	bool complete = savepoint_try_for(progress_step, NULL, LOCK_WAIT_BLOCKED_MS, FEEDS_TIME_MS) == NULL;
	uint64 n = wc_run(WC_READ_WEBHOOKS, NULL, NULL);
	uint64 i;

	if (fresh_context != NULL)
		MemoryContextDelete(fresh_context);
	fresh_context = AllocSetContextCreate(TopMemoryContext, "webchatt webhooks", ALLOCSET_SMALL_SIZES);
	fresh_rows = MemoryContextAllocZero(fresh_context, sizeof(WebhookRow) * Max(1, n));
	nfresh_rows = (int) n;
	for (i = 0; i < n; i++)
	{
		WebhookRow *row = &fresh_rows[i];
		bool isnull;

		row->id = *DatumGetUUIDP(wc_field(i, 1, &isnull));
		row->n = (uint32) DatumGetInt32(wc_field(i, 2, &isnull));
		row->kind = feed_list_kind(wc_field_text(i, 3));
		row->endpoint = keep_text(i, 4);
		row->headers = keep_text(i, 5);
		row->secret = keep_text(i, 6);
		row->active = DatumGetBool(wc_field(i, 7, &isnull));
		row->verified = DatumGetBool(wc_field(i, 8, &isnull));
		row->done_upto = DatumGetInt64(wc_field(i, 9, &isnull));
		row->failures = DatumGetInt32(wc_field(i, 10, &isnull));
		row->failing_since = time_field(i, 11);
		row->last_error = keep_text(i, 12);
		row->last_success_at = time_field(i, 13);
		row->known_upto = DatumGetInt64(wc_field(i, 14, &isnull));
		row->channels = feed_list_channels(i, 15, fresh_context);
		row->modified_at = time_field(i, 16);
	}
	return complete;
}

/* Is there any, active or not? */
bool
webhooks_exist(void)
{
	dlist_iter at;
	Webhook *w;

	if (fresh_rows != NULL)
		return nfresh_rows > 0;
	each_webhook(w, at) return true;
	return false;
}

static Webhook *
make_webhook(const WebhookRow *row)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "webchatt webhook", ALLOCSET_DEFAULT_SIZES);
	Webhook *w = MemoryContextAllocZero(context, sizeof(Webhook));

	w->context = context;
	w->row = row;
	w->progress.failures = row->failures;
	w->progress.failing_since = row->failing_since;
	w->progress.last_success_at = row->last_success_at;
	webhook_set_error(&w->progress, row->last_error);
	w->probing = row->failing_since != 0; /* carefully: with one */
	w->done_upto = row->done_upto;
	w->feed.has_room = delivery_queue_has_room;
	w->feed.take = delivery_queue_add;
	w->feed.known_upto = row->known_upto;
	w->feed.webhook = row->id;
	w->feed.upto = row->done_upto;
	w->feed.more = true;
	delivery_queue_init(w);
	dlist_push_tail(&feed_list, &w->feed.node);
	dlist_push_tail(&webhooks_all, &w->node);
	return w;
}

/* What is under way to it, or has just come back, is of no interest any more. */
static void
free_webhook(Webhook *w)
{
	HASH_SEQ_STATUS scan;
	Delivery *d;

	if (deliveries_all != NULL)
	{
		hash_seq_init(&scan, deliveries_all);
		while ((d = hash_seq_search(&scan)) != NULL)
		{
			if (d->webhook == w)
				deliveries_forget(d);
		}
	}
	delivery_queue_free(w);
	dlist_delete(&w->feed.node);
	dlist_delete(&w->node);
	MemoryContextDelete(w->context);
}

/* A known webhook has a new configuration. */
static void
reconfigure(Webhook *w, const WebhookRow *row)
{
	const WebhookRow *old = w->row;
	bool was = old->active && old->verified;
	bool is = row->active && row->verified;

	w->row = row;
	if ((was && !is) || old->kind != row->kind)
		w->shedding = true;
	if (!was && is)
	{
		/* it is given time anew */
		w->success_at = 0;
		w->progress.failures = 0;
		w->progress.failing_since = 0;
		w->probing = false;
		w->pause_ms = 0;
		w->dirty = true;
		delivery_queue_wake(w);
	}
	/* also when nothing else changed: by webchatt.alter_webhook() somebody asks for it */
	if (strcmp(old->endpoint, row->endpoint) != 0 || old->active != row->active || old->verified != row->verified ||
		old->modified_at != row->modified_at)
	{
		w->verify_due = 0;
		w->verify_ms = 0;
	}
}

static void
write_put(wc_buf *out, const WebhookRow *row)
{
	wc_webhook_put m;

	m.webhook = row->n;
	m.endpoint = wc_str_from(row->endpoint);
	m.headers = wc_str_from(row->headers ? row->headers : "");
	m.secret = wc_str_from(row->secret ? row->secret : "");
	(void) wc_write_webhook_put(out, &m);
}

/* Tell webchatt-net everything, as after its start. */
void
webhooks_write_all(wc_buf *out)
{
	dlist_iter at;
	Webhook *w;

	each_webhook(w, at) write_put(out, w->row);
}

static void
commit_configuration(wc_buf *out)
{
	dlist_mutable_iter iter;
	dlist_iter at;
	Webhook *w;
	int i;

	if (fresh_rows == NULL)
		return;
	each_webhook(w, at) w->listed = false;
	for (i = 0; i < nfresh_rows; i++)
	{
		w = webhook_find(&fresh_rows[i].id);
		if (w == NULL)
			w = make_webhook(&fresh_rows[i]);
		else
			reconfigure(w, &fresh_rows[i]);
		w->feed.channels = fresh_rows[i].channels;
		w->listed = true;
	}
	dlist_foreach_modify(iter, &webhooks_all)
	{
		wc_webhook_gone gone;

		w = dlist_container(Webhook, node, iter.cur);
		if (w->listed)
			continue;
		gone.webhook = w->row->n;
		if (report_stats.corridor_open)
			wc_write_webhook_gone(out, &gone);
		free_webhook(w);
	}
	if (rows_context != NULL)
		MemoryContextDelete(rows_context);
	rows_context = fresh_context;
	fresh_context = NULL;
	fresh_rows = NULL;
	delivery_retries_look();
	if (report_stats.corridor_open)
		webhooks_write_all(out);
}

/* The pause before the next question, after one that got no good answer. */
static void
ask_later(Webhook *w, TimestampTz now)
{
	w->verify_ms = w->verify_ms == 0 ? VERIFY_FIRST_MS : Min(w->verify_ms * 2, VERIFY_MOST_MS);
	w->verify_due = TimestampTzPlusMilliseconds(now, wc_jittered(w->verify_ms));
}

/* An attempt's end is in the tables. */
static void
settle(Delivery *d, TimestampTz now)
{
	Webhook *w = d->webhook;

	if (d->kind == DELIVERY_VERIFY)
	{
		w->verifying = false;
		ask_later(w, now); /* unless the configuration says that it was good */
	}
	else
		delivery_queue_settle(d, now);
	if (d->kind == DELIVERY_RETRY)
	{
		if (d->good)
			delivery_queue_done(w, d->event->seq);
		delivery_retries_look();
	}
	deliveries_forget(d);
}

/* The turn is committed: what it wrote and read counts. */
void
webhooks_commit(TimestampTz now)
{
	dlist_mutable_iter iter;
	dlist_iter at;
	Webhook *w;

	each_webhook(w, at)
	{
		if (w->touched)
			w->progress = w->next;
		w->dirty = (w->dirty || w->touched) && !w->writing;
		w->touched = false;
		if (w->writing)
		{
			w->done_upto = w->fresh_done_upto;
			w->written_at = now;
		}
		w->writing = false;
	}
	dlist_foreach_modify(iter, &deliveries_ended)
	{
		Delivery *d = dlist_container(Delivery, node, iter.cur);

		if (!d->recorded)
			continue;
		report_stats.deliveries += d->good && d->kind != DELIVERY_VERIFY;
		settle(d, now);
	}
	each_webhook(w, at) delivery_queue_commit(w, now);
}

/* Forget what waits: it is read again when there is somebody to have it. */
static void
shed(Webhook *w)
{
	delivery_queue_free(w);
	delivery_queue_init(w);
	w->feed.known_upto = Max(w->feed.known_upto, w->feed.upto);
	w->feed.upto = w->done_upto;
	w->feed.more = true;
	w->shedding = false;
}

/* Ask an endpoint whether it is one (doc/hub-contract.md, section 3). */
static void
ask(Webhook *w, wc_buf *out)
{
	uint8 random[VERIFY_BYTES];
	char token[VERIFY_BYTES * 2 + 1];
	Delivery *d;
	int i;

	if (!pg_strong_random(random, sizeof(random)))
		return;
	for (i = 0; i < VERIFY_BYTES; i++)
		snprintf(token + 2 * i, 3, "%02x", random[i]);
	d = deliveries_start(w, DELIVERY_VERIFY);
	d->attempt = 1;
	d->endpoint = MemoryContextStrdup(TopMemoryContext, w->row->endpoint);
	w->verifying = true;
	if (!deliveries_write(out, d, token))
		deliveries_fail(d, "the question is too large");
}

static bool
is_to_be_asked(const Webhook *w)
{
	return w->listed && w->row->active && !w->row->verified && !w->verifying;
}

static void
hand_over(Webhook *w, TimestampTz now, wc_buf *out)
{
	FeedItem *item;

	while (net_process_has_room() && (item = delivery_queue_next(w, now)) != NULL)
	{
		Delivery *d = deliveries_start(w, DELIVERY_EVENT);

		d->item = item;
		d->attempt = item->attempts + 1;
		if (!deliveries_write(out, d, NULL))
			deliveries_fail(d, "the event is too large");
	}
}

/* Behind the commit: the configuration, then all whose turn it is. */
void
webhooks_go_on(TimestampTz now, wc_buf *out)
{
	dlist_iter at;
	Webhook *w;

	delivery_retries_commit(out);
	commit_configuration(out);
	each_webhook(w, at)
	{
		if (w->shedding && w->under_way == 0)
			shed(w);
		if (is_to_be_asked(w) && w->verify_due <= now && net_process_has_room())
			ask(w, out);
		hand_over(w, now, out);
	}
}

/* What was read in this turn was not, and how far they have come is not in the table. */
void
webhooks_undo_read(void)
{
	dlist_iter at;
	Webhook *w;

	each_webhook(w, at)
	{
		w->writing = false;
		delivery_queue_undo_read(w);
	}
	delivery_retries_rollback();
}

void
webhooks_rollback(void)
{
	delivery_results_undo_apply();
	webhooks_undo_read();
	if (fresh_context != NULL)
		MemoryContextDelete(fresh_context);
	fresh_context = NULL;
	fresh_rows = NULL;
}

/* Is there anything to do without waiting, but for what has come back? */
bool
webhooks_ready(TimestampTz now)
{
	bool room = net_process_has_room();
	dlist_iter at;
	Webhook *w;

	if (delivery_retries_ready())
		return true;
	each_webhook(w, at)
	{
		if (w->shedding && w->under_way == 0)
			return true;
		if (room && (delivery_queue_ready(w, now) || (is_to_be_asked(w) && w->verify_due <= now)))
			return true;
	}
	return false;
}

/* When the next thing is due that nothing announces; 0: nothing is. */
TimestampTz
webhooks_next_due(void)
{
	TimestampTz next = 0;
	dlist_iter at;
	Webhook *w;

	if (!net_process_has_room())
		return 0;
	each_webhook(w, at)
	{
		TimestampTz due = is_to_be_asked(w) ? w->verify_due : delivery_queue_next_due(w);

		if (due != 0 && (next == 0 || due < next))
			next = due;
	}
	return next;
}

/* Events up to this number are dropped: the table was told whose they were. */
void
webhooks_dropped(int64 upto)
{
	dlist_iter at;
	Webhook *w;

	each_webhook(w, at)
	{
		delivery_queue_dropped(w, upto);
		w->feed.upto = Max(w->feed.upto, upto);
		w->done_upto = Max(w->done_upto, upto);
	}
}

/* webchatt-net is gone: what was under way goes again; what came back before stays. */
void
webhooks_net_lost(void)
{
	HASH_SEQ_STATUS scan;
	Delivery *d;

	if (deliveries_all == NULL)
		return;
	hash_seq_init(&scan, deliveries_all);
	while ((d = hash_seq_search(&scan)) != NULL)
	{
		if (d->ended)
			continue;
		if (d->kind == DELIVERY_EVENT)
			delivery_queue_put_back(d->item);
		else if (d->kind == DELIVERY_RETRY)
			delivery_retries_look();
		else
			d->webhook->verifying = false;
		deliveries_forget(d);
	}
}

/* Forget everything, as after a start. */
void
webhooks_reset(void)
{
	dlist_mutable_iter iter;

	webhooks_rollback();
	dlist_foreach_modify(iter, &webhooks_all) free_webhook(dlist_container(Webhook, node, iter.cur));
	if (rows_context != NULL)
		MemoryContextDelete(rows_context);
	rows_context = NULL;
	delivery_retries_look();
}
