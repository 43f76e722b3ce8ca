/*
 * ws_takeover.c
 *	  What libmicrohttpd has read behind the head is lost; a client must not send
 *	  anything before it has the answer, and proxies do not.
 *
 * libmicrohttpd keeps the number of the descriptor: what is behind the number
 * is replaced.  Its epoll set knows the old file by that number, and would do
 * so as long as the file is open; so it is taken out, and the new one put in,
 * because libmicrohttpd insists on removing it itself.
 */
#include "listen/ws_takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "http/http_reply.h"

static enum MHD_Result
on_field(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value, size_t value_len)
{
	(void) kind;
	ws_handshake_field(cls, name, name_len, value ? value : "", value ? value_len : 0);
	return MHD_YES;
}

static enum MHD_Result
on_argument(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value, size_t value_len)
{
	(void) kind;
	ws_handshake_argument(cls, name, name_len, value ? value : "", value ? value_len : 0);
	return MHD_YES;
}

/* One on which nothing ever happens, of a kind that a confined process may still make. */
static int
idle_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 ? fd : socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* The connection under a new number; what is left under the old one is a dummy. */
static int
take_descriptor(conn *c)
{
	int epoll = MHD_get_daemon_info(c->server->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	struct epoll_event none = {.events = 0, .data.ptr = c->mhd};
	int dummy = idle_socket();
	int fd = dummy < 0 ? -1 : fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
	bool polled;

	if (fd < 0)
	{
		if (dummy >= 0)
			close(dummy);
		return -1;
	}
	polled = epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL) == 0;
	if (dup3(dummy, c->fd, O_CLOEXEC) < 0 || (polled && epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &none) < 0))
	{
		/* Cannot fail on descriptors that are open; what follows would panic. */
		close(fd);
		fd = -1;
	}
	close(dummy);
	return fd;
}

bool
ws_takeover(void *receiver, conn *c, const char *version)
{
	const ws_receiver *to = receiver;
	ws_handshake head = {.link = c->route == ROUTE_LINK, .desk = c->route == ROUTE_DESK_SOCKET};
	ws_opening who = {.peer = c->peer, .since = c->timeout.since};
	const char *why;
	refusal verdict;

	/* Not from the target: libmicrohttpd has taken its query apart where it lay. */
	MHD_get_connection_values_n(c->mhd, MHD_GET_ARGUMENT_KIND, on_argument, &head);
	MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, on_field, &head);
	verdict = ws_handshake_end(&head, version, &why);
	/* A plain GET leaves the connection what it is. */
	if (verdict == REFUSE_UPGRADE)
	{
		http_reply_refuse(c, REFUSE_UPGRADE, NULL);
		return false;
	}
	who.fd = take_descriptor(c);
	if (who.fd < 0)
	{
		http_reply_refuse(c, REFUSE_MEMORY, NULL);
		return false;
	}
	c->cut = true;
	to->admit(to->arg, &who, &head, verdict, why);
	return true;
}
