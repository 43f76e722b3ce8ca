/*
 * desk_queue.h
 *	  What lies between the worker and the desk worker: calls one way, answers the
 *	  other.
 */
#ifndef WC_DESK_QUEUE_H
#define WC_DESK_QUEUE_H

#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/shm_mq.h"

/* As one of the two sees it. */
typedef struct DeskQueue
{
	dsm_segment *segment; /* NULL: there is none */
	Oid database;
	shm_mq *calls;	 /* payloads of DESK_CALL */
	shm_mq *answers; /* whole frames: DESK_ANSWER, LOG */
	shm_mq_handle *in;
	shm_mq_handle *out;
} DeskQueue;

extern bool desk_queue_create(DeskQueue *queue, Oid database);
extern void desk_queue_join(DeskQueue *queue, BackgroundWorkerHandle *worker);
extern bool desk_queue_open(DeskQueue *queue, dsm_handle handle);
extern void desk_queue_close(DeskQueue *queue);

#endif /* WC_DESK_QUEUE_H */
