/*
 * delivery_results.c
 *	  What became of attempts to deliver, and what that means to events and
 *	  webhooks: written down for all of them together.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "feed/deliveries.h"
#include "feed/delivery_queue.h"
#include "feed/delivery_results.h"
#include "feed/feed_list.h"
#include "feed/webhook.h"
#include "shared/columns.h"
#include "shared/message_id.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* Ends of attempts that one turn writes down. */
#define ENDS_MOST 2048

/* How often the table is told of events that were only passed over, in ms. */
#define PASSED_MS 1000

/* What went wrong, for a person. */
static const char *
describe(const Delivery *d)
{
	if (d->error != NULL)
		return d->error;
	return d->http_status != 0 ? psprintf("HTTP %d", d->http_status) : "no answer";
}

static bool
is_longer_than_patience(TimestampTz since, TimestampTz now)
{
	return since != 0 && now - since >= (int64) wc_webhook_patience * USECS_PER_SEC;
}

/* What an attempt's end means, to the event and to the webhook. */
static void
delivery_results_classify(Delivery *d, TimestampTz now)
{
	Webhook *w = d->webhook;
	TimestampTz wall = GetCurrentTimestamp();

	d->verdict = d->good ? VERDICT_GOOD : d->unsent ? VERDICT_GIVEN_UP : VERDICT_AGAIN;
	if (d->kind == DELIVERY_EVENT)
		d->item->finished = d->verdict != VERDICT_AGAIN;
	if (d->unsent)
		return;
	if (!w->touched)
		w->next = w->progress;
	w->touched = true;
	if (!d->good)
		webhook_set_error(&w->next, describe(d));
	if (d->kind == DELIVERY_VERIFY)
		return;
	if (d->good)
	{
		w->next.failures = 0;
		w->next.failing_since = 0;
		w->next.last_success_at = wall;
	}
	else
	{
		w->next.failures++;
		if (w->next.failing_since == 0)
			w->next.failing_since = wall;
	}
	/* where nothing got through since, it is not the event's fault: the webhook is paused */
	if (d->kind == DELIVERY_EVENT && d->verdict == VERDICT_AGAIN && is_longer_than_patience(d->item->since, now) &&
		w->success_at > d->item->since && !is_longer_than_patience(w->next.failing_since, wall))
	{
		d->verdict = VERDICT_GIVEN_UP;
		d->item->finished = true;
	}
}

/* The columns of an attempt's row, as WC_RECORD_DELIVERIES has them. */
static void
add_attempt(WcColumn **cols, const Delivery *d)
{
	const FeedEvent *event = d->kind == DELIVERY_EVENT ? d->item->event : d->event;
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * 2);
	const char *error = d->error;

	if (d->verdict == VERDICT_GIVEN_UP && !d->unsent)
		error = psprintf("%s%sgiven up: it has failed for webchatt.webhook_patience", error ? error : "",
						 error ? "; " : "");
	ids[0] = d->log_id;
	if (d->kind == DELIVERY_EVENT)
		wc_new_message_id(&ids[0]);
	deliveries_id(d->webhook, event, &ids[1]);
	wc_column_add(cols[0], UUIDPGetDatum(&d->webhook->row->id));
	wc_column_add(cols[1], UUIDPGetDatum(&ids[0]));
	wc_column_add(cols[2], Int64GetDatum(event->seq));
	wc_column_add(cols[3], UUIDPGetDatum(&ids[1]));
	wc_column_add(cols[4], UUIDPGetDatum(&event->message));
	wc_column_add(cols[5], Int32GetDatum(d->attempt));
	wc_column_add(cols[6], BoolGetDatum(d->good));
	wc_column_add(cols[7], Int32GetDatum(d->http_status));
	wc_column_add_bytes(cols[8], d->answer, d->answer ? strlen(d->answer) : 0);
	wc_column_add_bytes(cols[9], error, error ? strlen(error) : 0);
	wc_column_add(cols[10], Int32GetDatum(d->duration_us));
	wc_column_add(cols[11], TimestampTzGetDatum(d->sent_at));
}

/* Write down what became of attempts. */
void
delivery_results_apply(TimestampTz now)
{
	WcColumn *cols[WC_RECORD_DELIVERIES_ARRAYS];
	WcColumn *asked[WC_DONE_RETRIES_ARRAYS];
	Datum args[WC_RECORD_DELIVERIES_PARAMETERS];
	dlist_iter iter;
	int n = 0;

	if (dlist_is_empty(&deliveries_ended))
		return;
	wc_columns(WC_RECORD_DELIVERIES, cols, Min(deliveries_nended, ENDS_MOST));
	wc_columns(WC_DONE_RETRIES, asked, 8);
	dlist_foreach(iter, &deliveries_ended)
	{
		Delivery *d = dlist_container(Delivery, node, iter.cur);

		if (n++ == ENDS_MOST)
			break;
		delivery_results_classify(d, now);
		d->recorded = true;
		if (d->kind == DELIVERY_VERIFY)
			continue;
		add_attempt(cols, d);
		if (d->kind != DELIVERY_RETRY)
			continue;
		wc_column_add(asked[0], UUIDPGetDatum(&d->webhook->row->id));
		wc_column_add(asked[1], UUIDPGetDatum(&d->log_id));
	}
	if (cols[0]->n > 0)
	{
		wc_columns_arrays(cols, lengthof(cols), args);
		wc_run(WC_RECORD_DELIVERIES, args, NULL);
	}
	if (asked[0]->n > 0)
	{
		Datum done[2] = {wc_column_array(asked[0]), wc_column_array(asked[1])};

		wc_run(WC_DONE_RETRIES, done, NULL);
	}
}

/* What delivery_results_apply() wrote is undone. */
void
delivery_results_undo_apply(void)
{
	dlist_iter iter;
	dlist_iter at;
	Webhook *w;

	dlist_foreach(iter, &deliveries_ended)
	{
		Delivery *d = dlist_container(Delivery, node, iter.cur);

		d->recorded = false;
		if (d->kind == DELIVERY_EVENT)
			d->item->finished = false;
	}
	each_webhook(w, at) w->touched = false;
}

static void
verified_step(void *arg)
{
	Delivery *d = arg;
	Datum args[2] = {UUIDPGetDatum(&d->webhook->row->id), CStringGetTextDatum(d->endpoint)};

	if (wc_run(WC_WEBHOOK_VERIFIED, args, NULL) == 0)
		d->verdict = VERDICT_AGAIN;
}

static void
pause_step(void *arg)
{
	Webhook *w = arg;
	Datum args[2] = {UUIDPGetDatum(&w->row->id), 0};
	const char *reason = psprintf("nothing could be delivered since %s: %s", timestamptz_to_str(w->next.failing_since),
								  w->next.last_error);

	args[1] = CStringGetTextDatum(reason);
	if (wc_run(WC_WEBHOOK_PAUSE, args, NULL) == 0)
		return;
	ereport(LOG, (errmsg("webchatt paused the webhook to %s: %s", w->row->endpoint, reason)));
	/* when it goes on it is given time anew */
	w->next.failures = 0;
	w->next.failing_since = 0;
}

/* Somebody may be changing the row: then it is tried another time. */
static bool
change(savepoint_step step, void *arg)
{
	ErrorData *error = savepoint_try_for(step, arg, LOCK_WAIT_BLOCKED_MS, FEEDS_TIME_MS);

	if (error != NULL && !savepoint_error_is_transient(error))
		report_error(error->message);
	return error == NULL;
}

/* What that means to the webhooks' own rows, each in a savepoint. */
void
delivery_results_apply_settings(void)
{
	TimestampTz wall = GetCurrentTimestamp();
	dlist_iter iter;
	dlist_iter at;
	Webhook *w;

	dlist_foreach(iter, &deliveries_ended)
	{
		Delivery *d = dlist_container(Delivery, node, iter.cur);

		if (d->recorded && d->kind == DELIVERY_VERIFY && d->good && !change(verified_step, d))
			d->verdict = VERDICT_AGAIN;
	}
	each_webhook(w, at)
	{
		if (w->touched && w->row->active && is_longer_than_patience(w->next.failing_since, wall))
			(void) change(pause_step, w);
	}
}

/* Tell the table how far webhooks have come and how they do. */
void
delivery_results_write_progress(TimestampTz now)
{
	WcColumn *cols[WC_WEBHOOK_PROGRESS_ARRAYS];
	Datum args[WC_WEBHOOK_PROGRESS_PARAMETERS];
	dlist_iter at;
	Webhook *w;
	uint64 n;
	uint64 row;

	wc_columns(WC_WEBHOOK_PROGRESS, cols, 8);
	each_webhook(w, at)
	{
		const WebhookProgress *p = w->touched ? &w->next : &w->progress;

		w->writing = false;
		w->fresh_done_upto =
			Max(w->done_upto, delivery_queue_done_upto(w, w->feed.reading ? w->feed.fresh_upto : w->feed.upto));
		if (!w->touched && !w->dirty &&
			(w->fresh_done_upto == w->done_upto || !TimestampDifferenceExceeds(w->written_at, now, PASSED_MS)))
			continue;
		wc_column_add(cols[0], UUIDPGetDatum(&w->row->id));
		wc_column_add(cols[1], Int64GetDatum(w->fresh_done_upto));
		wc_column_add(cols[2], Int32GetDatum(p->failures));
		if (p->failing_since != 0)
			wc_column_add(cols[3], TimestampTzGetDatum(p->failing_since));
		else
			wc_column_add_null(cols[3]);
		wc_column_add_bytes(cols[4], p->last_error, strlen(p->last_error));
		if (p->last_success_at != 0)
			wc_column_add(cols[5], TimestampTzGetDatum(p->last_success_at));
		else
			wc_column_add_null(cols[5]);
	}
	if (cols[0]->n == 0)
		return;
	wc_columns_arrays(cols, lengthof(cols), args);
	n = wc_run(WC_WEBHOOK_PROGRESS, args, NULL);
	for (row = 0; row < n; row++)
	{
		bool isnull;

		w = webhook_find(DatumGetUUIDP(wc_field(row, 1, &isnull)));
		if (w != NULL)
			w->writing = true;
	}
}
