/*
 * message_rows.c
 *	  Visitors' messages go straight into the table (row_insert.c), without looking
 *	  first whether they are there: hardly ever is one.  The unique index says so, and
 *	  then the turn is done again, by the statement that passes repeats over.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "common/hub_message_key.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/event_content.h"
#include "shared/feed_wanted.h"
#include "shared/message_rows.h"
#include "shared/row_insert.h"
#include "shared/visitor_seen.h"

/* The offset between the epochs of unix and PostgreSQL, in microseconds. */
#define EPOCH_DIFF_US ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* What an event gives of its row. */
enum
{
	MESSAGE_CHANNEL,
	MESSAGE_ID,
	MESSAGE_VISITOR,
	MESSAGE_CONTENT,
	MESSAGE_HUB_ID,
	MESSAGE_HUB_TIME,
	MESSAGE_EXTRA,
	MESSAGE_VALUES
};

static const WcRowColumn columns[] = {
	[MESSAGE_CHANNEL] = {"channel_id", UUIDOID},	[MESSAGE_ID] = {"id", UUIDOID},
	[MESSAGE_VISITOR] = {"visitor", TEXTOID},		[MESSAGE_CONTENT] = {"content", JSONBOID},
	[MESSAGE_HUB_ID] = {"hub_message_id", TEXTOID}, [MESSAGE_HUB_TIME] = {"hub_time", TIMESTAMPTZOID},
	[MESSAGE_EXTRA] = {"extra", JSONBOID},			{.name = "direction", .label = "in"},
	{.name = "status", .label = "received"}};
#define HUB_IDS "messages_hub_message_id"
static WcRowTarget target = WC_ROW_TARGET_KEYED("messages", columns, HUB_IDS);

PG_FUNCTION_INFO_V1(webchatt_hub_message_key);

static Datum
text_datum(wc_str s)
{
	return PointerGetDatum(cstring_to_text_with_len(s.p, (int) s.len));
}

/* The rows of visitors who were not seen a moment ago, before their messages' triggers run. */
static void
note_senders(wc_event *const *messages, int n)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	WcColumn *cols[WC_NOTE_SENDERS_ARRAYS];
	Datum args[WC_NOTE_SENDERS_PARAMETERS];
	int i;

	wc_columns(WC_NOTE_SENDERS, cols, 16);
	for (i = 0; i < n; i++)
	{
		const wc_event *e = messages[i];

		if (wc_visitor_seen(e->channel, e->visitor, now))
			continue;
		wc_column_add(cols[0], UUIDPGetDatum((const pg_uuid_t *) e->channel));
		wc_column_add_bytes(cols[1], e->visitor.p, e->visitor.len);
	}
	if (cols[0]->n == 0)
		return;
	wc_columns_arrays(cols, lengthof(cols), args);
	wc_run(WC_NOTE_SENDERS, args, NULL);
}

/* Webhooks and links want to know. */
static void
tell(wc_event *const *messages, const pg_uuid_t *ids, int n)
{
	WcColumn *cols[WC_TELL_MESSAGES_ARRAYS];
	Datum args[WC_TELL_MESSAGES_PARAMETERS];
	int i;

	wc_columns(WC_TELL_MESSAGES, cols, n);
	for (i = 0; i < n; i++)
	{
		wc_column_add(cols[0], UUIDPGetDatum((const pg_uuid_t *) messages[i]->channel));
		wc_column_add(cols[1], UUIDPGetDatum(&ids[i]));
		wc_column_add_bytes(cols[2], messages[i]->visitor.p, messages[i]->visitor.len);
	}
	wc_columns_arrays(cols, lengthof(cols), args);
	wc_run(WC_TELL_MESSAGES, args, NULL);
}

static void
fill_row(const wc_event *e, const pg_uuid_t *id, Datum *values, bool *nulls)
{
	memset(nulls, false, sizeof(bool) * MESSAGE_VALUES);
	values[MESSAGE_CHANNEL] = UUIDPGetDatum((const pg_uuid_t *) e->channel);
	values[MESSAGE_ID] = UUIDPGetDatum(id);
	values[MESSAGE_VISITOR] = text_datum(e->visitor);
	values[MESSAGE_HUB_ID] = text_datum(e->message_id);
	values[MESSAGE_HUB_TIME] = TimestampTzGetDatum(e->at_us - EPOCH_DIFF_US);
	nulls[MESSAGE_HUB_TIME] = e->at_us == 0;
	wc_event_content(e, &values[MESSAGE_CONTENT], &values[MESSAGE_EXTRA], &nulls[MESSAGE_EXTRA]);
}

/*
 * Write messages under those ids, in their order.  False: nothing was done, the
 * statement is to do it (row_insert.h).  Raises what the table, its triggers and the
 * events' JSON raise, and 23505 where one is there already (wc_message_rows_met_repeat()).
 * The caller is connected to SPI.
 */
bool
wc_message_rows_write(wc_event *const *messages, const pg_uuid_t *ids, int n)
{
	Datum *values = palloc(sizeof(Datum) * MESSAGE_VALUES * n);
	bool *nulls = palloc(sizeof(bool) * MESSAGE_VALUES * n);
	int i;

	if (!wc_rows_possible(&target))
		return false;
	for (i = 0; i < n; i++)
		fill_row(messages[i], &ids[i], values + i * MESSAGE_VALUES, nulls + i * MESSAGE_VALUES);
	note_senders(messages, n);
	if (!wc_rows_insert(&target, values, nulls, n))
		return false;
	/* from here on all of messages[] and ids[] are rows, and new */
	if (wc_feed_wanted())
		tell(messages, ids, n);
	return true;
}

/* Was the error that one of them is there already, as the hub's id says? */
bool
wc_message_rows_met_repeat(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION && error->schema_name != NULL &&
		   strcmp(error->schema_name, "webchatt") == 0 && error->constraint_name != NULL &&
		   strcmp(error->constraint_name, HUB_IDS) == 0;
}

/* webchatt.hub_message_key(channel_id uuid, hub_message_id text): what the index of the hubs' ids is on. */
Datum
webchatt_hub_message_key(PG_FUNCTION_ARGS)
{
	const pg_uuid_t *channel = PG_GETARG_UUID_P(0);
	text *id = PG_GETARG_TEXT_PP(1);
	pg_uuid_t *key = palloc(sizeof(pg_uuid_t));

	if (!wc_hub_message_key(channel->data, VARDATA_ANY(id), VARSIZE_ANY_EXHDR(id), key->data))
		ereport(ERROR, (errcode(ERRCODE_SYSTEM_ERROR), errmsg("webchatt: the crypto library has no SHA-256"),
						errdetail("Messages are known again by it."),
						errhint("See how OpenSSL is configured on this machine.")));
	PG_RETURN_UUID_P(key);
}
