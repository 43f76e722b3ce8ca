/*
 * launcher.h
 *	  The launcher: a worker for each database.
 */
#ifndef WC_LAUNCHER_H
#define WC_LAUNCHER_H

extern void launcher_register(void);
extern PGDLLEXPORT void webchatt_launcher_main(Datum arg);

#endif /* WC_LAUNCHER_H */
