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

/* Memory for what waits, all zeros; frame_memory_free() gives it back. */
void *
frame_memory_hold(size_t size)
{
	static MemoryContext context = NULL;
	void *p;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "webchatt frames", ALLOCSET_DEFAULT_SIZES);
	p = MemoryContextAllocExtended(context, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	held += GetMemoryChunkSpace(p);
	return p;
}

/*
 * The same for a frame: so many bytes for what is known of it, and its payload
 * behind them.  *kept is the frame as it lies there, to be read.
 */
void *
frame_memory_keep(size_t size, const wc_frame *frame, wc_frame *kept)
{
	char *p = frame_memory_hold(size + frame->len);

	memcpy(p + size, frame->payload, frame->len);
	*kept = (wc_frame){frame->type, p + size, frame->len};
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
