/*
 * outbound.c
 *	  What is to be sent: read from the outbox, taken when its conversation's
 *	  turn comes, handed to webchatt-net, its outcome recorded.
 *
 * Reading is no claim and writes nothing: what is under way is known here, in
 * memory, and after a crash whatever has no recorded outcome is sent again
 * under the same key.
 */
#include "compat.h"
#include "queue.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "../common/uuid7.h"

/* Messages handed over in one turn, and how many bytes of content at most. */
#define TAKE_MOST			512
#define TAKE_BYTES			(4 * 1024 * 1024)

/* Messages under way at webchatt-net, as a multiple of max_in_flight, and at least. */
#define UNDER_WAY_FACTOR	4
#define UNDER_WAY_LEAST		512

/* Rows of the outbox read in one turn for each hub. */
#define READ_PAGE			4096

/* Spilled conversations read anew in one turn for each hub. */
#define REFETCH_MOST		64

/* The pause before a message is tried again, in ms: doubled each time. */
#define RETRY_FIRST_MS		500
#define RETRY_MOST_MS		60000

/* The same for a hub that cannot be reached. */
#define PAUSE_FIRST_MS		200
#define PAUSE_MOST_MS		30000

/* Failures in a row that make it the hub's fault, not the message's. */
#define FAILURES_PAUSE		3

/* The pause before an outcome that could not be recorded is tried again, in ms. */
#define RECORD_AGAIN_MS		1000

/* A message whose end is known and not yet in the tables. */
typedef struct Ended
{
	dlist_node	node;
	Queued	   *item;
	bool		recorded;		/* in this turn */
	bool		held;
	TimestampTz due;			/* not before; 0: now */
	const char *means;			/* a message_status */
	char	   *word;			/* the hub's, or ours */
	char	   *hub_message_id; /* NULL: none */
	char	   *code;
	char	   *text;
} Ended;

static dlist_head ended = DLIST_STATIC_INIT(ended);
static MemoryContext ended_context = NULL;
static bool any_held = true;	/* until a look says otherwise */
static bool looked_for_requeued = false;

/* this turn's */
static Queued *taken[TAKE_MOST];
static bool taken_away[TAKE_MOST];	/* not queued any more */
static int	ntaken = 0;
static wc_buf sends;
static uint64 last_token = 0;

static bool
same_hub_stopped(Lane *lane)
{
	const ConfigHub *hub = config_hub(lane->hub_id);

	return hub == NULL || hub->stopped;
}

/*
 * Outcomes
 */

static char *
keep(wc_str s)
{
	char	   *copy;

	if (s.len == 0)
		return NULL;
	copy = MemoryContextAlloc(ended_context, s.len + 1);
	memcpy(copy, s.p, s.len);
	copy[s.len] = '\0';
	return copy;
}

/* Note a message's end; the next turn records it. */
static void
end_message(Queued *item, const char *means, wc_str word, const wc_outcome *o)
{
	Ended	   *e;

	if (ended_context == NULL)
		ended_context = AllocSetContextCreate(TopMemoryContext, "webchatt outcomes",
											  ALLOCSET_DEFAULT_SIZES);
	e = MemoryContextAllocZero(ended_context, sizeof(Ended));
	e->item = item;
	e->means = means;
	e->held = strcmp(means, "held") == 0;
	e->word = keep(word);
	if (o != NULL)
	{
		e->hub_message_id = keep(o->hub_message_id);
		e->code = keep(o->error_code);
		e->text = keep(o->error_message);
	}
	queue_set_token(item, 0);
	item->state = ITEM_ENDED;
	dlist_push_tail(&ended, &e->node);
}

static void
free_ended(Ended *e)
{
	dlist_delete(&e->node);
	if (e->word)
		pfree(e->word);
	if (e->hub_message_id)
		pfree(e->hub_message_id);
	if (e->code)
		pfree(e->code);
	if (e->text)
		pfree(e->text);
	pfree(e);
}

static int
jittered(int ms)
{
	return ms - ms / 4 + (int) (wc_random_fraction() * (ms / 2));
}

static void
publish_lane(Lane *lane, const wc_outcome *o)
{
	int			i;
	WcHubState *mine = NULL;

	SpinLockAcquire(&worker_slot->mutex);
	for (i = 0; i < WC_MAX_HUB_STATES; i++)
	{
		WcHubState *h = &worker_slot->hubs[i];

		if (h->hub_id == lane->hub_id || (h->hub_id == 0 && mine == NULL))
			mine = h;
		if (h->hub_id == lane->hub_id)
			break;
	}
	if (mine != NULL)
	{
		Size		n = o ? Min(o->error_message.len, WC_HUB_ERROR_SIZE - 1) : 0;

		mine->hub_id = lane->hub_id;
		mine->paused_until = lane->paused_until;
		if (n > 0)
			memcpy(mine->last_error, o->error_message.p, n);
		mine->last_error[n] = '\0';
	}
	SpinLockRelease(&worker_slot->mutex);
}

static void
lane_works(Lane *lane)
{
	lane->failures = 0;
	lane->pause_ms = 0;
	lane->probing = false;
	if (lane->paused_until != 0)
	{
		lane->paused_until = 0;
		publish_lane(lane, NULL);
	}
}

/* Stop sending to a hub for a while; then try with one message first. */
static void
pause_lane(Lane *lane, TimestampTz now, int ms, const wc_outcome *o)
{
	if (ms <= 0)
	{
		if (lane->paused_until > now)
			return;
		lane->pause_ms = lane->pause_ms == 0 ? PAUSE_FIRST_MS :
			Min(lane->pause_ms * 2, PAUSE_MOST_MS);
		ms = jittered(lane->pause_ms);
	}
	lane->paused_until = Max(lane->paused_until, TimestampTzPlusMilliseconds(now, ms));
	lane->probing = true;
	publish_lane(lane, o);
}

static void
retry_later(Queued *item, TimestampTz now, const wc_outcome *o)
{
	int			ms;

	item->attempts++;
	if (item->attempts >= wc_max_attempts)
	{
		end_message(item, "failed", wc_str_from("failed"), o);
		return;
	}
	ms = Min(RETRY_FIRST_MS << Min(item->attempts - 1, 10), RETRY_MOST_MS);
	queue_put_back(item);
	queue_wait(item->conv, TimestampTzPlusMilliseconds(now, jittered(ms)));
}

/* The hub refuses the key: nothing goes there until it has another. */
static void
stop_lane(Lane *lane, const wc_outcome *o)
{
	const ConfigHub *hub = config_hub(lane->hub_id);

	if (hub == NULL || lane->stopped)
		return;
	lane->stopped = true;
	lane->stop_pending = MemoryContextAlloc(TopMemoryContext, o->error_message.len + 64);
	snprintf(lane->stop_pending, o->error_message.len + 64, "the hub refused the API key (401)%s%.*s",
			 o->error_message.len ? ": " : "", (int) o->error_message.len, o->error_message.p);
	ereport(WARNING,
			(errmsg("webchatt stopped sending to hub %s: it refused the API key (401)", hub->api_url),
			 errhint("Give it a valid key: SELECT webchatt.connect_hub(api_key => ..., ...).")));
}

/* Take an outcome frame; false when it is none. */
bool
outbound_accept(const wc_frame *frame)
{
	TimestampTz now = GetCurrentTimestamp();
	wc_outcome	o;
	Queued	   *item;
	Lane	   *lane;
	const char *means;

	if (!wc_read_outcome(frame, &o))
		return false;
	item = queue_find_token(o.token);
	if (item == NULL)
		return true;			/* of a time before webchatt-net was restarted */
	lane = item->conv->lane;
	lane->under_way--;
	worker_stats.sends++;
	if (o.result != WC_OUT_ACCEPTED)
		worker_stats.failures++;
	switch (o.result)
	{
		case WC_OUT_ACCEPTED:
			lane_works(lane);
			means = events_meaning(o.hub_status, false);
			end_message(item, means && strcmp(means, "failed") != 0 ? means : "sent",
						o.hub_status.len ? o.hub_status : wc_str_from("sent"), &o);
			break;
		case WC_OUT_NO_SESSION:
			lane_works(lane);
			end_message(item, "held", wc_str_from("held"), &o);
			break;
		case WC_OUT_REFUSED:
			lane_works(lane);
			end_message(item, "failed", wc_str_from("failed"), &o);
			break;
		case WC_OUT_PAUSED:
			queue_put_back(item);
			pause_lane(lane, now, (int) Min(o.retry_after_ms, 3600000), &o);
			break;
		case WC_OUT_UNAUTHORIZED:
			queue_put_back(item);
			stop_lane(lane, &o);
			break;
		case WC_OUT_UNREACHABLE:
		case WC_OUT_RETRY:
		default:
			if (++lane->failures >= FAILURES_PAUSE)
			{
				queue_put_back(item);
				pause_lane(lane, now, 0, &o);
			}
			else
				retry_later(item, now, &o);
			break;
	}
	return true;
}

static void
add_text(WcColumn *col, const char *s)
{
	wc_column_add_bytes(col, s, s ? strlen(s) : 0);
}

/* Record ends by one statement for each table; *list is NULL-terminated. */
static void
record(Ended **list)
{
	static const Oid types[7] = {UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	WcColumn   *cols[7];
	WcColumn   *learnt[3] = {wc_column(UUIDOID, 64), wc_column(TEXTOID, 64), wc_column(UUIDOID, 64)};
	WcColumn   *held[5] = {wc_column(UUIDOID, 8), wc_column(TEXTOID, 8), wc_column(INT8OID, 8),
	wc_column(UUIDOID, 8), wc_column(TIMESTAMPTZOID, 8)};
	Datum		args[7];
	int			i;

	for (i = 0; i < 7; i++)
		cols[i] = wc_column(types[i], 64);
	for (; *list != NULL; list++)
	{
		Ended	   *e = *list;
		Datum		channel = UUIDPGetDatum(&e->item->conv->channel);
		Datum		id = UUIDPGetDatum(&e->item->id);

		wc_column_add(cols[0], channel);
		wc_column_add(cols[1], id);
		add_text(cols[2], e->means);
		add_text(cols[3], e->word);
		add_text(cols[4], e->hub_message_id);
		add_text(cols[5], e->code);
		add_text(cols[6], e->text);
		if (e->hub_message_id)
		{
			wc_column_add(learnt[0], channel);
			add_text(learnt[1], e->hub_message_id);
			wc_column_add(learnt[2], id);
		}
		if (e->held)
		{
			wc_column_add(held[0], channel);
			add_text(held[1], e->item->conv->visitor);
			wc_column_add(held[2], Int64GetDatum(e->item->seq));
			wc_column_add(held[3], id);
			if (e->item->expires)
				wc_column_add(held[4], TimestampTzGetDatum(e->item->expires));
			else
				wc_column_add_null(held[4]);
		}
	}
	for (i = 0; i < 7; i++)
		args[i] = wc_column_array(cols[i]);
	wc_run(WC_RECORD_OUTCOMES, args, NULL);
	if (learnt[0]->n > 0)
	{
		for (i = 0; i < 3; i++)
			args[i] = wc_column_array(learnt[i]);
		wc_run(WC_APPLY_EARLY, args, NULL);
	}
	if (held[0]->n > 0)
	{
		any_held = true;
		for (i = 0; i < 5; i++)
			args[i] = wc_column_array(held[i]);
		args[5] = Int32GetDatum(wc_hold_for);
		wc_run(WC_HOLD, args, NULL);
	}
}

static void
record_step(void *arg)
{
	record(arg);
}

/* One by one: what cannot be recorded is tried again, and its conversation waits. */
static void
record_alone(Ended *e, TimestampTz now)
{
	Ended	   *list[2] = {e, NULL};
	ErrorData  *error = turn_try(record_step, list, LOCK_WAIT_BLOCKED_MS);

	if (error == NULL)
	{
		e->recorded = true;
		return;
	}
	e->due = TimestampTzPlusMilliseconds(now, jittered(RECORD_AGAIN_MS));
	if (!turn_error_is_transient(error))
		worker_note_error(psprintf("could not record that a message was %s: %s", e->means,
								   error->message));
}

static void
stop_hubs(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &queue_lanes)
	{
		Lane	   *lane = dlist_container(Lane, node, iter.cur);
		const ConfigHub *hub = config_hub(lane->hub_id);
		Datum		args[3];

		if (lane->stop_pending == NULL || hub == NULL)
			continue;
		args[0] = Int32GetDatum(lane->hub_id);
		args[1] = CStringGetTextDatum(hub->api_key);
		args[2] = CStringGetTextDatum(lane->stop_pending);
		wc_run(WC_STOP_HUB, args, NULL);
	}
}

/* Record every end that is known. */
void
outbound_record(TimestampTz now, bool carefully)
{
	Ended	  **list;
	dlist_iter	iter;
	int			n = 0;
	int			size = 64;

	stop_hubs();
	if (dlist_is_empty(&ended))
		return;
	list = palloc(sizeof(Ended *) * size);
	dlist_foreach(iter, &ended)
	{
		Ended	   *e = dlist_container(Ended, node, iter.cur);

		e->recorded = false;
		if (e->due != 0)
		{
			if (e->due <= now)
				record_alone(e, now);
			continue;
		}
		if (n + 2 > size)
			list = repalloc(list, sizeof(Ended *) * (size *= 2));
		if (carefully)
			record_alone(e, now);
		else
			list[n++] = e;
	}
	list[n] = NULL;
	if (n == 0)
		return;
	turn_time_limit(wc_trigger_timeout);
	record(list);
	turn_time_limit(0);
	while (n > 0)
		list[--n]->recorded = true;
}

/*
 * Held messages
 */

/* Queue what is held for visitors who showed up, with the place it had. */
void
outbound_release(const WcShowedUp *showed_up)
{
	Datum		args[2];
	SPITupleTable *table;
	uint64		n;
	uint64		i;

	if (!any_held || showed_up->channels->n == 0)
		return;
	args[0] = wc_column_array(showed_up->channels);
	args[1] = wc_column_array(showed_up->visitors);
	n = wc_run(WC_RELEASE, args, NULL);
	table = SPI_tuptable;
	for (i = 0; i < n; i++)
	{
		HeapTuple	t = table->vals[i];
		TupleDesc	d = table->tupdesc;
		bool		isnull;
		bool		no_expiry;
		int64		seq = DatumGetInt64(SPI_getbinval(t, d, 5, &isnull));
		TimestampTz expires = DatumGetTimestampTz(SPI_getbinval(t, d, 6, &no_expiry));

		wc_outbox_append(DatumGetInt32(SPI_getbinval(t, d, 1, &isnull)), 'r',
						 DatumGetUUIDP(SPI_getbinval(t, d, 2, &isnull)), SPI_getvalue(t, d, 3),
						 DatumGetUUIDP(SPI_getbinval(t, d, 4, &isnull)), &seq,
						 no_expiry ? NULL : &expires);
	}
}

static void
expire_one(void *arg, Queued *item)
{
	TimestampTz now = *(TimestampTz *) arg;

	if (item->state == ITEM_WAITING && item->expires != 0 && item->expires <= now)
	{
		wc_outcome	o;

		memset(&o, 0, sizeof(o));
		o.error_message = wc_str_from("it could not be sent in time");
		end_message(item, "expired", wc_str_from("expired"), &o);
	}
}

/* Once a second: what is over its time, and statuses that came too early. */
void
outbound_upkeep(TimestampTz now)
{
	static int	count = 0;

	queue_each(expire_one, &now);
	if (any_held)
		wc_run(WC_EXPIRE_HELD, NULL, NULL);
	if (count++ % 10 == 0)
	{
		wc_run(WC_SWEEP_EARLY, NULL, NULL);
		any_held = wc_run(WC_ANY_HELD, NULL, NULL) > 0;
	}
	if (count % 3600 == 1)
		wc_run(WC_EXPIRE_EARLY, NULL, NULL);
}

/*
 * Reading
 */

static void
take_row(void *arg, const OutboxRow *row)
{
	queue_add(arg, row);
}

static void
take_requeued(void)
{
	uint64		n = wc_run(WC_READ_REQUEUED, NULL, NULL);
	uint64		i;

	for (i = 0; i < n; i++)
	{
		bool		isnull;
		Lane	   *lane = queue_lane(DatumGetInt32(wc_field(i, 1, &isnull)), true);

		queue_requeued(lane, DatumGetUUIDP(wc_field(i, 2, &isnull)), wc_field_text(i, 3));
	}
}

typedef struct Refetch
{
	Conv	   *conv;
	int			rows;
	int64		last_seq;
} Refetch;

static void
take_refetched(void *arg, const OutboxRow *row)
{
	Refetch    *refetch = arg;

	queue_add_refetched(refetch->conv, row);
	refetch->rows++;
	refetch->last_seq = row->seq;
}

static void
refetch_spilled(Lane *lane)
{
	int			n;

	for (n = 0; n < REFETCH_MOST && !dlist_is_empty(&lane->refetch); n++)
	{
		Refetch		refetch = {dlist_head_element(Conv, place_node, &lane->refetch), 0, 0};
		Datum		args[4];

		args[0] = UUIDPGetDatum(&refetch.conv->channel);
		args[1] = CStringGetTextDatum(refetch.conv->visitor);
		args[2] = Int64GetDatum(refetch.conv->refetch_from);
		args[3] = Int32GetDatum(CONV_WINDOW);
		wc_run(WC_READ_CONVERSATION, args, NULL);
		outbox_rows(take_refetched, &refetch);
		queue_refetched(refetch.conv, refetch.rows, refetch.last_seq);
	}
}

/* Bring the lanes to what the configuration says; called at a turn's start. */
void
outbound_configure(TimestampTz now)
{
	const ConfigHub *hub;
	dlist_iter	iter;
	int			i;

	for (i = 0; (hub = config_hub_at(i)) != NULL; i++)
		(void) queue_lane(hub->id, true);
	dlist_foreach(iter, &queue_lanes)
	{
		Lane	   *lane = dlist_container(Lane, node, iter.cur);
		bool		was_stopped = lane->stopped;

		lane->gone = config_hub(lane->hub_id) == NULL;
		if (lane->stop_pending != NULL)
			continue;			/* it is being written down */
		lane->stopped = same_hub_stopped(lane);
		if (was_stopped && !lane->stopped)
			lane_works(lane);
	}
}

/* Read what is new, as far as memory is meant for it. */
void
outbound_read(TimestampTz now)
{
	dlist_iter	iter;

	if (!looked_for_requeued)
	{
		take_requeued();
		looked_for_requeued = true;
	}
	dlist_foreach(iter, &queue_lanes)
	{
		Lane	   *lane = dlist_container(Lane, node, iter.cur);
		int			room = Min(LANE_WINDOW - lane->nitems, READ_PAGE);

		if (lane->gone)
			continue;
		if (room > 0)
			outbox_read(lane->reader, room, take_row, lane);
		refetch_spilled(lane);
		queue_wake_due(lane, now);
	}
}

/*
 * Taking
 */

static int
allowance(const Lane *lane, TimestampTz now)
{
	int			most = Max(UNDER_WAY_LEAST, wc_max_in_flight * UNDER_WAY_FACTOR);

	if (lane->stopped || lane->gone || lane->paused_until > now)
		return 0;
	if (lane->probing)
		most = 1;
	return Max(0, most - lane->under_way);
}

static void
gather(TimestampTz now)
{
	dlist_iter	iter;

	dlist_foreach(iter, &queue_lanes)
	{
		Lane	   *lane = dlist_container(Lane, node, iter.cur);
		int			left = allowance(lane, now);

		while (left-- > 0 && ntaken < TAKE_MOST)
		{
			Queued	   *item = queue_next_ready(lane);

			if (item == NULL)
				break;
			taken_away[ntaken] = true;
			taken[ntaken++] = item;
		}
	}
}

static void
write_send(Queued *item, const char *content)
{
	const ConfigChannel *channel = config_channel(item->conv->channel.data);
	wc_send		send;

	send.token = ++last_token;
	send.hub = (uint32_t) item->conv->lane->hub_id;
	memcpy(send.message, item->id.data, 16);
	memcpy(send.channel, item->conv->channel.data, 16);
	send.kind = wc_str_from(channel->kind);
	send.to = wc_str_from(item->conv->visitor);
	send.content = wc_str_from(content);
	if (wc_write_send(&sends, &send))
	{
		queue_set_token(item, send.token);
		item->state = ITEM_SENT;
	}
}

/* What the tables say of a message that was taken decides what happens to it. */
static void
decide(int i, const char *content, bool visitor_held)
{
	Queued	   *item = taken[i];
	wc_outcome	o;

	memset(&o, 0, sizeof(o));
	taken_away[i] = false;
	if (config_channel(item->conv->channel.data) == NULL)
	{
		o.error_message = wc_str_from("its channel was removed");
		end_message(item, "failed", wc_str_from("failed"), &o);
	}
	else if (visitor_held)
		end_message(item, "held", wc_str_from("held"), NULL);
	else if (sends.len < TAKE_BYTES)
		write_send(item, content);
}

/* Take the messages whose turn it is; they leave when the turn is committed. */
void
outbound_take(TimestampTz now)
{
	WcColumn   *channels;
	WcColumn   *ids;
	Datum		args[2];
	uint64		n;
	uint64		i;

	ntaken = 0;
	wc_buf_reset(&sends);
	if (worker_net.fd < 0 || !worker_stats.corridor_open ||
		worker_net.out.len - worker_net.out_done > NET_OUT_LIMIT / 2)
		return;
	gather(now);
	if (ntaken == 0)
		return;
	channels = wc_column(UUIDOID, ntaken);
	ids = wc_column(UUIDOID, ntaken);
	for (i = 0; i < (uint64) ntaken; i++)
	{
		wc_column_add(channels, UUIDPGetDatum(&taken[i]->conv->channel));
		wc_column_add(ids, UUIDPGetDatum(&taken[i]->id));
	}
	args[0] = wc_column_array(channels);
	args[1] = wc_column_array(ids);
	n = wc_run(WC_TAKE, args, NULL);
	for (i = 0; i < n; i++)
	{
		bool		isnull;
		int			at = DatumGetInt32(wc_field(i, 1, &isnull)) - 1;

		decide(at, wc_field_text(i, 2), DatumGetBool(wc_field(i, 3, &isnull)));
	}
}

/*
 * The turn's end
 */

static void
settle_recorded(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &ended)
	{
		Ended	   *e = dlist_container(Ended, node, iter.cur);

		if (!e->recorded)
			continue;
		queue_settle(e->item);
		free_ended(e);
	}
}

/* Committed: forget what is recorded, hand over what was taken. */
void
outbound_commit(TimestampTz now, wc_buf *out)
{
	dlist_iter	iter;
	int			i;

	settle_recorded();
	for (i = 0; i < ntaken; i++)
	{
		if (taken_away[i])
			queue_settle(taken[i]);
		else if (taken[i]->state == ITEM_SENT)
			taken[i]->conv->lane->under_way++;
		else if (taken[i]->state == ITEM_TAKEN)
			queue_put_back_first(taken[i]);
	}
	ntaken = 0;
	wc_buf_append(out, sends.data, sends.len);
	wc_buf_reset(&sends);
	dlist_foreach(iter, &queue_lanes)
	{
		Lane	   *lane = dlist_container(Lane, node, iter.cur);

		outbox_reader_commit(lane->reader);
		if (lane->stop_pending != NULL)
			pfree(lane->stop_pending);
		lane->stop_pending = NULL;
	}
}

/* Undone: nothing is recorded, nothing taken. */
void
outbound_rollback(void)
{
	dlist_iter	iter;

	while (ntaken > 0)
	{
		Queued	   *item = taken[--ntaken];

		if (item->state == ITEM_TAKEN || item->state == ITEM_SENT)
			queue_put_back_first(item);
	}
	wc_buf_reset(&sends);
	dlist_foreach(iter, &ended)
		dlist_container(Ended, node, iter.cur)->recorded = false;
	dlist_foreach(iter, &queue_lanes)
		outbox_reader_rollback(dlist_container(Lane, node, iter.cur)->reader);
	looked_for_requeued = false;
}

/* Is there anything to do without waiting? */
bool
outbound_ready(TimestampTz now)
{
	dlist_iter	iter;

	dlist_foreach(iter, &ended)
	{
		if (dlist_container(Ended, node, iter.cur)->due <= now)
			return true;
	}
	dlist_foreach(iter, &queue_lanes)
	{
		Lane	   *lane = dlist_container(Lane, node, iter.cur);

		if (lane->stop_pending != NULL || (!dlist_is_empty(&lane->refetch)) ||
			(outbox_reader_has_more(lane->reader) && lane->nitems < LANE_WINDOW) ||
			(!dlist_is_empty(&lane->ready) && allowance(lane, now) > 0))
			return true;
	}
	return false;
}

/* When the next thing is due that no message announces; 0: nothing is. */
TimestampTz
outbound_next_due(void)
{
	TimestampTz next = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &ended)
	{
		TimestampTz due = dlist_container(Ended, node, iter.cur)->due;

		if (next == 0 || due < next)
			next = due;
	}
	dlist_foreach(iter, &queue_lanes)
	{
		Lane	   *lane = dlist_container(Lane, node, iter.cur);

		if (!dlist_is_empty(&lane->ready) && lane->paused_until != 0 &&
			(next == 0 || lane->paused_until < next))
			next = lane->paused_until;
		if (!pairingheap_is_empty(lane->waiting))
		{
			Conv	   *first = pairingheap_container(Conv, wait_node, pairingheap_first(lane->waiting));

			if (next == 0 || first->due < next)
				next = first->due;
		}
	}
	return next;
}

static void
put_back_sent(void *arg, Queued *item)
{
	if (item->state == ITEM_SENT)
		queue_put_back_first(item);
}

/* webchatt-net is gone: what was under way is sent again. */
void
outbound_net_lost(void)
{
	dlist_iter	iter;

	queue_each(put_back_sent, NULL);
	dlist_foreach(iter, &queue_lanes)
		dlist_container(Lane, node, iter.cur)->under_way = 0;
}

/* Forget everything, as after a start. */
void
outbound_reset(void)
{
	dlist_init(&ended);
	if (ended_context != NULL)
		MemoryContextReset(ended_context);
	ntaken = 0;
	any_held = true;
	looked_for_requeued = false;
	queue_reset();
}

static void
older(void *arg, Queued *item)
{
	int64	   *oldest = arg;
	int64		t = wc_uuid7_time_us(item->id.data);

	if (t < *oldest)
		*oldest = t;
}

/* Fill in what webchatt.status shows of the queue; the age on demand only. */
void
outbound_stats(WcStats *stats, bool with_age)
{
	int64		oldest = PG_INT64_MAX;
	dlist_iter	iter;

	stats->queued = 0;
	stats->in_flight = 0;
	dlist_foreach(iter, &queue_lanes)
	{
		Lane	   *lane = dlist_container(Lane, node, iter.cur);

		stats->queued += lane->nitems + outbox_reader_ahead(lane->reader);
		stats->in_flight += lane->under_way;
	}
	if (stats->queued == 0)
		stats->oldest_queued = 0;
	else if (with_age || stats->oldest_queued == 0)
	{
		queue_each(older, &oldest);
		if (oldest != PG_INT64_MAX)
			stats->oldest_queued = oldest -
				((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY);
	}
}

/*
 * Has everything in an outbox table been dealt with?  To be asked while
 * nobody can write to it.
 */
bool
outbound_child_is_empty(int child)
{
	dlist_iter	iter;

	dlist_foreach(iter, &queue_lanes)
	{
		Lane	   *lane = dlist_container(Lane, node, iter.cur);

		if (lane->per_child[child] > 0 || lane->nspilled > 0 ||
			outbox_reader_unread(lane->reader, child))
			return false;
	}
	return true;
}
