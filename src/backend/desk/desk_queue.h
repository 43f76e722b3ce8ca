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

/* Which calls. */
typedef enum DeskLane
{
	DESK_LANE_CALLS,
	DESK_LANE_SEARCH,
	DESK_LANE_RETENTION, /* no call ever comes by it */
	DESK_LANE_ARCHIVE,	 /* what is read in archives, not for the desk alone */
	DESK_LANES
} DeskLane;

/* As one of the two sees it. */
typedef struct DeskQueue
{
	dsm_segment *segment; /* NULL: there is none */
	Oid database;
	DeskLane lane;
	shm_mq *calls;	 /* payloads of DESK_CALL */
	shm_mq *answers; /* whole frames: DESK_ANSWER, LOG */
	shm_mq_handle *in;
	shm_mq_handle *out;
} DeskQueue;

extern const char *desk_queue_create(DeskQueue *queue, Oid database, DeskLane lane);
extern void desk_queue_join(DeskQueue *queue, BackgroundWorkerHandle *worker);
extern bool desk_queue_open(DeskQueue *queue, dsm_handle handle);
extern void desk_queue_close(DeskQueue *queue);

#endif /* WC_DESK_QUEUE_H */
