/*
 * corridor_io.c
 *	  What is written in one turn of the loop leaves by one write, unless it becomes
 *	  much; reading stops after a few pieces, so that the sockets get their turn.
 */
#include "base/corridor_io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes read at once, and reads in one turn before others get theirs. */
#define READ_SIZE	 (128u * 1024)
#define READS_A_TURN 8

/* Frames of so many bytes are worth a write of their own. */
#define NUDGE_BYTES 4096

/* A buffer that is empty and larger than this gives its memory back. */
#define KEEP_CAP (1024u * 1024)

struct corridor_io
{
	uv_poll_t poll;
	int fd;
	int events; /* what the poll waits for */
	bool gone;
	wc_buf in;
	wc_buf out;
	size_t out_off; /* bytes of out that are written already */
	size_t patient; /* and of the others, those that may wait */
	corridor_frame_fn on_frame;
	corridor_gone_fn on_gone;
	void *arg;
};

static void on_poll(uv_poll_t *poll, int status, int events);

corridor_io *
corridor_io_new(uv_loop_t *loop, int fd, corridor_frame_fn on_frame, corridor_gone_fn on_gone, void *arg)
{
	corridor_io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return NULL;
	io->fd = fd;
	io->on_frame = on_frame;
	io->on_gone = on_gone;
	io->arg = arg;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || uv_poll_init(loop, &io->poll, fd) < 0)
	{
		free(io);
		return NULL;
	}
	io->poll.data = io;
	io->events = UV_READABLE;
	uv_poll_start(&io->poll, io->events, on_poll);
	return io;
}

static void
give_up(corridor_io *io, const char *why)
{
	if (io->gone)
		return;
	io->gone = true;
	uv_poll_stop(&io->poll);
	io->on_gone(io->arg, why);
}

static void
wait_for(corridor_io *io, int events)
{
	if (io->gone || events == io->events)
		return;
	io->events = events;
	uv_poll_start(&io->poll, events, on_poll);
}

/* Hand over every whole frame; what is left of the last one stays. */
static void
take_frames(corridor_io *io)
{
	size_t off = 0;
	size_t used;
	wc_frame frame;
	wc_next next = WC_NEXT_MORE;

	while (!io->gone && (next = wc_frame_next(io->in.data + off, io->in.len - off, &frame, &used)) == WC_NEXT_FRAME)
	{
		if (!io->on_frame(io->arg, &frame))
		{
			give_up(io, "the worker sent a frame that does not belong there");
			return;
		}
		off += used;
	}
	if (io->gone)
		return;
	if (next == WC_NEXT_BROKEN)
	{
		give_up(io, "the worker sent something that is not a frame");
		return;
	}
	wc_buf_consume(&io->in, off);
	if (io->in.len == 0 && io->in.cap > KEEP_CAP)
		wc_buf_free(&io->in);
}

static void
read_some(corridor_io *io)
{
	ssize_t n;
	int turns;

	for (turns = 0; turns < READS_A_TURN && !io->gone; turns++)
	{
		if (!wc_buf_reserve(&io->in, READ_SIZE))
		{
			give_up(io, "out of memory while reading from the worker");
			return;
		}
		n = read(io->fd, io->in.data + io->in.len, READ_SIZE);
		if (n > 0)
		{
			io->in.len += (size_t) n;
			take_frames(io);
			if ((size_t) n < READ_SIZE)
				return;
		}
		else if (n == 0)
			give_up(io, "the worker has gone");
		else if (errno != EINTR)
		{
			if (errno != EAGAIN)
				give_up(io, "the worker has gone (read error)");
			return;
		}
	}
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	corridor_io *io = poll->data;

	if (status < 0 || (events & UV_READABLE))
		read_some(io);
	if (!io->gone && (events & UV_WRITABLE))
		corridor_io_flush(io);
}

wc_buf *
corridor_io_out(corridor_io *io)
{
	return &io->out;
}

bool
corridor_io_full(const corridor_io *io)
{
	return io->out.len - io->out_off > CORRIDOR_OUT_BOUND;
}

bool
corridor_io_empty(const corridor_io *io)
{
	return io->out.len == io->out_off;
}

/* Take the written bytes out of the buffer, without moving much each time. */
static void
trim(corridor_io *io)
{
	if (io->out_off == io->out.len)
	{
		io->out_off = 0;
		wc_buf_reset(&io->out);
		if (io->out.cap > KEEP_CAP)
			wc_buf_free(&io->out);
	}
	else if (io->out_off > KEEP_CAP && io->out_off > io->out.len / 2)
	{
		wc_buf_consume(&io->out, io->out_off);
		io->out_off = 0;
	}
}

void
corridor_io_flush(corridor_io *io)
{
	ssize_t n;

	io->patient = 0;
	while (!io->gone && io->out_off < io->out.len)
	{
		n = write(io->fd, io->out.data + io->out_off, io->out.len - io->out_off);
		if (n >= 0)
			io->out_off += (size_t) n;
		else if (errno == EAGAIN)
		{
			trim(io);
			wait_for(io, UV_READABLE | UV_WRITABLE);
			return;
		}
		else if (errno != EINTR)
		{
			give_up(io, "the worker has gone (write error)");
			return;
		}
	}
	trim(io);
	wait_for(io, UV_READABLE);
}

void
corridor_io_may_wait(corridor_io *io, size_t len)
{
	io->patient += len;
}

void
corridor_io_flush_others(corridor_io *io)
{
	/* in the order in which they were written, so with others all leaves */
	if (io->patient < io->out.len - io->out_off)
		corridor_io_flush(io);
}

bool
corridor_io_waits(const corridor_io *io)
{
	return io->patient > 0;
}

void
corridor_io_nudge(corridor_io *io)
{
	ssize_t n;

	/* what goes wrong shows at the next flush, outside whatever calls us */
	if (io->gone || io->out_off != 0 || io->out.len < NUDGE_BYTES)
		return;
	n = write(io->fd, io->out.data, io->out.len);
	io->patient = 0;
	if (n > 0)
		io->out_off = (size_t) n;
	trim(io);
}

void
corridor_io_drain(corridor_io *io, int ms)
{
	struct pollfd p = {io->fd, POLLOUT, 0};

	corridor_io_flush(io);
	while (!io->gone && !corridor_io_empty(io) && poll(&p, 1, ms) > 0)
		corridor_io_flush(io);
}

static void
on_closed(uv_handle_t *handle)
{
	corridor_io *io = handle->data;

	close(io->fd);
	wc_buf_free(&io->in);
	wc_buf_free(&io->out);
	free(io);
}

void
corridor_io_free(corridor_io *io)
{
	io->gone = true;
	uv_close((uv_handle_t *) &io->poll, on_closed);
}
