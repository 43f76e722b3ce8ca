/*
 * frame_memory.h
 *	  Memory of what waits for its turn, counted.
 */
#ifndef WC_FRAME_MEMORY_H
#define WC_FRAME_MEMORY_H

extern void *frame_hold(MemoryContext context, size_t size);
extern void frame_free(void *p);
extern size_t frames_bytes(void);
/* Until the turn's frames are written. */
extern MemoryContext turn_context;

#endif /* WC_FRAME_MEMORY_H */
