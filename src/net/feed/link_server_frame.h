/*
 * link_server_frame.h
 *	  What a subscriber may say on its link (doc/link.md): acknowledgements, and
 *	  nothing else.
 */
#ifndef NET_LINK_SERVER_FRAME_H
#define NET_LINK_SERVER_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a frame. */
#define LINK_MAX_ACK 1024u

/* False: the frame is no acknowledgement.  Members that are not known are left out. */
extern bool link_server_frame_parse(const char *text, size_t len, uint64_t *seq);

#endif /* NET_LINK_SERVER_FRAME_H */
