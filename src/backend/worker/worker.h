/*
 * worker.h
 *	  The worker's entry.
 */
#ifndef WC_WORKER_H
#define WC_WORKER_H

extern PGDLLEXPORT void webchatt_worker_main(Datum arg);

#endif /* WC_WORKER_H */
