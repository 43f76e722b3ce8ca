/*
 * dispatch.h
 *	  The worker's frames, each to the room that it is for.
 */
#ifndef NET_DISPATCH_H
#define NET_DISPATCH_H

#include "common/corridor.h"

/* A corridor_frame_fn; arg is the net. */
extern bool dispatch_frame(void *arg, const wc_frame *frame);

#endif /* NET_DISPATCH_H */
