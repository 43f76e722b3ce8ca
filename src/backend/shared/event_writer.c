/*
 * event_writer.c
 *	  Writing a hub's events into the tables: the same for the worker, who
 *	  writes many at a time, and for webchatt.ingest(), who writes one.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "common/json_text.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/event_content.h"
#include "shared/event_writer.h"
#include "shared/feed_wanted.h"
#include "shared/file_names.h"
#include "shared/message_id.h"
#include "shared/message_rows.h"
#include "shared/outbox_append.h"
#include "shared/outbox_lane.h"
#include "shared/statements.h"
#include "shared/step_down.h"

/* The offset between the epochs of unix and PostgreSQL, in microseconds. */
#define EPOCH_DIFF_US ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/*
 * What a hub's status word means to a message (doc/hub-contract.md, section 3, names sent,
 * delivered, read "and failures"); NULL when it means nothing to us, so that
 * it is only kept.
 */
const char *
wc_events_meaning(wc_str status, bool has_error)
{
	static const char *const words[][2] = {
		{"queued", "enqueued"},		{"accepted", "enqueued"}, {"enqueued", "enqueued"}, {"sent", "sent"},
		{"delivered", "delivered"}, {"read", "read"},		  {"failed", "failed"},		{"error", "failed"},
		{"undelivered", "failed"},	{"rejected", "failed"},	  {"expired", "failed"}};
	size_t i;

	for (i = 0; i < lengthof(words); i++)
	{
		if (wc_str_equals(status, words[i][0]))
			return words[i][1];
	}
	return has_error ? "failed" : NULL;
}

static void
add_time(WcColumn *col, int64 at_us)
{
	if (at_us == 0)
		wc_column_add_null(col);
	else
		wc_column_add(col, TimestampTzGetDatum(at_us - EPOCH_DIFF_US));
}

static Datum
uuid_datum(const uint8 *id)
{
	return UUIDPGetDatum((const pg_uuid_t *) id);
}

/* Some were there already: find out which rows those are. */
static void
find_ids(int n, Datum channels, Datum hub_ids, pg_uuid_t *ids)
{
	Datum args[2] = {channels, hub_ids};
	uint64 found;
	uint64 row;

	/* what is not found now, a trigger of the application's took out */
	memset(ids, 0, sizeof(pg_uuid_t) * n);
	found = wc_run(WC_FIND_MESSAGES, args, NULL);
	for (row = 0; row < found; row++)
	{
		bool isnull;
		int at = DatumGetInt32(wc_field(row, 1, &isnull)) - 1;

		ids[at] = *DatumGetUUIDP(wc_field(row, 2, &isnull));
	}
}

/* All of them as new rows; false: that is not possible, or some may be there. */
static bool
write_new(wc_event *const *messages, int n, WcRepeats repeats, const pg_uuid_t *ids)
{
	bool nested = wc_own_insert; /* by a trigger of such an insert */
	volatile bool written = false;

	if (repeats == WC_REPEATS_EXPECTED)
		return false;
	wc_own_insert = true;
	PG_TRY();
	{
		written = wc_message_rows_write(messages, ids, n);
	}
	PG_FINALLY();
	{
		wc_own_insert = nested;
	}
	PG_END_TRY();
	return written;
}

/* By the statement that passes over what is there; returns how many were new.  ids become those of the rows that are there. */
static uint64
write_missing(wc_event *const *messages, int n, pg_uuid_t *ids)
{
	WcColumn *cols[WC_INSERT_MESSAGES_ARRAYS];
	Datum args[WC_INSERT_MESSAGES_PARAMETERS];
	bool nested = wc_own_insert; /* by a trigger of such an insert */
	volatile uint64 written = 0;
	int i;

	wc_columns(WC_INSERT_MESSAGES, cols, n);
	for (i = 0; i < n; i++)
	{
		const wc_event *e = messages[i];
		wc_str body = wc_event_body(e);

		wc_column_add(cols[0], uuid_datum(e->channel));
		wc_column_add(cols[1], UUIDPGetDatum(&ids[i]));
		wc_column_add_bytes(cols[2], e->visitor.p, e->visitor.len);
		wc_column_add_bytes(cols[3], e->message_id.p, e->message_id.len);
		add_time(cols[4], e->at_us);
		wc_column_add_bytes(cols[5], body.p, body.len);
	}
	wc_columns_arrays(cols, lengthof(cols), args);
	args[6] = BoolGetDatum(wc_feed_wanted());
	wc_own_insert = true;
	PG_TRY();
	{
		bool isnull;

		wc_run(WC_INSERT_MESSAGES, args, NULL);
		written = (uint64) DatumGetInt64(wc_field(0, 1, &isnull));
	}
	PG_FINALLY();
	{
		wc_own_insert = nested;
	}
	PG_END_TRY();
	if (written < (uint64) n)
		find_ids(n, args[0], args[3], ids);
	return written;
}

/* Returns how many were new; fills ids, unless it is NULL, with the messages' own. */
static uint64
write_messages(wc_event *const *events, int n, WcRepeats repeats, pg_uuid_t *ids, WcShowedUp *showed_up)
{
	wc_event **messages = palloc(sizeof(wc_event *) * n);
	pg_uuid_t *new_ids = palloc(sizeof(pg_uuid_t) * n);
	int *places = palloc(sizeof(int) * n);
	uint64 written;
	int count = 0;
	int i;

	for (i = 0; i < n; i++)
	{
		if (events[i]->kind != WC_EVENT_MESSAGE)
			continue;
		places[count] = i;
		messages[count] = events[i];
		wc_new_message_id(&new_ids[count++]);
		wc_column_add(showed_up->channels, uuid_datum(events[i]->channel));
		wc_column_add_bytes(showed_up->visitors, events[i]->visitor.p, events[i]->visitor.len);
	}
	if (count == 0)
		return 0;
	if (write_new(messages, count, repeats, new_ids))
		written = (uint64) count;
	else
		written = write_missing(messages, count, new_ids);
	/* with the message, or not at all: a file that it names must not be swept */
	wc_file_names_note_all(messages, new_ids, count);
	for (i = 0; ids != NULL && i < count; i++)
		ids[places[i]] = new_ids[i];
	return written;
}

/* Returns how many were new. */
static uint64
write_statuses(wc_event *const *events, int n, WcShowedUp *showed_up)
{
	static const uint8 nowhere[16];
	WcColumn *cols[WC_RECORD_STATUSES_ARRAYS];
	Datum args[WC_RECORD_STATUSES_PARAMETERS];
	bool no_count;
	uint64 rows;
	uint64 row;
	int i;

	wc_columns(WC_RECORD_STATUSES, cols, n);
	for (i = 0; i < n; i++)
	{
		const wc_event *e = events[i];
		const char *means;

		if (e->kind != WC_EVENT_STATUS)
			continue;
		means = wc_events_meaning(e->status, e->error_code.len > 0);
		wc_column_add(cols[0], uuid_datum(e->channel));
		wc_column_add_bytes(cols[1], e->message_id.p, e->message_id.len);
		wc_column_add_bytes(cols[2], e->status.p, e->status.len);
		wc_column_add_bytes(cols[3], means, means ? strlen(means) : 0);
		add_time(cols[4], e->at_us);
		wc_column_add_bytes(cols[5], e->error_code.p, e->error_code.len);
		wc_column_add_bytes(cols[6], e->error_message.p, e->error_message.len);
		wc_column_add_bytes(cols[7], e->body.p, e->body.len);
		wc_column_add_bytes(cols[8], e->visitor.p, e->visitor.len);
		if (e->hub != 0 && memcmp(e->channel, nowhere, 16) == 0)
			wc_column_add(cols[9], Int32GetDatum((int32) e->hub));
		else
			wc_column_add_null(cols[9]);
	}
	if (cols[0]->n == 0)
		return 0;
	wc_columns_arrays(cols, lengthof(cols), args);
	args[lengthof(cols)] = BoolGetDatum(wc_feed_wanted());
	rows = wc_run(WC_RECORD_STATUSES, args, NULL);
	for (row = 0; row < rows; row++)
	{
		bool isnull;
		Datum channel = wc_field(row, 2, &isnull);

		/* delivered or read: the visitor has a session */
		if (isnull)
			continue;
		wc_column_add(showed_up->channels, channel);
		wc_column_add(showed_up->visitors, wc_field(row, 3, &isnull));
	}
	return (uint64) DatumGetInt64(wc_field(0, 1, &no_count));
}

/*
 * Write events in their order, the messages at once and the statuses at once.
 * Repeats change nothing; returns how many were new.  Where repeats are unlikely,
 * one raises (wc_message_rows_met_repeat()): undo it, and write them with repeats
 * expected.  The visitors
 * who showed themselves by them are added to showed_up; ids, unless it is NULL,
 * gets for each event the id of its message's row.  The caller is
 * connected to SPI and stays so while it uses them.  Raises whatever the tables
 * and their triggers raise.
 */
uint64
wc_events_write(wc_event *const *events, int n, WcRepeats repeats, pg_uuid_t *ids, WcShowedUp *showed_up)
{
	uint64 messages;

	if (ids != NULL)
		memset(ids, 0, sizeof(pg_uuid_t) * n);
	wc_outbox_lane_events(n);
	messages = write_messages(events, n, repeats, ids, showed_up);

	return messages + write_statuses(events, n, showed_up);
}

/* What makes a reject one: the same event rejected again is the same row. */
static Datum
event_key(const wc_event *e)
{
	StringInfoData key;

	initStringInfo(&key);
	appendBinaryStringInfo(&key, e->message_id.p, e->message_id.len);
	if (e->kind == WC_EVENT_STATUS)
	{
		appendStringInfoChar(&key, ' ');
		appendBinaryStringInfo(&key, e->status.p, e->status.len);
	}
	return PointerGetDatum(cstring_to_text_with_len(key.data, key.len));
}

static Datum
event_type(const wc_event *e)
{
	return CStringGetTextDatum(e->kind == WC_EVENT_MESSAGE ? "Message" : "MessageStatus");
}

static Datum
text_or_null(const char *s, char *null)
{
	*null = s ? ' ' : 'n';
	return s ? CStringGetTextDatum(s) : (Datum) 0;
}

/* What to do about an error that does not say so itself; NULL: nothing is known. */
static const char *
hint_for(const ErrorData *error)
{
	if (error->hint != NULL)
		return error->hint;
	/* a policy has no SQLSTATE of its own */
	if (error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE && error->message != NULL &&
		strstr(error->message, "row-level security") != NULL)
		return "A restrictive policy, or one on a table of yours, binds role " WC_WORKER_ROLE ", or whom the trigger's "
			   "function runs as: name those whom it is meant for (CREATE POLICY ... TO ...). Then "
			   "webchatt.retry_reject(id).";
	if (error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE)
		return "Triggers on webchatt.messages run as role " WC_WORKER_ROLE ": grant it what the trigger "
			   "needs, or make the trigger's function SECURITY DEFINER. A function of webchatt.on_message() runs as "
			   "its owner. "
			   "Then webchatt.retry_reject(id).";
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		return "The triggers took longer than webchatt.trigger_timeout: make them faster, or raise it.";
	return NULL;
}

/* Keep an event that could not be written.  The caller is connected to SPI. */
void
wc_events_reject(const wc_event *event, const ErrorData *error)
{
	Datum args[10];
	char nulls[11] = "          ";
	const char *hint = hint_for(error);
	wc_str body = wc_event_body(event);

	args[0] = uuid_datum(event->channel);
	args[1] = event_type(event);
	args[2] = event_key(event);
	nulls[3] = event->visitor.len > 0 ? ' ' : 'n';
	args[3] = PointerGetDatum(cstring_to_text_with_len(event->visitor.p, event->visitor.len));
	args[4] = PointerGetDatum(cstring_to_text_with_len(body.p, (int) body.len));
	args[5] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
	args[6] = CStringGetTextDatum(error->message ? error->message : "unknown error");
	args[7] = text_or_null(error->detail, &nulls[7]);
	args[8] = text_or_null(hint, &nulls[8]);
	args[9] = text_or_null(error->context, &nulls[9]);
	wc_run(WC_REJECT, args, nulls);
}

/* As is done before any parser sees it (common/json_text.h); NUL-terminated. */
const char *
wc_events_mended(const char *bytes, size_t len)
{
	size_t mended_len;
	char *out;

	(void) wc_json_is_sound(bytes, len, &mended_len);
	out = palloc(mended_len + 1);
	out[wc_json_mend(bytes, len, out)] = '\0';
	return out;
}

/* Keep what is no event, byte for byte.  The caller is connected to SPI. */
void
wc_events_keep_unreadable(const wc_event *event)
{
	bytea *raw = palloc(VARHDRSZ + event->body.len);
	Datum args[5];
	char nulls[6] = "     ";

	SET_VARSIZE(raw, VARHDRSZ + event->body.len);
	memcpy(VARDATA(raw), event->body.p, event->body.len);
	args[0] = uuid_datum(event->channel);
	nulls[1] = event->hub == 0 ? 'n' : ' ';
	args[1] = Int32GetDatum((int32) event->hub);
	args[2] = PointerGetDatum(raw);
	args[3] = CStringGetTextDatum(wc_events_mended(event->body.p, event->body.len));
	args[4] = PointerGetDatum(cstring_to_text_with_len(event->error_message.p, event->error_message.len));
	wc_run(WC_REJECT_UNREADABLE, args, nulls);
}

/* An event that was rejected before is written now. */
void
wc_events_forget_reject(const wc_event *event)
{
	Datum args[3];

	args[0] = uuid_datum(event->channel);
	args[1] = event_type(event);
	args[2] = event_key(event);
	wc_run(WC_DELETE_REJECT, args, NULL);
}
