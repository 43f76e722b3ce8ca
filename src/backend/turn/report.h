/*
 * report.h
 *	  What webchatt.status shows of the worker.
 */
#ifndef WC_REPORT_H
#define WC_REPORT_H

#include "shared/shmem.h"

extern WcSlot *report_slot;
extern void report_publish(void);
extern WcStats report_stats; /* published after each turn */
extern void report_error(const char *text);

/* What that was has been mended: unless something else went wrong since, there is no last error. */
extern void report_error_is_over(const char *text);
extern void report_turn_took(TimestampTz us);
extern void report_minute(void);
extern void report_state(const char *state);

#endif /* WC_REPORT_H */
