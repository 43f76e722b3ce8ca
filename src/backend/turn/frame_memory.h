/*
 * frame_memory.h
 *	  Memory of what waits for its turn, counted.
 */
#ifndef WC_FRAME_MEMORY_H
#define WC_FRAME_MEMORY_H

#include "common/frame.h"

extern void *frame_memory_hold(size_t size);
extern void *frame_memory_keep(size_t size, const wc_frame *frame, wc_frame *kept);
extern void frame_memory_free(void *p);
extern size_t frame_memory_bytes(void);

/* What lives in it lives until the turn's frames are written. */
extern MemoryContext frame_memory_of_turn;

#endif /* WC_FRAME_MEMORY_H */
