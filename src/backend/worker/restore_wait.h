/*
 * restore_wait.h
 *	  Does the worker have to wait for a dump that is being loaded?
 */
#ifndef WC_RESTORE_WAIT_H
#define WC_RESTORE_WAIT_H

extern bool restore_wait_is_due(void);
extern bool restore_wait_allows_work(void);
extern bool restore_wait_has_begun(void);

#endif /* WC_RESTORE_WAIT_H */
