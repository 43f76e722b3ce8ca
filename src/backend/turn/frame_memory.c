/*
 * frame_memory.c
 *	  The memory of frames that wait for their turn, counted in bytes: a frame may
 *	  have 9 MB, and webchatt-net may not be itself any more.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "turn/frame_memory.h"

MemoryContext frame_memory_of_turn = NULL;

static size_t held = 0;

/* Memory for a frame that waits, all zeros; frame_memory_free() gives it back. */
void *
frame_memory_hold(MemoryContext context, size_t size)
{
	void *p = MemoryContextAllocExtended(context, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	held += GetMemoryChunkSpace(p);
	return p;
}

void
frame_memory_free(void *p)
{
	held -= GetMemoryChunkSpace(p);
	pfree(p);
}

/* What waits, in bytes. */
size_t
frame_memory_bytes(void)
{
	return held;
}
