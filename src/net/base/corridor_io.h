/*
 * corridor_io.h
 *	  The corridor's descriptor on the loop: frames in through a callback,
 *	  frames out through a bounded buffer that one write a turn empties.
 */
#ifndef NET_CORRIDOR_IO_H
#define NET_CORRIDOR_IO_H

#include <uv.h>

#include "common/corridor.h"

/*
 * Bytes waiting for the worker above which the HTTP server stops reading sockets and
 * answers 503.  What must not be lost (outcomes) is still taken.
 */
#define CORRIDOR_OUT_BOUND (4u * 1024 * 1024)

typedef struct corridor_io corridor_io;

/* False: no such frame is expected; the corridor is then given up. */
typedef bool (*corridor_frame_fn)(void *arg, const wc_frame *frame);

/* Called once, when the corridor has ended for whatever reason. */
typedef void (*corridor_gone_fn)(void *arg, const char *why);

extern corridor_io *corridor_io_new(uv_loop_t *loop, int fd, corridor_frame_fn on_frame, corridor_gone_fn on_gone,
									void *arg);

/* Where the wc_write_...() functions put their frames; sent by the next flush. */
extern wc_buf *corridor_io_out(corridor_io *io);

extern bool corridor_io_full(const corridor_io *io);
extern bool corridor_io_empty(const corridor_io *io);

/* Write what there is, as far as the descriptor takes it. */
extern void corridor_io_flush(corridor_io *io);

/*
 * The last frame, of so many bytes, may wait until something else is to be written: it
 * is left by corridor_io_flush_others(), not by corridor_io_flush().
 */
extern void corridor_io_may_wait(corridor_io *io, size_t len);
extern void corridor_io_flush_others(corridor_io *io);
extern bool corridor_io_waits(const corridor_io *io); /* is there such a frame? */

/*
 * Send if it is worth it, without waiting for the loop's end, so that the worker
 * begins with the first of many while the others are still being taken.
 */
extern void corridor_io_nudge(corridor_io *io);

/* Write everything, waiting up to ms for the peer: for last words. */
extern void corridor_io_drain(corridor_io *io, int ms);

extern void corridor_io_free(corridor_io *io);

#endif /* NET_CORRIDOR_IO_H */
