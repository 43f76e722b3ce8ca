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

/* What webchatt.status says of us; others read it after worker_publish(). */
void
report_state(const char *state)
{
	strlcpy(report_stats.state, state, sizeof(report_stats.state));
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
