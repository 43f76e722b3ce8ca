/*
 * curl_uv.c
 *	  libcurl's multi interface driven by a libuv loop: its sockets under
 *	  uv_poll, its timer under one uv_timer.  It knows nothing of messages.
 */
#include "client/curl_uv.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

/*
 * A socket under uv_poll.  libcurl asks to forget a connection's socket after
 * each request and to watch it again for the next; those that it opened
 * through us stay armed in between, which saves two system calls a request.
 */
typedef struct curl_socket
{
	uv_poll_t poll;
	curl_uv *owner;
	curl_socket_t fd;
	bool ours;	/* from curl_uv_open_socket(), lives to close_socket() */
	int wanted; /* libuv's events that libcurl asks for */
	int armed;	/* those that libuv was asked for */
} curl_socket;

struct curl_uv
{
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	curl_socket **sockets; /* by descriptor */
	size_t nsockets;
	curl_uv_done_fn on_done;
	void *arg;
	bool keep; /* handles stay in the multi when they are done */
	bool freed;
};

static void
free_socket(uv_handle_t *handle)
{
	free(handle->data);
}

static curl_socket *
find_watch(const curl_uv *c, curl_socket_t fd)
{
	return (size_t) fd < c->nsockets ? c->sockets[fd] : NULL;
}

static void
close_watch(curl_socket *cs)
{
	cs->owner->sockets[cs->fd] = NULL;
	uv_close((uv_handle_t *) &cs->poll, free_socket);
}

static curl_socket *
open_watch(curl_uv *c, curl_socket_t fd, bool ours)
{
	curl_socket *cs;

	if ((size_t) fd >= c->nsockets)
	{
		size_t size = (size_t) fd + 64;
		curl_socket **grown = net_alloc(size * sizeof(curl_socket *));

		if (c->nsockets > 0)
			memcpy(grown, c->sockets, c->nsockets * sizeof(curl_socket *));
		free(c->sockets);
		c->sockets = grown;
		c->nsockets = size;
	}
	if (c->sockets[fd] != NULL)
		close_watch(c->sockets[fd]);
	cs = net_alloc(sizeof(curl_socket));
	if (uv_poll_init_socket(c->loop, &cs->poll, fd) != 0)
	{
		free(cs);
		return NULL;
	}
	cs->poll.data = cs;
	cs->owner = c;
	cs->fd = fd;
	cs->ours = ours;
	c->sockets[fd] = cs;
	return cs;
}

curl_socket_t
curl_uv_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *addr)
{
	curl_uv *c = arg;
	int fd = socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);

	(void) purpose;
	if (fd >= 0 && open_watch(c, fd, true) == NULL)
	{
		close(fd);
		fd = -1;
	}
	return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int
close_socket(void *arg, curl_socket_t fd)
{
	curl_socket *cs = find_watch(arg, fd);

	if (cs != NULL)
		close_watch(cs);
	return close(fd);
}

/* The callback may free the loop: then nothing of it may be touched. */
static void
collect(curl_uv *c)
{
	CURLMsg *m;
	int left;

	while (!c->freed && (m = curl_multi_info_read(c->multi, &left)) != NULL)
	{
		CURL *easy = m->easy_handle;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		if (!c->keep)
			curl_multi_remove_handle(c->multi, easy);
		c->on_done(c->arg, easy, code);
	}
}

static void
on_socket(uv_poll_t *handle, int status, int events)
{
	curl_socket *cs = handle->data;
	curl_uv *c = cs->owner;
	int flags = 0;
	int running;

	if (cs->wanted == 0)
	{
		/* The hub closed an idle connection: libcurl sees it when it wants it. */
		uv_poll_stop(&cs->poll);
		cs->armed = 0;
		return;
	}
	if (status < 0)
	{
		/*
		 * libuv stops at a socket's error.  libcurl is told that it can read and
		 * write, so that it meets the error itself: only then does it see that a
		 * kept connection was closed on it, and takes another.
		 */
		cs->armed = 0;
		flags = CURL_CSELECT_IN | CURL_CSELECT_OUT;
	}
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	(void) curl_multi_socket_action(c->multi, cs->fd, flags, &running);
	collect(c);
}

static void
on_timer(uv_timer_t *timer)
{
	curl_uv_run(timer->data);
}

/* libcurl's wish to be called in a while. */
static int
set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	curl_uv *c = arg;

	(void) multi;
	if (timeout_ms < 0)
		uv_timer_stop(&c->timer);
	else
		uv_timer_start(&c->timer, on_timer, (uint64_t) timeout_ms, 0);
	return 0;
}

/* libcurl's wish to hear of a socket, or not to hear of it any more. */
static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	curl_uv *c = arg;
	curl_socket *cs = find_watch(c, fd);
	bool connecting = cs != NULL && cs->wanted == UV_WRITABLE;

	(void) easy;
	(void) socket_arg;
	if (cs == NULL && (what == CURL_POLL_REMOVE || (cs = open_watch(c, fd, false)) == NULL))
		return what == CURL_POLL_REMOVE ? 0 : -1;
	cs->wanted = 0;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		cs->wanted |= UV_READABLE;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		cs->wanted |= UV_WRITABLE;

	/*
	 * libcurl 7.88 closes a socket whose connecting took too long without our
	 * close_socket(); nobody else could watch the next one of that number.
	 */
	if (cs->wanted == 0 && (!cs->ours || connecting))
		close_watch(cs);
	else if (cs->wanted != 0 && cs->wanted != cs->armed)
	{
		cs->armed = cs->wanted;
		uv_poll_start(&cs->poll, cs->armed, on_socket);
	}
	return 0;
}

curl_uv *
curl_uv_new(uv_loop_t *loop, curl_uv_done_fn on_done, void *arg)
{
	curl_uv *c = net_alloc(sizeof(curl_uv));

	c->multi = curl_multi_init();
	if (c->multi == NULL)
	{
		free(c);
		return NULL;
	}
	c->loop = loop;
	c->on_done = on_done;
	c->arg = arg;
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	return c;
}

void
curl_uv_set_connections(curl_uv *c, long connections)
{
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, connections);
}

void
curl_uv_keep_done(curl_uv *c)
{
	c->keep = true;
}

void
curl_uv_let_go(curl_uv *c, curl_socket_t fd)
{
	curl_socket *cs = find_watch(c, fd);

	if (cs != NULL)
		close_watch(cs);
}

/*
 * Proxies: none, whatever the environment says.  It is that of whoever started
 * the postmaster, and an http_proxy in it would be shown API keys.
 */
static void
set_rules(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* do not wait for the resolver's thread when a transfer ends before it */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
}

void
curl_uv_prepare(curl_uv *c, CURL *easy, uint32_t connect_timeout_ms, const char *ca_file)
{
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, curl_uv_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, c);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, c);
	set_rules(easy);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) connect_timeout_ms);
	if (ca_file != NULL)
	{
		/* This file alone: distributions compile in a directory as well. */
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
}

CURLMcode
curl_uv_add(curl_uv *c, CURL *easy)
{
	return curl_multi_add_handle(c->multi, easy);
}

void
curl_uv_run(curl_uv *c)
{
	int running;

	(void) curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(c);
}

void
curl_uv_remove(curl_uv *c, CURL *easy)
{
	curl_multi_remove_handle(c->multi, easy);
}

static void
free_loop(uv_handle_t *handle)
{
	curl_uv *c = handle->data;

	free(c->sockets);
	free(c);
}

void
curl_uv_free(curl_uv *c)
{
	c->freed = true;
	curl_multi_cleanup(c->multi); /* closes its connections through close_socket() */
	for (size_t i = 0; i < c->nsockets; i++)
		if (c->sockets[i] != NULL)
			close_watch(c->sockets[i]);
	uv_close((uv_handle_t *) &c->timer, free_loop);
}
