/*
 * link_stream.h
 *	  Bytes and frames of a WebSocket to a hub.
 */
#ifndef NET_LINK_STREAM_H
#define NET_LINK_STREAM_H

#include "ws/link_state.h"

/* Begin to speak in frames; false: out of memory. */
extern bool link_stream_open(link_socket *s);

/* Bytes to be sent; false: too many wait.  Send them, as far as the socket takes them. */
extern bool link_stream_put(link_socket *s, const void *data, size_t len);
extern bool link_stream_has_out(const link_socket *s);
extern void link_stream_flush(link_socket *s);

/* Bytes into our buffer, behind what is there; false: none now. */
extern bool link_stream_fill(link_socket *s);

/* Read frames; put those that wait for it into what is to be sent. */
extern void link_stream_read(link_socket *s);
extern void link_stream_collect(link_socket *s);

#endif /* NET_LINK_STREAM_H */
