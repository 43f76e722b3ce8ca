/*
 * restore_wait.h
 *	  Does the worker have to wait for a dump that is being loaded?
 */
#ifndef WC_RESTORE_WAIT_H
#define WC_RESTORE_WAIT_H

extern bool restore_waits(void);
extern bool restore_allows_work(void);
extern bool restore_has_begun(void);

#endif /* WC_RESTORE_WAIT_H */
