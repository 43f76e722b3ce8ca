/*
 * savepoint.h
 *	  Steps of a turn whose failure is their own.
 */
#ifndef WC_SAVEPOINT_H
#define WC_SAVEPOINT_H

#include "shared/statements.h"

/* How long a step waits for a lock where somebody is known to hold it, or may hold it long, in ms. */
#define LOCK_WAIT_BLOCKED_MS 10

/* How long a step may take that runs our own SQL only, in ms: webchatt.trigger_timeout is for the application's. */
#define STEP_TIME_MS 1000

typedef void (*savepoint_step)(void *arg);

extern ErrorData *savepoint_try(savepoint_step step, void *arg, int lock_wait_ms);
extern ErrorData *savepoint_try_for(savepoint_step step, void *arg, int lock_wait_ms, int time_ms);
extern bool savepoint_error_is_transient(const ErrorData *error);
extern bool savepoint_error_is_systemic(const ErrorData *error);
extern void savepoint_do(savepoint_step step, void *arg);
extern void savepoint_run(WcStatement which);

#endif /* WC_SAVEPOINT_H */
