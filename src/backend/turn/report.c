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

WcSlot *worker_slot = NULL;
WcStats worker_stats;

/* What webchatt.status says of us; others read it after worker_publish(). */
void
worker_set_state(const char *state)
{
	strlcpy(worker_stats.state, state, sizeof(worker_stats.state));
}

/* Show the stats to webchatt.status. */
void
report_publish(void)
{
	SpinLockAcquire(&worker_slot->mutex);
	worker_slot->stats = worker_stats;
	SpinLockRelease(&worker_slot->mutex);
}

void
worker_note_error(const char *text)
{
	int n = pg_mbcliplen(text, (int) strlen(text), sizeof(worker_stats.last_error) - 1);

	memcpy(worker_stats.last_error, text, n);
	worker_stats.last_error[n] = '\0';
	worker_stats.last_error_at = GetCurrentTimestamp();
}
