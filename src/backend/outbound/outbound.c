/*
 * outbound.c
 *	  What is to be sent: read from the outbox, taken when its conversation's
 *	  turn comes, handed to webchatt-net.
 *
 * Reading is no claim and writes nothing: what is under way is known here, in
 * memory, and after a crash whatever has no recorded outcome is sent again
 * under the same key.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "conversations/conversations.h"
#include "outbound/held.h"
#include "outbound/hub_answers.h"
#include "outbound/hub_queue.h"
#include "outbound/message_reads.h"
#include "outbound/outbound.h"
#include "outbound/outbox_reader.h"
#include "outbound/outcomes.h"
#include "outbound/overdue.h"
#include "outbound/requeue.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/feed_wanted.h"
#include "shared/settings.h"
#include "shared/shmem.h"
#include "shared/statements.h"
#include "turn/called.h"
#include "turn/changes.h"
#include "turn/config.h"
#include "turn/net_process.h"
#include "turn/report.h"
#include "turn/connected.h"
#include "turn/savepoint.h"

/* Messages handed over in one turn, and how many bytes of content at most. */
#define TAKE_MOST  512
#define TAKE_BYTES (4 * 1024 * 1024)

/*
 * Of them, those that are bulk and leave in a turn with live ones, in every other one of such: it is to be short, and
 * where it has nothing to write, it need not wait for the disk.  So many turns behind live ones take less of it, too,
 * as whoever writes next waits for them.
 */
#define BULK_BESIDE_LIVE 64
#define BULK_BEHIND_LIVE 256
#define TURNS_BEHIND	 64

/* Those for visitors who are away are held so many at a time, until a session commits something for us. */
#define HOLD_AT_ONCE 64

/* The part of what may be under way that each lane leaves to the other. */
#define LANE_SHARE 8

/* Messages under way at webchatt-net, as a multiple of max_in_flight, and at least. */
#define UNDER_WAY_FACTOR 4
#define UNDER_WAY_LEAST	 512

/* The same of messages to visitors: two turns' worth, so that webchatt-net has some while a turn takes more. */
#define UNDER_WAY_LEAST_LOCAL (2 * TAKE_MOST)

/* Between two times that others are told of how much is queued, in ms. */
#define TELL_DEPTH_MS 1000

/* Rows of the outbox read in one turn for each hub, by lane; and of bulk beside live ones. */
#define READ_PAGE			  4096
#define READ_BULK_PAGE		  1024
#define READ_BULK_BESIDE_LIVE 256

/* Rows that are looked at in one turn for each hub while memory has no room for them; and of bulk beside live ones. */
#define SCOUT_PAGE		  1024
#define SCOUT_BESIDE_LIVE 256

/*
 * Conversations read anew in one turn for each hub, by lane.  Of live ones as many as a
 * transaction's first, and live, messages can be for: while bulk is unread all of them are
 * read so, and whoever is being talked to stands behind them (outbox_lane.c).  But of our own
 * visitors, who are there come first, and fewer are enough.
 */
#define REFETCH_MOST	   256
#define REFETCH_LOCAL_MOST 64
#define REFETCH_BULK_MOST  64

uint64 outbound_rows_in_vain = 0;

static bool looked_for_requeued = false;
static bool looked_now = false; /* in this turn */

/* this turn's */
static Queued *taken[TAKE_MOST];
static bool taken_away[TAKE_MOST]; /* not queued any more */
static int ntaken = 0;
static wc_buf sends;

/* Record every end that is known, and which hubs refused their key. */
void
outbound_record(TimestampTz now, bool carefully)
{
	hub_answers_stop_hubs(now);
	outcomes_record(now, carefully);
}

static void
expire_one(void *arg, Queued *item)
{
	TimestampTz now = *(TimestampTz *) arg;

	if (item->state == ITEM_WAITING && item->expires != 0 && item->expires <= now)
	{
		wc_outcome o;

		memset(&o, 0, sizeof(o));
		o.error_message = wc_str_from("it could not be sent in time");
		outcomes_note(item, "expired", wc_str_from("expired"), &o);
	}
}

/* Once a second: end what waits in memory beyond its time. */
void
outbound_expire(void)
{
	TimestampTz wall = GetCurrentTimestamp();

	hub_queue_each(expire_one, &wall);
}

static void
sweep_step(void *arg)
{
	Datum args[4];
	bool none = true;
	int i;

	wc_run(WC_FIND_EARLY, NULL, NULL);
	for (i = 0; i < 3; i++)
		args[i] = wc_field(0, i + 1, &none);
	args[3] = BoolGetDatum(wc_feed_wanted());
	if (none)
		return;
	changes_add_any();
	wc_run(WC_APPLY_EARLY, args, NULL);
}

/* Once a second: what is held beyond its time, and statuses that came too early. */
void
outbound_upkeep(void)
{
	static int count = 0;

	held_upkeep(count % 10 == 0);
	if (count % 10 == 0)
		savepoint_do(sweep_step, NULL);
	if (count++ % 3600 == 0)
		savepoint_run(WC_EXPIRE_EARLY);
}

typedef struct LaneRows
{
	HubQueue *queue;
	Lane lane;
} LaneRows;

/* Each row once, when it is first seen. */
static void
first_seen(const OutboxRow *row)
{
	if (row->channel != NULL && row->visitor != NULL)
		changes_add(row->channel, row->visitor, strlen(row->visitor));
	if ((row->op == 's' || row->op == 'n') && row->channel != NULL && row->visitor != NULL && row->message != NULL)
		conversations_sent(row->channel, row->visitor, row->message, row->op == 's', row->child);
}

static void
take_row(void *arg, const OutboxRow *row)
{
	LaneRows *rows = arg;

	if (!row->scouted)
		first_seen(row);
	hub_queue_add(rows->queue, row, rows->lane);
}

static void
take_scouted(void *arg, const OutboxRow *row)
{
	first_seen(row);
	hub_queue_scouted(arg, row);
}

static void
take_requeued(void)
{
	uint64 n = wc_run(WC_READ_REQUEUED, NULL, NULL);
	uint64 i;

	for (i = 0; i < n; i++)
	{
		bool isnull;
		HubQueue *queue = hub_queue_of(DatumGetInt32(wc_field(i, 1, &isnull)), true);

		hub_queue_requeued(queue, DatumGetUUIDP(wc_field(i, 2, &isnull)), wc_field_text(i, 3));
	}
}

typedef struct Refetch
{
	Conv *conv;
	int rows;
	int64 last_seq;
} Refetch;

static void
take_refetched(void *arg, const OutboxRow *row)
{
	Refetch *refetch = arg;

	hub_queue_add_refetched(refetch->conv, row);
	refetch->rows++;
	refetch->last_seq = row->seq;
}

/* Are there conversations to be read anew, and is there room for them? */
static bool
may_refetch(HubQueue *queue, Lane lane)
{
	return conv_queue_next_refetch(&queue->turns[lane], 0) != NULL &&
		   queue->in_lane[lane] < (lane == LANE_LIVE ? HUB_QUEUE_WINDOW : HUB_QUEUE_BULK_WINDOW);
}

static void
refetch_spilled(HubQueue *queue, Lane lane)
{
	int most = lane == LANE_BULK ? REFETCH_BULK_MOST : queue->local ? REFETCH_LOCAL_MOST : REFETCH_MOST;
	int n;

	for (n = 0; n < most && may_refetch(queue, lane); n++)
	{
		Refetch refetch = {conv_queue_owner(Conv, turn, conv_queue_next_refetch(&queue->turns[lane], n)), 0, 0};
		Datum args[4];

		args[0] = UUIDPGetDatum(&refetch.conv->channel);
		args[1] = CStringGetTextDatum(refetch.conv->visitor);
		args[2] = Int64GetDatum(refetch.conv->refetch_from);
		args[3] = Int32GetDatum(CONV_WINDOW);
		wc_run(WC_READ_CONVERSATION, args, NULL);
		outbox_reader_rows(take_refetched, &refetch);
		/* all of it is in memory now: has it messages without an order? */
		if (refetch.rows < CONV_WINDOW && refetch.conv->look_again)
			requeue_conversation(&refetch.conv->channel, refetch.conv->visitor);
		hub_queue_refetched(refetch.conv, refetch.rows, refetch.last_seq);
	}
}

/* Rows of a lane that a turn reads. */
static int
page_of(Lane lane)
{
	return lane == LANE_LIVE ? READ_PAGE : READ_BULK_PAGE;
}

/* Is there less room than a turn would read? */
static bool
is_crowded(const HubQueue *queue, Lane lane)
{
	return hub_queue_room(queue, lane) < page_of(lane);
}

/* Is there something to be read, and room for it? */
static bool
may_read(const HubQueue *queue, Lane lane)
{
	return (queue->behind[lane] || outbox_reader_has_more(queue->readers[lane])) && hub_queue_room(queue, lane) > 0;
}

/*
 * Will what is read now wait whatever it is: until the hub takes messages again, or behind a
 * window of others?  Behind much bulk, what is live does not.
 */
static bool
waits_anyway(const HubQueue *queue, Lane lane)
{
	return queue->stopped || queue->paused_until != 0 || (lane == LANE_LIVE && is_crowded(queue, lane));
}

/* Read what is new in a lane, as far as memory is meant for it, and count the rest.  briefly: others wait. */
static void
read_lane(HubQueue *queue, Lane lane, bool look, bool briefly)
{
	int page = briefly ? READ_BULK_BESIDE_LIVE : page_of(lane);
	LaneRows rows = {queue, lane};
	OutboxReader *reader = queue->readers[lane];
	uint64 before = outbox_reader_rows_read;
	bool goes_on = outbox_reader_has_more(reader); /* with what was there at some time before */
	bool reads = may_read(queue, lane);

	if (reads)
	{
		outbox_reader_read(reader, Min(hub_queue_room(queue, lane), page), take_row, &rows);
		queue->behind[lane] = outbox_reader_has_more(reader) || (goes_on && queue->behind[lane]);
		/* whoever was before one of these is in the other lane by now */
		if (lane == LANE_LIVE && !goes_on)
			queue->behind[LANE_BULK] = true;
	}
	if (is_crowded(queue, lane) && (!reads || outbox_reader_has_more(reader)) &&
		(look || outbox_reader_wants_scout(reader)))
		outbox_reader_scout(reader, look, briefly ? SCOUT_BESIDE_LIVE : SCOUT_PAGE, take_scouted, queue);
	if (waits_anyway(queue, lane))
		outbound_rows_in_vain += outbox_reader_rows_read - before;
}

/*
 * Read what is new, as far as memory is meant for it, and count the rest.  look:
 * something may have been appended since the last time.
 */
void
outbound_read(TimestampTz now, bool look)
{
	dlist_iter iter;

	if (!looked_for_requeued)
	{
		take_requeued();
		looked_now = true;
	}
	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);
		uint64 rows;

		if (queue->paused_until != 0 && queue->paused_until <= now)
			queue->paused_until = 0;
		if (look)
			queue->behind[LANE_LIVE] = queue->behind[LANE_BULK] = true;
		rows = outbox_reader_rows_read;
		read_lane(queue, LANE_LIVE, look, false);
		read_lane(queue, LANE_BULK, look, outbox_reader_rows_read != rows);
		hub_queue_read(queue);
		refetch_spilled(queue, LANE_LIVE);
		refetch_spilled(queue, LANE_BULK);
		hub_queue_wake_due(queue, now);
	}
}

/* How many of a lane may leave.  Whatever one takes, there is something left for the other. */
static int
allowance(const HubQueue *queue, Lane lane, TimestampTz now)
{
	int most = Max(queue->local ? UNDER_WAY_LEAST_LOCAL : UNDER_WAY_LEAST, wc_max_in_flight * UNDER_WAY_FACTOR);
	int of_lane = lane == LANE_BULK ? queue->under_way_of_bulk : queue->under_way - queue->under_way_of_bulk;

	if (queue->gone)
		return most; /* they fail: see decide() */
	if (queue->stopped || queue->paused_until > now)
		return 0;
	if (queue->probing)
		return queue->under_way == 0 ? 1 : 0;
	return Max(0, Min(most - queue->under_way, most - most / LANE_SHARE - of_lane));
}

static bool
gather_lane(HubQueue *queue, Lane lane, int most, TimestampTz now)
{
	int left = Min(allowance(queue, lane, now), most);
	int before = ntaken;
	Queued *item;

	while (left-- > 0 && ntaken < TAKE_MOST && (item = hub_queue_next_ready(queue, lane)) != NULL)
	{
		taken_away[ntaken] = true;
		taken[ntaken++] = item;
	}
	return ntaken > before;
}

/* How many that are bulk a turn takes, with live ones or without. */
static int
bulk_most(bool live)
{
	static int behind = 0;
	static bool let_go = false; /* by the last turn with live ones */

	if (live)
	{
		behind = TURNS_BEHIND;
		let_go = !let_go;
		return let_go ? 0 : BULK_BESIDE_LIVE;
	}
	let_go = false;
	if (behind > 0)
		behind--;
	return behind > 0 ? BULK_BEHIND_LIVE : TAKE_MOST;
}

/* The live ones of all hubs first, then bulk. */
static void
gather(TimestampTz now)
{
	bool live = false;
	int most;
	dlist_iter iter;

	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		live |= gather_lane(queue, LANE_LIVE, TAKE_MOST - BULK_BESIDE_LIVE - ntaken, now);
	}
	most = bulk_most(live);
	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		if (!live || !queue->probing)
			(void) gather_lane(queue, LANE_BULK, most, now);
	}
}

/* False: it does not fit into a frame.  author: as the table has it; NULL: none, or not to be shown. */
static bool
write_send(Queued *item, const char *content, const char *author)
{
	const ConfigChannel *channel = config_channel(item->conv->channel.data);
	wc_send send;

	send.token = hub_queue_new_token();
	send.hub = (uint32_t) item->conv->queue->hub_id;
	memcpy(send.message, item->id.data, 16);
	memcpy(send.channel, item->conv->channel.data, 16);
	send.kind = wc_str_from(channel->kind);
	send.to = wc_str_from(item->conv->visitor);
	send.content = wc_str_from(content);
	send.local = channel->local ? 1 : 0;
	send.bulk = item->by == LANE_BULK ? 1 : 0;
	send.author = wc_str_from(author ? config_author(author) : "");
	if (!wc_write_send(&sends, &send))
		return false;
	hub_queue_set_sent(item, send.token);
	return true;
}

/* What the tables say of a message that was taken and is still to be sent decides what happens to it. */
static void
decide(int i, const char *content, const char *author, WcColumn *const behind[5])
{
	Queued *item = taken[i];
	wc_outcome o;

	memset(&o, 0, sizeof(o));
	taken_away[i] = false;
	if (config_channel(item->conv->channel.data) == NULL)
	{
		o.error_message = wc_str_from("its channel was removed");
		outcomes_note(item, "failed", wc_str_from("failed"), &o);
	}
	else if (content == NULL)
	{
		taken_away[i] = true;
		outcomes_add_held(behind, item);
	}
	else if (sends.len < TAKE_BYTES && !write_send(item, content, author))
	{
		o.error_message = wc_str_from("its content is too large to be sent");
		outcomes_note(item, "failed", wc_str_from("failed"), &o);
	}
}

/* Hold what was taken, from there on; if that cannot be done now it is done later, one by one. */
static void
hold(WcColumn *const columns[5], bool away)
{
	const char *code = away ? "session_not_found" : NULL;
	const char *why = away ? "The visitor has no open session." : NULL;
	wc_outcome o;
	int n;
	int i;

	for (n = 0; n < columns[0]->n; n++)
	{
		text *visitor = DatumGetTextPP(columns[1]->values[n]);

		changes_add(DatumGetUUIDP(columns[0]->values[n]), VARDATA_ANY(visitor), VARSIZE_ANY_EXHDR(visitor));
	}
	if (columns[0]->n == 0 || held_now(columns, code, why))
		return;
	memset(&o, 0, sizeof(o));
	o.error_code = wc_str_from(away ? code : "");
	o.error_message = wc_str_from(away ? why : "");
	for (n = 0; n < columns[3]->n; n++)
	{
		for (i = 0; i < ntaken && memcmp(&taken[i]->id, DatumGetUUIDP(columns[3]->values[n]), UUID_LEN) != 0; i++)
			;
		taken_away[i] = false;
		outcomes_note(taken[i], "held", wc_str_from("held"), &o);
	}
}

/* What the tables say of these, by the statement; held: behind others. */
static void
ask_for_contents(MessageRead *reads, int n, bool *held)
{
	WcColumn *channels = wc_column(UUIDOID, n);
	WcColumn *ids = wc_column(UUIDOID, n);
	Datum args[2];
	uint64 rows;
	uint64 row;
	int i;

	for (i = 0; i < n; i++)
	{
		wc_column_add(channels, UUIDPGetDatum(reads[i].channel));
		wc_column_add(ids, UUIDPGetDatum(reads[i].id));
	}
	args[0] = wc_column_array(channels);
	args[1] = wc_column_array(ids);
	rows = wc_run(WC_TAKE, args, NULL);
	for (row = 0; row < rows; row++)
	{
		bool isnull;

		i = DatumGetInt32(wc_field(row, 1, &isnull)) - 1;
		held[i] = DatumGetBool(wc_field(row, 3, &isnull));
		reads[i].content = wc_field_text(row, 2);
		if (reads[i].with_author)
			reads[i].author = wc_field_text(row, 5);
		reads[i].place = *(ItemPointer) DatumGetPointer(wc_field(row, 4, &isnull));
	}
}

/*
 * What is still to be sent of these, by their numbers in taken[], in order: contents,
 * or held behind others.
 */
static void
take(const int *which, int n)
{
	WcColumn *behind[WC_HOLD_NOW_ARRAYS];
	MessageRead *reads = palloc0(sizeof(MessageRead) * n);
	bool *held = palloc0(sizeof(bool) * n);
	int i;

	for (i = 0; i < n; i++)
	{
		reads[i].channel = &taken[which[i]]->conv->channel;
		reads[i].id = &taken[which[i]]->id;
		reads[i].with_author = taken[which[i]]->conv->queue->local && config_shows_author(reads[i].channel->data);
	}
	/* where nothing is held at all, there is nothing to be behind of */
	if (held_any() || !message_reads(reads, n))
		ask_for_contents(reads, n, held);
	wc_columns(WC_HOLD_NOW, behind, 8);
	for (i = 0; i < n; i++)
	{
		taken[which[i]]->place = reads[i].place;
		if (reads[i].content != NULL)
			decide(which[i], held[i] ? NULL : reads[i].content, reads[i].author, behind);
	}
	hold(behind, false);
}

/* Is it known that nobody is there who could get it? */
static bool
is_for_nobody(const Queued *item)
{
	const Conv *conv = item->conv;

	return conv->queue->local && !connected_is(&conv->channel, conv->visitor) &&
		   config_channel(conv->channel.data) != NULL;
}

/*
 * Hold these, by their numbers in taken[], in order, a few at a time; those that are left when somebody commits
 * something for us wait for the next turn.
 */
static void
hold_away(const int *which, int n)
{
	int done = 0;
	int i;

	while (done < n && (done == 0 || !called_again()))
	{
		WcColumn *away[WC_HOLD_NOW_ARRAYS];

		wc_columns(WC_HOLD_NOW, away, 8);
		for (i = 0; i < HOLD_AT_ONCE && done < n; i++)
			outcomes_add_held(away, taken[which[done++]]);
		hold(away, true);
	}
	for (; done < n; done++)
		taken_away[which[done]] = false;
}

/*
 * Take the messages whose turn it is; they leave when the turn is committed.  Who is
 * known to be away gets none: theirs are held in this turn.
 */
void
outbound_take(TimestampTz now)
{
	int *asked;
	int *away;
	int nasked = 0;
	int naway = 0;
	int i;

	ntaken = 0;
	wc_buf_reset(&sends);
	if (!net_process_has_room())
		return;
	gather(now);
	if (ntaken == 0)
		return;
	asked = palloc(sizeof(int) * ntaken);
	away = palloc(sizeof(int) * ntaken);
	for (i = 0; i < ntaken; i++)
	{
		if (is_for_nobody(taken[i]))
			away[naway++] = i;
		else
			asked[nasked++] = i;
	}
	if (nasked > 0)
		take(asked, nasked);
	hold_away(away, naway);
}

/* Show how much is queued for each hub, and tell webchatt-net for its metrics. */
static void
tell_depths(TimestampTz now, wc_buf *out)
{
	static TimestampTz told = 0;
	TimestampTz wall = GetCurrentTimestamp();
	dlist_iter iter;

	if (told != 0 && !TimestampDifferenceExceeds(told, now, TELL_DEPTH_MS))
		return;
	told = now;
	hub_queue_find_oldest();
	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);
		const ConfigHub *hub = config_hub(queue->hub_id);
		wc_hub_depth m;
		WcHubState *mine;

		m.queued = (uint64_t) hub_queue_depth(queue);
		m.oldest_ms = queue->oldest == 0 ? 0 : (uint64_t) TimestampDifferenceMilliseconds(queue->oldest, wall);
		SpinLockAcquire(&report_slot->mutex);
		mine = wc_hub_state(report_slot, queue->hub_id);
		if (mine != NULL)
		{
			mine->queued = (int64) m.queued;
			mine->oldest_queued = m.queued > 0 ? queue->oldest : 0;
		}
		SpinLockRelease(&report_slot->mutex);
		if (hub == NULL)
			continue;
		m.hub = (uint32_t) queue->hub_id;
		m.name = wc_str_from(hub->name);
		(void) wc_write_hub_depth(out, &m);
	}
}

/* Committed: forget what is recorded, hand over what was taken. */
void
outbound_commit(TimestampTz now, wc_buf *out)
{
	dlist_iter iter;
	int i;

	outcomes_commit();
	held_commit();
	looked_for_requeued |= looked_now;
	looked_now = false;
	/* the last one first, for those that go back to the front */
	for (i = ntaken - 1; i >= 0; i--)
	{
		if (taken_away[i])
			hub_queue_settle(taken[i]);
		else if (taken[i]->state == ITEM_SENT)
			hub_queue_left(taken[i]);
		else if (taken[i]->state == ITEM_TAKEN)
			hub_queue_put_back_first(taken[i]);
	}
	ntaken = 0;
	wc_buf_append(out, sends.data, sends.len);
	wc_buf_reset(&sends);
	hub_queue_commit();
	tell_depths(now, out);
	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		if (queue->stop_pending == NULL || !queue->stop_written)
			continue;
		pfree(queue->stop_pending);
		pfree(queue->stop_key);
		queue->stop_pending = queue->stop_key = NULL;
	}
}

/* Undone: nothing is recorded, nothing taken. */
static void
outbound_rollback(const ErrorData *error)
{
	while (ntaken > 0)
	{
		Queued *item = taken[--ntaken];

		if (item->state == ITEM_TAKEN || item->state == ITEM_SENT)
			hub_queue_put_back_first(item);
	}
	wc_buf_reset(&sends);
	outcomes_rollback();
	held_rollback();
	hub_queue_rollback();
	looked_now = false;
}

static bool
may_leave(HubQueue *queue, Lane lane, TimestampTz now)
{
	return conv_queue_first_ready(&queue->turns[lane]) != NULL && net_process_has_room() &&
		   allowance(queue, lane, now) > 0;
}

/* Are there live messages for outbound_take()? */
bool
outbound_will_take_live(TimestampTz now)
{
	dlist_iter iter;

	dlist_foreach(iter, &hub_queue_list)
	{
		if (may_leave(dlist_container(HubQueue, node, iter.cur), LANE_LIVE, now))
			return true;
	}
	return false;
}

static bool
lane_ready(HubQueue *queue, Lane lane, TimestampTz now)
{
	return may_refetch(queue, lane) || may_read(queue, lane) ||
		   (is_crowded(queue, lane) && outbox_reader_wants_scout(queue->readers[lane])) || may_leave(queue, lane, now);
}

/* Is there anything to do without waiting? */
static bool
outbound_ready(TimestampTz now)
{
	dlist_iter iter;

	if (outcomes_ready(now))
		return true;
	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		if ((queue->stop_pending != NULL && queue->stop_due <= now) || lane_ready(queue, LANE_LIVE, now) ||
			lane_ready(queue, LANE_BULK, now))
			return true;
	}
	return false;
}

/* When the next thing is due that no message announces; 0: nothing is. */
TimestampTz
outbound_next_due(void)
{
	TimestampTz next = outcomes_next_due();
	dlist_iter iter;

	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);
		int lane;

		for (lane = 0; lane < LANES; lane++)
		{
			const ConvTurn *first = conv_queue_first_waiting(&queue->turns[lane]);

			if (conv_queue_first_ready(&queue->turns[lane]) != NULL && queue->paused_until != 0 && !queue->stopped &&
				(next == 0 || queue->paused_until < next))
				next = queue->paused_until;
			if (first != NULL && (next == 0 || first->due < next))
				next = first->due;
		}
	}
	return next;
}

static void
put_back_sent(void *arg, Queued *item)
{
	const bool *may_have_left = arg;

	if (item->state != ITEM_SENT)
		return;
	if (*may_have_left && !item->conv->queue->local)
		overdue_note(&item->conv->channel, &item->id);
	hub_queue_put_back_first(item);
}

/* webchatt-net is gone: what was under way is sent again.  May a hub have it already? */
void
outbound_net_lost(bool may_have_left)
{
	dlist_iter iter;

	hub_queue_each(put_back_sent, &may_have_left);
	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		queue->under_way = queue->under_way_of_bulk = 0;
	}
}

/* Forget everything, as after a start. */
static void
outbound_reset(void)
{
	outcomes_reset();
	held_reset();
	ntaken = 0;
	looked_for_requeued = false;
	hub_queue_reset();
}

static void
add_under_way(void *arg, Queued *item)
{
	if (item->state == ITEM_SENT || item->state == ITEM_ENDED)
		wc_column_add(arg, UUIDPGetDatum(&item->id));
}

/*
 * Add the conversation's messages that were handed to webchatt-net, and whose outcome
 * is not in the tables.
 */
void
outbound_under_way(const pg_uuid_t *channel, const char *visitor, WcColumn *ids)
{
	const ConfigChannel *config = config_channel(channel->data);
	HubQueue *queue = config ? hub_queue_of(config->hub_id, false) : NULL;

	if (queue != NULL)
		hub_queue_each_of(queue, channel, visitor, add_under_way, ids);
}

/* Fill in what webchatt.status shows of the queue; the age on demand only. */
void
outbound_stats(WcStats *stats, bool with_age)
{
	dlist_iter iter;

	stats->queued = 0;
	stats->in_flight = 0;
	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		stats->queued += hub_queue_depth(queue);
		stats->in_flight += queue->under_way;
	}
	if (stats->queued > 0 && stats->oldest_queued != 0 && !with_age)
		return;
	stats->oldest_queued = 0;
	if (stats->queued == 0)
		return;
	hub_queue_find_oldest();
	dlist_foreach(iter, &hub_queue_list)
	{
		TimestampTz oldest = dlist_container(HubQueue, node, iter.cur)->oldest;

		if (oldest != 0 && (stats->oldest_queued == 0 || oldest < stats->oldest_queued))
			stats->oldest_queued = oldest;
	}
}

/*
 * Has everything in an outbox table been dealt with?  To be asked while
 * nobody can write to it.
 */
bool
outbound_child_is_empty(int child)
{
	dlist_iter iter;

	dlist_foreach(iter, &hub_queue_list)
	{
		HubQueue *queue = dlist_container(HubQueue, node, iter.cur);

		if (queue->per_child[child] > 0 || queue->nspilled > 0 ||
			outbox_reader_unread(queue->readers[LANE_LIVE], child) ||
			outbox_reader_unread(queue->readers[LANE_BULK], child))
			return false;
	}
	return true;
}

static void
net_lost(void)
{
	outbound_net_lost(true);
}

const TurnPart outbound_part = {
	.ready = outbound_ready,
	.next_due = outbound_next_due,
	.rollback = outbound_rollback,
	.net_lost = net_lost,
	.reset = outbound_reset,
};
