/*
 * transaction.h
 *	  The worker's transactions.
 */
#ifndef WC_TRANSACTION_H
#define WC_TRANSACTION_H

#include <signal.h>

/* How long a statement of ours waits for a lock, in ms. */
#define LOCK_WAIT_MS 50

extern void turn_open(void);
extern void turn_close(void);
extern void turn_begin(void);
extern void turn_commit(void);
extern void turn_abort(void);
extern void turn_time_limit(int ms);
extern volatile sig_atomic_t turn_interruptible;

#endif /* WC_TRANSACTION_H */
