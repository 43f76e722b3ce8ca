/*
 * facts.c
 *	  What only the worker knows, for webchatt-net's metrics: what it has counted goes over once
 *	  a second where it has changed, what stands in the tables is looked at now and then.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "common/corridor.h"
#include "shared/columns.h"
#include "shared/disk_room.h"
#include "shared/statements.h"
#include "turn/config.h"
#include "turn/report.h"
#include "turn/savepoint.h"
#include "worker/facts.h"

/* Between two looks at the tables, and two frames: where something has changed, and at least; in ms. */
#define LOOK_MS	 30000
#define TELL_MS	 1000
#define AGAIN_MS 5000

enum
{
#define FACT(NAME, kind, metric, help) FACT_##NAME,
#include "common/facts.def"
	FACTS
};
StaticAssertDecl((int) FACTS == WC_FACTS, "WC_FACTS is how many facts.def has");

static uint64_t found[WC_FACTS]; /* in the tables, from FACT_HELD on */
static TimestampTz look_due = 0;
static bool looked = false; /* what was found is whole */
static wc_facts last;		/* what was told */
static TimestampTz told_at = 0;

/* Nothing of it is lost with the turn: it was only read. */
static void
look(void *arg)
{
	int64 free;
	int64 size;
	int i;

	(void) arg;
	if (wc_run(WC_WORKER_FACTS, NULL, NULL) != 1)
		return;
	for (i = FACT_HELD; i < FACT_DISK_FREE; i++)
	{
		bool isnull;

		found[i] = (uint64_t) DatumGetInt64(wc_field(0, i - FACT_HELD + 1, &isnull));
	}
	(void) wc_disk_room(&free, &size);
	found[FACT_DISK_FREE] = (uint64_t) free;
	found[FACT_DISK_SIZE] = (uint64_t) size;
	looked = true;
}

void
facts_nudge(void)
{
	look_due = 0;
}

void
facts_apply(TimestampTz now)
{
	if (now < look_due)
		return;
	look_due = TimestampTzPlusMilliseconds(now, LOOK_MS);
	savepoint_do(look, NULL);
}

void
facts_tell(TimestampTz now, wc_buf *out)
{
	const WcStats *s = &report_stats;
	wc_facts m;

	if (!looked || (told_at != 0 && !TimestampDifferenceExceeds(told_at, now, TELL_MS)))
		return;
	memcpy(m.facts, found, sizeof(m.facts));
	m.facts[FACT_MESSAGES_IN] = (uint64_t) s->messages_in;
	m.facts[FACT_MESSAGES_OUT] = (uint64_t) s->messages_out;
	m.facts[FACT_STATUSES] = (uint64_t) s->statuses;
	m.facts[FACT_FAILED] = (uint64_t) s->messages_failed;
	m.facts[FACT_REJECTED] = (uint64_t) s->rejected;
	m.facts[FACT_TURNS] = (uint64_t) s->turns;
	m.facts[FACT_MEMORY] = (uint64_t) s->memory;
	m.facts[FACT_LAST_ERROR] = s->last_error_at == 0 ? 0 : (uint64_t) timestamptz_to_time_t(s->last_error_at);
	m.facts[FACT_OVERDUE] = (uint64_t) s->overdue;
	if (told_at != 0 && memcmp(&m, &last, sizeof(m)) == 0 && !TimestampDifferenceExceeds(told_at, now, AGAIN_MS))
		return;
	(void) wc_write_facts(out, &m);
	last = m;
	told_at = now;
}

static bool
facts_ready(TimestampTz now)
{
	return look_due <= now && config_is_read();
}

static TimestampTz
facts_next_due(void)
{
	return look_due;
}

/* The next one knows nothing yet. */
static void
facts_net_lost(void)
{
	told_at = 0;
}

static void
facts_reset(void)
{
	look_due = told_at = 0;
	looked = false;
}

const TurnPart facts_part = {
	.ready = facts_ready,
	.next_due = facts_next_due,
	.net_lost = facts_net_lost,
	.reset = facts_reset,
};
