/*
 * listener.c
 *	  When descriptors run out, accept() fails and the connection stays in the queue,
 *	  so the loop would spin: a descriptor is kept in reserve to take it and drop it,
 *	  and accepting pauses.
 */
#include "listen/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

/* Connections that the kernel queues, and accepts in one turn. */
#define BACKLOG		   1024
#define ACCEPTS_A_TURN 64

/*
 * Whoever comes by a unix socket is believed as a proxy is, so it is for the
 * server's user and for the socket's group, which is that of a setgid directory.
 */
#define SOCKET_MODE 0660

/* In the kernel's interface since 5.14. */
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

/* The pause in accepting after descriptors or memory ran out, in ms. */
#define BACK_OFF_MS 100

typedef struct endpoint
{
	uv_poll_t poll;
	int fd;
	listener *owner;
} endpoint;

struct listener
{
	uv_loop_t *loop;
	uv_timer_t back_off;
	listener_fn on_accept;
	void *arg;
	const char *setting; /* that has the addresses */
	int reserve;		 /* a descriptor to give up at EMFILE */
	int n;
	int handles; /* not yet closed */
	bool started;
	bool paused;
	bool backing_off;
	endpoint endpoints[LISTENER_MAX];
	char text[LISTENER_TEXT_SIZE];
};

static void
add_text(listener *l, const char *address)
{
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof(l->text) - len, "%s%s", len ? "," : "", address);
}

/* Append the address that the socket really has. */
static void
name_endpoint(listener *l, int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	char host[ADDRESS_TEXT_SIZE];
	char text[ADDRESS_TEXT_SIZE + 16];

	if (getsockname(fd, (struct sockaddr *) &sa, &len) < 0)
		return;
	if (sa.ss_family == AF_INET6)
	{
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *) &sa)->sin6_addr, host, sizeof(host));
		snprintf(text, sizeof(text), "[%s]:%u", host, ntohs(((struct sockaddr_in6 *) &sa)->sin6_port));
	}
	else
	{
		inet_ntop(AF_INET, &((struct sockaddr_in *) &sa)->sin_addr, host, sizeof(host));
		snprintf(text, sizeof(text), "%s:%u", host, ntohs(((struct sockaddr_in *) &sa)->sin_port));
	}
	add_text(l, text);
}

static const char *
hint_for(int err)
{
	switch (err)
	{
		case EADDRINUSE:
			return "another program has it: stop that one, or ";
		case EACCES:
			return "not permitted: use a port from 1024 up, or a directory that the server may write to, or ";
		case EADDRNOTAVAIL:
			return "this machine has no such address: ";
		case ENOENT:
			return "the directory does not exist: create it, or ";
		default:
			return "";
	}
}

static void
say(const listener *l, char reason[512], const char *address, int err)
{
	snprintf(reason, 512, "could not listen on %s: %s (errno %d); %schange %s", address, strerror(err), err,
			 hint_for(err), l->setting);
}

/*
 * What the kernel keeps for a client that does not read, and of one whom we do
 * not read, in bytes; it doubles that for its own.  Left alone it grows to some
 * MB a connection.  The sockets that are accepted inherit it.
 */
#define SEND_BUFFER	   (128 * 1024)
#define RECEIVE_BUFFER (64 * 1024)

static void
bound_buffers(int fd)
{
	int send_size = SEND_BUFFER;
	int receive_size = RECEIVE_BUFFER;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_size, sizeof(send_size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_size, sizeof(receive_size));
}

void
listener_trust(int fd)
{
	int bounded = 0;

	/* a kernel before 5.14 does not know it, and keeps the bounds */
	setsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &bounded, sizeof(bounded));
}

/* Take a bound socket into the set. */
static endpoint *
add_endpoint(listener *l, int fd)
{
	endpoint *e = &l->endpoints[l->n];

	bound_buffers(fd);
	if (listen(fd, BACKLOG) < 0 || uv_poll_init(l->loop, &e->poll, fd) < 0)
		return NULL;
	e->fd = fd;
	e->owner = l;
	e->poll.data = e;
	l->n++;
	l->handles++;
	return e;
}

static bool
bind_one(listener *l, const struct addrinfo *ai)
{
	int on = 1;
	int err;
	int fd;

	if (l->n >= LISTENER_MAX)
	{
		errno = EMFILE;
		return false;
	}
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && add_endpoint(l, fd) != NULL)
	{
		name_endpoint(l, fd);
		return true;
	}
	err = errno;
	close(fd);
	errno = err;
	return false;
}

/* Split "host:port"; brackets around an IPv6 host. */
static bool
split(const char *address, char host[256], const char **port)
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t) (colon - address) : 0;
	uint64_t number;

	if (colon == NULL || len >= 256 || strlen(colon + 1) > 5 ||
		!text_number(colon + 1, strlen(colon + 1), 65535, &number))
		return false;
	*port = colon + 1;
	if (len >= 2 && address[0] == '[' && address[len - 1] == ']')
	{
		address++;
		len -= 2;
	}
	else if (memchr(address, ':', len) != NULL)
		return false;
	memcpy(host, address, len);
	host[len] = '\0';
	return true;
}

static bool
bind_inet(listener *l, const char *address, char reason[512])
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	struct addrinfo *ai;
	const char *port;
	char host[256];
	bool every;
	int rc;
	int bound = 0;

	if (!split(address, host, &port))
	{
		snprintf(reason, 512,
				 "\"%s\" is no address to listen on; write host:port, [IPv6]:port, :port or unix:/path in %s", address,
				 l->setting);
		return false;
	}
	every = host[0] == '\0' || strcmp(host, "*") == 0;
	rc = getaddrinfo(every ? NULL : host, port, &hints, &list);
	if (rc != 0)
	{
		snprintf(reason, 512, "could not listen on %s: %s; change %s", address, gai_strerror(rc), l->setting);
		return false;
	}
	for (ai = list; ai != NULL; ai = ai->ai_next)
	{
		if (bind_one(l, ai))
			bound++;
		/* A machine without IPv6 still listens on "every address" it has. */
		else if (ai->ai_next == NULL ? bound == 0 : (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
		{
			say(l, reason, address, errno);
			break;
		}
	}
	freeaddrinfo(list);
	return ai == NULL;
}

/* Is that what PostgreSQL calls a socket of its own? */
static bool
is_postgres(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && strncmp(slash + 1, ".s.PGSQL.", 9) == 0;
}

/*
 * True when nobody listens behind that path (any more) and it is gone now.
 * Removed is only what a webchatt-net of this server may have left: a socket of
 * the same user's that nobody answers at, and that has not PostgreSQL's name.
 */
static bool
clear_stale(const struct sockaddr_un *sa)
{
	struct stat st;
	int fd;
	int err;

	if (lstat(sa->sun_path, &st) < 0)
		return errno == ENOENT;
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid() || is_postgres(sa->sun_path))
	{
		errno = EADDRINUSE;
		return false;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	err = connect(fd, (const struct sockaddr *) sa, sizeof(*sa)) < 0 ? errno : EADDRINUSE;
	close(fd);
	if (err == ECONNREFUSED && unlink(sa->sun_path) == 0)
		return true;
	errno = err == ECONNREFUSED ? errno : EADDRINUSE;
	return false;
}

static bool
bind_unix(listener *l, const char *address, const char *path, char reason[512])
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	bool bound = false;
	int fd;

	if (path[0] != '/' || strlen(path) >= sizeof(sa.sun_path))
	{
		snprintf(reason, 512,
				 "\"%s\" is no address to listen on; after unix: an absolute path of at most %zu bytes must follow",
				 address, sizeof(sa.sun_path) - 1);
		return false;
	}
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && l->n < LISTENER_MAX && clear_stale(&sa) && bind(fd, (struct sockaddr *) &sa, sizeof(sa)) == 0)
		bound = chmod(path, SOCKET_MODE) == 0 && add_endpoint(l, fd) != NULL;
	if (!bound)
	{
		say(l, reason, address, errno);
		if (fd >= 0)
			close(fd);
		return false;
	}
	add_text(l, address);
	return true;
}

/* Bind each of the comma-separated addresses. */
static bool
bind_all(listener *l, wc_str addresses, char reason[512])
{
	char address[300];
	wc_str item;

	while (text_next(&addresses, &item))
	{
		if (item.len >= sizeof(address))
		{
			snprintf(reason, 512, "an address in %s is longer than %zu bytes; shorten it", l->setting,
					 sizeof(address) - 1);
			return false;
		}
		memcpy(address, item.p, item.len);
		address[item.len] = '\0';
		if (item.len > 0 && !(strncmp(address, "unix:", 5) == 0 ? bind_unix(l, address, address + 5, reason)
																: bind_inet(l, address, reason)))
			return false;
	}
	return true;
}

listener *
listener_bind(uv_loop_t *loop, const char *setting, wc_str addresses, listener_fn on_accept, void *arg,
			  char reason[512])
{
	listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
	{
		snprintf(reason, 512, "out of memory while binding");
		return NULL;
	}
	l->loop = loop;
	l->on_accept = on_accept;
	l->arg = arg;
	l->setting = setting;
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uv_timer_init(loop, &l->back_off);
	l->back_off.data = l;
	l->handles = 1;
	if (bind_all(l, addresses, reason))
		return l;
	listener_close(l);
	return NULL;
}

const char *
listener_text(const listener *l)
{
	return l->text;
}

static void on_poll(uv_poll_t *poll, int status, int events);

/* Poll or do not, as the flags say. */
static void
settle(listener *l)
{
	bool run = l->started && !l->paused && !l->backing_off;
	int i;

	for (i = 0; i < l->n; i++)
	{
		if (run)
			uv_poll_start(&l->endpoints[i].poll, UV_READABLE, on_poll);
		else
			uv_poll_stop(&l->endpoints[i].poll);
	}
}

static void
on_back_off(uv_timer_t *timer)
{
	listener *l = timer->data;

	l->backing_off = false;
	settle(l);
}

/*
 * Out of descriptors or memory: accept and drop one with the reserve, so that
 * it does not wait for nothing, then leave the queue alone for a while.
 */
static void
out_of_something(listener *l, int fd, int err)
{
	static uint64_t told;
	uint64_t now = uv_now(l->loop);

	if (told == 0 || now - told > LOG_DIGEST_MS)
		log_line(WC_LOG_WARNING,
				 "cannot accept connections: %s; raise the limit of open files of the PostgreSQL server, or lower "
				 "webchatt.max_connections and webchatt.max_visitors",
				 strerror(err));
	told = now;
	if ((err == EMFILE || err == ENFILE) && l->reserve >= 0)
	{
		close(l->reserve);
		fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	l->backing_off = true;
	settle(l);
	uv_timer_start(&l->back_off, on_back_off, BACK_OFF_MS, 0);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	endpoint *e = poll->data;
	listener *l = e->owner;
	int i;

	(void) status;
	(void) events;
	for (i = 0; i < ACCEPTS_A_TURN; i++)
	{
		struct sockaddr_storage sa;
		socklen_t len = sizeof(sa);
		int fd = accept4(e->fd, (struct sockaddr *) &sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
		{
			/* A nameless unix peer: give it a family at least. */
			if (len < sizeof(sa_family_t) || sa.ss_family == AF_UNIX)
			{
				memset(&sa, 0, sizeof(sa));
				sa.ss_family = AF_UNIX;
				len = sizeof(struct sockaddr_un);
			}
			l->on_accept(l->arg, fd, (struct sockaddr *) &sa, len);
		}
		else if (errno == EAGAIN)
			return;
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		{
			out_of_something(l, e->fd, errno);
			return;
		}
		/* Else that one connection failed before it was accepted: go on. */
	}
}

void
listener_start(listener *l)
{
	l->started = true;
	settle(l);
}

void
listener_pause(listener *l, bool pause)
{
	if (l->paused == pause)
		return;
	l->paused = pause;
	settle(l);
}

static void
on_closed(uv_handle_t *handle)
{
	listener *l;

	if (handle->type == UV_TIMER)
		l = handle->data;
	else
	{
		endpoint *e = handle->data;

		l = e->owner;
	}
	if (--l->handles == 0)
		free(l);
}

void
listener_close(listener *l)
{
	int i;

	for (i = 0; i < l->n; i++)
	{
		endpoint *e = &l->endpoints[i];

		/* The file of a unix socket stays: a confined process can remove none. */
		uv_poll_stop(&e->poll);
		uv_close((uv_handle_t *) &e->poll, on_closed);
		close(e->fd);
	}
	if (l->reserve >= 0)
		close(l->reserve);
	uv_close((uv_handle_t *) &l->back_off, on_closed);
}
