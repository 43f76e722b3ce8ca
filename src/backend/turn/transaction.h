/*
 * transaction.h
 *	  The worker's transactions.
 */
#ifndef WC_TRANSACTION_H
#define WC_TRANSACTION_H

#include <signal.h>

/* How long a statement of ours waits for a lock, in ms. */
#define LOCK_WAIT_MS 50

extern void transaction_open(void);
extern void transaction_close(void);
extern void transaction_begin(void);
extern void transaction_commit(void);
extern void transaction_abort(void);
extern void transaction_time_limit(int ms);
extern volatile sig_atomic_t transaction_interruptible;

#endif /* WC_TRANSACTION_H */
