/*
 * lingering_close.c
 */
#include "base/lingering_close.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct lingerer
{
	uv_poll_t poll;
	uv_timer_t timer;
	int fd;
	int handles; /* not yet closed */
	size_t bytes;
	bool closing;
	struct lingerer *next;
	struct lingerer **link;
} lingerer;

static lingerer *all;
static int count;

static void
on_closed(uv_handle_t *handle)
{
	lingerer *l = handle->data;

	if (--l->handles > 0)
		return;
	close(l->fd);
	free(l);
}

static void
finish(lingerer *l)
{
	if (l->closing)
		return;
	l->closing = true;
	count--;
	*l->link = l->next;
	if (l->next != NULL)
		l->next->link = l->link;
	uv_close((uv_handle_t *) &l->poll, on_closed);
	uv_close((uv_handle_t *) &l->timer, on_closed);
}

static void
on_timer(uv_timer_t *timer)
{
	finish(timer->data);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	lingerer *l = poll->data;
	char sink[16384];
	ssize_t n;

	(void) events;
	n = recv(l->fd, sink, sizeof(sink), MSG_DONTWAIT);
	if (n > 0)
		l->bytes += (size_t) n;
	if (status < 0 || n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || l->bytes > LINGER_MAX_BYTES)
		finish(l);
}

void
lingering_close(uv_loop_t *loop, int fd)
{
	lingerer *l;

	shutdown(fd, SHUT_WR);
	if (count >= LINGER_MAX || (l = calloc(1, sizeof(*l))) == NULL)
	{
		close(fd);
		return;
	}
	if (uv_poll_init(loop, &l->poll, fd) < 0)
	{
		close(fd);
		free(l);
		return;
	}
	uv_timer_init(loop, &l->timer);
	l->poll.data = l->timer.data = l;
	l->fd = fd;
	l->handles = 2;
	l->next = all;
	l->link = &all;
	if (all != NULL)
		all->link = &l->next;
	all = l;
	count++;
	uv_poll_start(&l->poll, UV_READABLE, on_poll);
	uv_timer_start(&l->timer, on_timer, LINGER_MS, 0);
}

void
lingering_close_stop(void)
{
	while (all != NULL)
		finish(all);
}
