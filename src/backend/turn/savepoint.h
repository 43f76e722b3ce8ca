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

typedef void (*turn_step)(void *arg);

extern ErrorData *turn_try(turn_step step, void *arg, int lock_wait_ms);
extern ErrorData *turn_try_for(turn_step step, void *arg, int lock_wait_ms, int time_ms);
extern bool turn_error_is_transient(const ErrorData *error);
extern bool turn_error_is_systemic(const ErrorData *error);
extern void savepoint_try(turn_step step, void *arg);
extern void savepoint_run(WcStatement which);

#endif /* WC_SAVEPOINT_H */
