/*
 * report.h
 *	  What webchatt.status shows of the worker.
 */
#ifndef WC_REPORT_H
#define WC_REPORT_H

#include "shared/shmem.h"

extern WcSlot *worker_slot;
extern void report_publish(void);
extern WcStats worker_stats; /* published after each turn */
extern void worker_note_error(const char *text);
extern void worker_set_state(const char *state);

#endif /* WC_REPORT_H */
