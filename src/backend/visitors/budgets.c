/*
 * budgets.c
 *	  How much strangers may have written: newcomers, messages and bytes an hour,
 *	  for the whole database and for each channel.
 *
 * Each is a bucket that leaks: what came is poured in, an hour's worth runs out in
 * an hour, and what would make it run over is refused.  So in no day comes more
 * than 25 times an hour's worth.  They are the worker's, of which there is one,
 * however many webchatt-nets there are; and they are written to a table every few
 * seconds, so that no restart of anything empties them.
 *
 * What was charged stays charged when a turn is undone: that turn is done again.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "visitors/budgets.h"

/* Between two writings of what has changed, and two words to webchatt-net, in ms. */
#define SAVE_MS		5000
#define TELL_NET_MS 1000

static const char *const names[BUDGET_KINDS] = {[BUDGET_NEWCOMERS] = "newcomers",
												[BUDGET_MESSAGES] = "messages",
												[BUDGET_BYTES] = "bytes",
												[BUDGET_PAUSED] = "paused"};

/* Between two lines in the log about one budget, in ms. */
#define TELL_MS 60000

typedef struct Budget
{
	pg_uuid_t channel; /* all zeros: the whole database */
	bool whole;		   /* it is that one */
	bool dirty;		   /* to be written to the table */
	TimestampTz at;	   /* as of when */
	TimestampTz told_at[BUDGET_KINDS];
	double used[BUDGET_KINDS];
	int64 refused[BUDGET_KINDS];
} Budget;

static HTAB *budgets = NULL;
static bool dirty = false;	/* one of them is */
static bool saving = false; /* in a turn that is not committed yet */
static TimestampTz saved_at = 0;
static TimestampTz told_net_at = 0;

/* channel: NULL for the whole database. */
static Budget *
budget_of(const uint8 *channel)
{
	static const uint8 zeros[16];
	bool found;
	Budget *b;

	if (budgets == NULL)
	{
		HASHCTL ctl;

		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = sizeof(pg_uuid_t);
		ctl.entrysize = sizeof(Budget);
		ctl.hcxt = TopMemoryContext;
		budgets = hash_create("webchatt budgets", 16, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	b = hash_search(budgets, channel ? channel : zeros, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) b + sizeof(pg_uuid_t), 0, sizeof(Budget) - sizeof(pg_uuid_t));
		b->whole = channel == NULL || memcmp(channel, zeros, sizeof(zeros)) == 0;
		b->at = wc_clock();
	}
	return b;
}

/* What may come in an hour; 0: as much as there is. */
static double
limit_of(const Budget *b, int kind)
{
	switch (kind)
	{
		case BUDGET_NEWCOMERS:
			return b->whole ? wc_newcomers_per_hour : wc_channel_newcomers_per_hour;
		case BUDGET_MESSAGES:
			return b->whole ? wc_messages_per_hour : wc_channel_messages_per_hour;
		case BUDGET_BYTES:
			return 1024.0 * (b->whole ? wc_bytes_per_hour : wc_channel_bytes_per_hour);
		default:
			return 0;
	}
}

/* Let run out what has had the time for it. */
static void
leak(Budget *b)
{
	TimestampTz now = wc_clock();
	double hours = (double) (now - b->at) / USECS_PER_HOUR;
	int kind;

	for (kind = 0; kind < BUDGET_KINDS; kind++)
		b->used[kind] = Max(0.0, b->used[kind] - limit_of(b, kind) * hours);
	b->at = now;
}

static bool
fits(const Budget *b, int kind, double amount)
{
	double limit = limit_of(b, kind);

	return limit <= 0 || amount <= 0 || b->used[kind] + amount <= limit;
}

/* Count a refusal, and tell of it now and then. */
static void
refuse(Budget *b, BudgetKind kind)
{
	TimestampTz now = wc_clock();
	const char *scope = b->whole ? "" : "channel_";

	b->refused[kind]++;
	b->dirty = dirty = true;
	if (b->told_at[kind] != 0 && !TimestampDifferenceExceeds(b->told_at[kind], now, TELL_MS))
		return;
	b->told_at[kind] = now;
	if (kind != BUDGET_PAUSED)
		ereport(LOG, (errmsg("webchatt refuses what visitors bring: %s has had its %s for this hour",
							 b->whole ? "the database" : "a channel", names[kind]),
					  errhint("SELECT * FROM webchatt.budgets shows which; if these are honest visitors, raise "
							  "webchatt.%s%s_per_hour.",
							  scope, names[kind])));
}

/*
 * May so much come to that channel?  Then it is charged, to the channel and to the
 * database.  kind: BUDGET_BYTES where it is bytes only.
 */
bool
budgets_take(const uint8 *channel, BudgetKind kind, uint32 bytes)
{
	Budget *both[2];
	double count = kind == BUDGET_BYTES ? 0 : 1;
	int i;

	both[0] = budget_of(NULL);
	both[1] = budget_of(channel);
	for (i = 0; i < 2; i++)
	{
		leak(both[i]);
		if (!fits(both[i], kind, count) || !fits(both[i], BUDGET_BYTES, bytes))
		{
			refuse(both[i], fits(both[i], kind, count) ? BUDGET_BYTES : kind);
			return false;
		}
	}
	for (i = 0; i < 2; i++)
	{
		both[i]->used[kind] += count;
		both[i]->used[BUDGET_BYTES] += bytes;
		both[i]->dirty = true;
	}
	dirty = true;
	return true;
}

/* A newcomer was refused because the channel takes none now. */
void
budgets_paused(const uint8 *channel)
{
	refuse(budget_of(channel), BUDGET_PAUSED);
}

/* Begin with what was written last, less what has run out since. */
void
budgets_load(void)
{
	uint64 n = wc_run(WC_LOAD_BUDGETS, NULL, NULL);
	uint64 row;

	for (row = 0; row < n; row++)
	{
		bool isnull;
		Budget *b = budget_of(DatumGetUUIDP(wc_field(row, 1, &isnull))->data);
		const char *what = wc_field_text(row, 2);
		double ago_s = (double) DatumGetInt64(wc_field(row, 5, &isnull));
		int kind;

		for (kind = 0; kind < BUDGET_KINDS; kind++)
		{
			if (strcmp(what, names[kind]) != 0)
				continue;
			b->used[kind] =
				(double) DatumGetInt64(wc_field(row, 3, &isnull)) - limit_of(b, kind) * ago_s / SECS_PER_HOUR;
			b->used[kind] = Max(0.0, b->used[kind]);
			b->refused[kind] = DatumGetInt64(wc_field(row, 4, &isnull));
		}
		b->at = wc_clock();
	}
}

/* Write down what has changed, now and then; in a turn. */
void
budgets_save(TimestampTz now)
{
	WcColumn *cols[WC_SAVE_BUDGETS_ARRAYS];
	Datum args[WC_SAVE_BUDGETS_PARAMETERS];
	HASH_SEQ_STATUS seq;
	Budget *b;
	int i;

	if (!dirty || (saved_at != 0 && !TimestampDifferenceExceeds(saved_at, now, SAVE_MS)))
		return;
	wc_columns(WC_SAVE_BUDGETS, cols, 16);
	hash_seq_init(&seq, budgets);
	while ((b = hash_seq_search(&seq)) != NULL)
	{
		if (!b->dirty)
			continue;
		leak(b);
		for (i = 0; i < BUDGET_KINDS; i++)
		{
			wc_column_add(cols[0], UUIDPGetDatum(&b->channel));
			wc_column_add(cols[1], CStringGetTextDatum(names[i]));
			wc_column_add(cols[2], Int64GetDatum((int64) ceil(b->used[i])));
			wc_column_add(cols[3], Int64GetDatum(b->refused[i]));
		}
		b->dirty = false;
	}
	dirty = false;
	saved_at = now;
	saving = true;
	wc_columns_arrays(cols, lengthof(cols), args);
	wc_run(WC_SAVE_BUDGETS, args, NULL);
}

/* Is there something to be written that has waited long enough? */
static bool
budgets_ready(TimestampTz now)
{
	return dirty && (saved_at == 0 || TimestampDifferenceExceeds(saved_at, now, SAVE_MS));
}

/* What was written is undone with the turn: it is written again by the next. */
static void
budgets_rollback(const ErrorData *error)
{
	HASH_SEQ_STATUS seq;
	Budget *b;

	if (!saving)
		return;
	saving = false;
	hash_seq_init(&seq, budgets);
	while ((b = hash_seq_search(&seq)) != NULL)
		b->dirty = true;
	dirty = true;
	saved_at = 0;
}

/* Committed.  Tell webchatt-net how the database's stand, for its metrics. */
void
budgets_commit(TimestampTz now, wc_buf *out)
{
	Budget *b = budget_of(NULL);
	wc_budgets m;
	int i;

	saving = false;
	if (told_net_at != 0 && !TimestampDifferenceExceeds(told_net_at, now, TELL_NET_MS))
		return;
	told_net_at = now;
	leak(b);
	for (i = 0; i < WC_BUDGETS; i++)
	{
		m.used[i] = (uint64) ceil(b->used[i]);
		m.an_hour[i] = (uint64) limit_of(b, i);
	}
	(void) wc_write_budgets(out, &m);
}

/* The extension is gone, or is another one now. */
static void
budgets_reset(void)
{
	if (budgets != NULL)
		hash_destroy(budgets);
	budgets = NULL;
	dirty = saving = false;
	saved_at = told_net_at = 0;
}

const TurnPart budgets_part = {
	.ready = budgets_ready,
	.rollback = budgets_rollback,
	.reset = budgets_reset,
};
