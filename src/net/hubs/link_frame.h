/*
 * link_frame.h
 *	  A text frame from a hub (doc/link.md) taken apart: what kind it is, its
 *	  numbers, and the event in it as the text that it came as.
 */
#ifndef NET_LINK_FRAME_H
#define NET_LINK_FRAME_H

#include "common/frame.h"

typedef enum link_frame_type
{
	LINK_FRAME_OTHER = 0, /* a type of later versions: nothing to us */
	LINK_FRAME_WELCOME,
	LINK_FRAME_EVENT
} link_frame_type;

typedef struct link_frame
{
	link_frame_type type;

	/* a welcome's */
	uint64_t acknowledged;
	uint64_t lost;
	uint64_t heartbeat_s; /* whole seconds */

	/* an event's */
	uint64_t seq; /* 1 to INT64_MAX */
	wc_str event; /* points into the text; p is NULL when there is none */
} link_frame;

/* No event's frame is shorter, even one without an event in it, in bytes. */
#define LINK_FRAME_LEAST 24

/*
 * False: it is none, and *why is half a sentence about what the hub did.  Of an
 * event only the limits are found here: whether it is JSON is for its parser.
 */
extern bool link_frame_read(const char *text, size_t len, link_frame *frame, const char **why);

#endif /* NET_LINK_FRAME_H */
