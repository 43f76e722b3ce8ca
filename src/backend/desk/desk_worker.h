/*
 * desk_worker.h
 *	  The desk worker's entry.
 */
#ifndef WC_DESK_WORKER_H
#define WC_DESK_WORKER_H

extern PGDLLEXPORT void webchatt_desk_main(Datum arg);

#endif /* WC_DESK_WORKER_H */
