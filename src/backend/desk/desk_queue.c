/*
 * desk_queue.c
 *	  What lies between the worker and the desk worker: a segment of shared memory with
 *	  two queues.  Either side's end is seen by the other at once.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "desk/desk_queue.h"

/* Bytes of each queue; what is longer goes through it in pieces. */
#define QUEUE_SIZE (256 * 1024)

#define MAGIC 0x6465736b

typedef struct Head
{
	uint32 magic;
	Oid database;
	DeskLane lane;
} Head;

#define CALLS_AT   MAXALIGN(sizeof(Head))
#define ANSWERS_AT (CALLS_AT + QUEUE_SIZE)

static void *
at(const DeskQueue *queue, Size where)
{
	return (char *) dsm_segment_address(queue->segment) + where;
}

/*
 * A new segment, which is nobody's but ours, whatever transaction is open.  NULL: there is no room for one; problem says
 * what the system has against it.  Never an error, which would end what else the worker is at.
 */
static dsm_segment *
create_segment(char **problem)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner outer = CurrentResourceOwner;
	ResourceOwner owner = ResourceOwnerCreate(NULL, "webchatt desk queue");
	dsm_segment *volatile segment = NULL;

	*problem = "too many segments of dynamic shared memory are in use";
	CurrentResourceOwner = owner;
	PG_TRY();
	{
		segment = dsm_create(ANSWERS_AT + QUEUE_SIZE, DSM_CREATE_NULL_IF_MAXSEGMENTS);
		if (segment != NULL)
			dsm_pin_mapping(segment);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		*problem = CopyErrorData()->message;
		FlushErrorState();
	}
	PG_END_TRY();
	CurrentResourceOwner = outer;
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
	ResourceOwnerDelete(owner);
	return segment;
}

/* The worker's side.  NULL: it is there; else why there is no shared memory for it. */
const char *
desk_queue_create(DeskQueue *queue, Oid database, DeskLane lane)
{
	char *problem;
	Head *head;

	memset(queue, 0, sizeof(*queue));
	queue->segment = create_segment(&problem);
	if (queue->segment == NULL)
		return problem;
	head = at(queue, 0);
	head->magic = MAGIC;
	head->database = queue->database = database;
	head->lane = queue->lane = lane;
	queue->calls = shm_mq_create(at(queue, CALLS_AT), QUEUE_SIZE);
	queue->answers = shm_mq_create(at(queue, ANSWERS_AT), QUEUE_SIZE);
	shm_mq_set_sender(queue->calls, MyProc);
	shm_mq_set_receiver(queue->answers, MyProc);
	return NULL;
}

/* The desk worker is being started: from now on its end shows. */
void
desk_queue_join(DeskQueue *queue, BackgroundWorkerHandle *worker)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	queue->out = shm_mq_attach(queue->calls, queue->segment, worker);
	queue->in = shm_mq_attach(queue->answers, queue->segment, worker);
	MemoryContextSwitchTo(old);
}

/* The desk worker's side.  False: the worker is gone. */
bool
desk_queue_open(DeskQueue *queue, dsm_handle handle)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	const Head *head;

	memset(queue, 0, sizeof(*queue));
	queue->segment = dsm_attach(handle);
	if (queue->segment == NULL)
		return false;
	dsm_pin_mapping(queue->segment);
	head = at(queue, 0);
	if (head->magic != MAGIC)
		return false;
	queue->database = head->database;
	queue->lane = head->lane;
	queue->calls = at(queue, CALLS_AT);
	queue->answers = at(queue, ANSWERS_AT);
	shm_mq_set_receiver(queue->calls, MyProc);
	shm_mq_set_sender(queue->answers, MyProc);
	queue->in = shm_mq_attach(queue->calls, queue->segment, NULL);
	queue->out = shm_mq_attach(queue->answers, queue->segment, NULL);
	MemoryContextSwitchTo(old);
	return true;
}

/* The other side sees that; what is in there is gone. */
void
desk_queue_close(DeskQueue *queue)
{
	if (queue->out != NULL)
		shm_mq_detach(queue->out);
	if (queue->in != NULL)
		shm_mq_detach(queue->in);
	if (queue->segment != NULL)
		dsm_detach(queue->segment);
	memset(queue, 0, sizeof(*queue));
}
