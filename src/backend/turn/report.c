/*
 * report.c
 *	  What webchatt.status shows of the worker: gathered here, published after each turn.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "shared/shmem.h"
#include "turn/report.h"

WcSlot *report_slot = NULL;
WcStats report_stats;

static TimestampTz slowest_us = 0; /* of the turns since report_minute() */

/* What webchatt.status says of us; others read it after worker_publish(). */
void
report_state(const char *state)
{
	strlcpy(report_stats.state, state, sizeof(report_stats.state));
}

/* A turn took so long, in microseconds. */
void
report_turn_took(TimestampTz us)
{
	slowest_us = Max(slowest_us, us);
	report_stats.busy_us += us;
}

/*
 * Once a second, for webchatt.last_hour: what was counted since the last time is of the minute
 * that the wall clock shows now.
 */
void
report_minute(void)
{
	static WcStats before;
	const WcStats *now = &report_stats;
	wc_minute more = {
		.number = (int64) (GetCurrentTimestamp() / USECS_PER_MINUTE),
		.messages_in = now->messages_in - before.messages_in,
		.messages_out = now->messages_out - before.messages_out,
		.statuses = now->statuses - before.statuses,
		.failed = now->messages_failed - before.messages_failed,
		.rejected = now->rejected - before.rejected,
		.deliveries = now->deliveries - before.deliveries,
		.visitors = now->visitors,
		.slowest_us = slowest_us,
		.queued = now->queued,
	};

	before = report_stats;
	slowest_us = 0;
	SpinLockAcquire(&report_slot->mutex);
	wc_minute_ring_add(&report_slot->hour, &more);
	SpinLockRelease(&report_slot->mutex);
}

/* Show the stats to webchatt.status. */
void
report_publish(void)
{
	SpinLockAcquire(&report_slot->mutex);
	report_slot->stats = report_stats;
	SpinLockRelease(&report_slot->mutex);
}

void
report_error(const char *text)
{
	int n = pg_mbcliplen(text, (int) strlen(text), sizeof(report_stats.last_error) - 1);

	memcpy(report_stats.last_error, text, n);
	report_stats.last_error[n] = '\0';
	report_stats.last_error_at = GetCurrentTimestamp();
}

void
report_error_is_over(const char *text)
{
	int n = pg_mbcliplen(text, (int) strlen(text), sizeof(report_stats.last_error) - 1);

	if (strncmp(report_stats.last_error, text, n) != 0 || report_stats.last_error[n] != '\0')
		return;
	report_stats.last_error[0] = '\0';
	report_stats.last_error_at = 0;
}
