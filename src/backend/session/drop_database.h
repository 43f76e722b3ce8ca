/*
 * drop_database.h
 *	  What a session's utility commands mean to workers.
 */
#ifndef WC_DROP_DATABASE_H
#define WC_DROP_DATABASE_H

extern void wc_install_utility_hook(void);

#endif /* WC_DROP_DATABASE_H */
