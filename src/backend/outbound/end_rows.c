/*
 * end_rows.c
 *	  What was sent is recorded by two plain steps: the messages move on by their
 *	  primary key, and the rows of what happened go straight into the table
 *	  (shared/row_insert.c).
 *
 * That a hub gives an id a second time with the same word is hardly ever; the unique
 * index says so, and then the turn is done again, by the statement that passes over it.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "outbound/end_rows.h"
#include "shared/columns.h"
#include "shared/feed_wanted.h"
#include "shared/outbox_append.h"
#include "shared/row_insert.h"
#include "shared/statements.h"

/* After a repeat more of them are expected for so long, in ms. */
#define REPEATS_MS 10000

/* What an end gives of its row. */
enum
{
	STATUS_CHANNEL,
	STATUS_MESSAGE,
	STATUS_ID,
	STATUS_WORD,
	STATUS_HUB_ID,
	STATUS_VALUES
};

#define HUB_IDS "statuses_channel_id_hub_message_id_status_key"
static const WcRowColumn columns[] = {[STATUS_CHANNEL] = {"channel_id", UUIDOID},
									  [STATUS_MESSAGE] = {"message_id", UUIDOID},
									  [STATUS_ID] = {"id", INT8OID},
									  [STATUS_WORD] = {"status", TEXTOID},
									  [STATUS_HUB_ID] = {"hub_message_id", TEXTOID}};
static WcRowTarget target = WC_ROW_TARGET_KEYED("statuses", columns, HUB_IDS);

static TimestampTz repeat_seen = 0; /* when one was last met; 0: never */

static bool
expects_repeats(TimestampTz now)
{
	return repeat_seen != 0 && !TimestampDifferenceExceeds(repeat_seen, now, REPEATS_MS);
}

/* Does nobody look on as messages change?  Else all is to be there by then, as after one statement. */
static bool
changes_unseen(void)
{
	Relation rel = table_open(wc_relation("messages"), RowExclusiveLock);
	const TriggerDesc *t = rel->trigdesc;
	bool unseen = t == NULL || !(t->trig_update_before_row || t->trig_update_after_row ||
								 t->trig_update_before_statement || t->trig_update_after_statement);

	table_close(rel, NoLock);
	return unseen;
}

/* What the rows, but those that are passed over, give to statements: channel, message, and one of the words. */
static void
run_with(WcStatement which, const EndRow *rows, int n, const bool *but, bool means)
{
	WcColumn *cols[WC_MOVE_SENT_ARRAYS];
	Datum args[WC_MOVE_SENT_PARAMETERS];
	int i;

	StaticAssertStmt(WC_TELL_SENT_ARRAYS == WC_MOVE_SENT_ARRAYS, "both are given the same");
	wc_columns(WC_MOVE_SENT, cols, n);
	for (i = 0; i < n; i++)
	{
		const char *word = means ? rows[i].means : rows[i].word;

		if (but != NULL && but[i])
			continue;
		wc_column_add(cols[0], UUIDPGetDatum(rows[i].channel));
		wc_column_add(cols[1], UUIDPGetDatum(rows[i].message));
		wc_column_add_bytes(cols[2], word, strlen(word));
	}
	if (cols[0]->n == 0)
		return;
	wc_columns_arrays(cols, lengthof(cols), args);
	wc_run_any(which, args, NULL);
}

static bool
add_statuses(const EndRow *rows, int n)
{
	Datum *values = palloc(sizeof(Datum) * STATUS_VALUES * n);
	bool *nulls = palloc0(sizeof(bool) * STATUS_VALUES * n);
	Oid ids = wc_relation("statuses_id_seq");
	int i;

	for (i = 0; i < n; i++)
	{
		Datum *v = values + i * STATUS_VALUES;

		v[STATUS_CHANNEL] = UUIDPGetDatum(rows[i].channel);
		v[STATUS_MESSAGE] = UUIDPGetDatum(rows[i].message);
		v[STATUS_ID] = Int64GetDatum(nextval_internal(ids, false));
		v[STATUS_WORD] = CStringGetTextDatum(rows[i].word);
		nulls[i * STATUS_VALUES + STATUS_HUB_ID] = rows[i].hub_message_id == NULL;
		v[STATUS_HUB_ID] = rows[i].hub_message_id == NULL ? (Datum) 0 : CStringGetTextDatum(rows[i].hub_message_id);
	}
	return wc_rows_insert(&target, values, nulls, n);
}

/*
 * Record ends, in their order.  False: the statement is to record them, all of them;
 * what was done already it would have done, too.  Raises what the tables and
 * their triggers raise, and 23505 where a hub repeats itself
 * (end_rows_met_repeat()).  The caller is connected to SPI.
 */
bool
end_rows_write(const EndRow *rows, int n, TimestampTz now)
{
	bool *moved;

	if (expects_repeats(now) || !wc_rows_possible(&target) || !changes_unseen())
		return false;
	moved = palloc(sizeof(bool) * n);
	message_moves_write(rows, n, moved); /* first: functions of on_status() see them as they are to be */
	run_with(WC_MOVE_SENT, rows, n, moved, true);
	if (!add_statuses(rows, n))
		return false;
	if (wc_feed_wanted())
		run_with(WC_TELL_SENT, rows, n, NULL, false);
	return true;
}

/*
 * Was the turn undone because a hub said the same of the same id again?  Then it is done
 * again, and none of its parts is to blame.
 */
bool
end_rows_met_repeat(const ErrorData *error, TimestampTz now)
{
	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION || error->schema_name == NULL ||
		strcmp(error->schema_name, "webchatt") != 0 || error->constraint_name == NULL ||
		strcmp(error->constraint_name, HUB_IDS) != 0 || expects_repeats(now))
		return false;
	repeat_seen = now;
	return true;
}
