/*
 * citus_guard.h
 *	  None of our tables becomes one of Citus's.
 */
#ifndef WC_CITUS_GUARD_H
#define WC_CITUS_GUARD_H

extern void citus_guard_install_hook(void);

#endif /* WC_CITUS_GUARD_H */
