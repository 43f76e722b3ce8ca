/*
 * drop_database.h
 *	  What a session's utility commands mean to workers.
 */
#ifndef WC_DROP_DATABASE_H
#define WC_DROP_DATABASE_H

extern void drop_database_install_hook(void);

#endif /* WC_DROP_DATABASE_H */
