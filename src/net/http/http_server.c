/*
 * http_server.c
 *	  The HTTP server: connections, libmicrohttpd's turns, timeouts, closing.
 *	  See http_server.h; http_request.c has what happens on a connection.
 */
#include "http/http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/lingering_close.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/proxies.h"
#include "http/http_reply.h"
#include "http/http_request.h"
#include "http/static_files.h"

/* A connection's memory in libmicrohttpd, which reads heads into half of it: enough for one that is just too large. */
#define MHD_POOL_SIZE (2 * (HTTP_HEAD_MAX + 4u * 1024))

/* Turns of libmicrohttpd in one of ours before others get theirs. */
#define RUNS_A_TURN 4

/* A body must fit into a frame, with the fields in front of it. */
#define MOST_BODY_SIZE (WC_FRAME_MAX - 64u * 1024)

/* Connections that one call of the sweep looks at. */
#define SWEEP_BATCH 256

/* A connection is swept when its phase is older than this, in ms. */
#define SWEEP_AGE_MS 1000

static void on_ready(uv_poll_t *poll, int status, int events);
static void on_late(void *arg, timeout *entry);

/* libmicrohttpd's word about a connection's begin and end. */
static void
on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	http_server *d = cls;
	conn *c;
	int fd;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
	{
		c = d->arriving;
		d->arriving = NULL;
		if (c == NULL)
		{
			*socket_context = NULL;
			return;
		}
		c->mhd = mhd;
		*socket_context = c;
		d->nconns++;
		return;
	}
	c = *socket_context;
	if (c == NULL)
		return;
	http_reply_do_not_suspend(c);
	if (c->linger && (fd = dup(c->fd)) >= 0)
		lingering_close(d->loop, fd);
	timeouts_set(&d->timeouts, &c->timeout, PHASE_NONE, 0);
	if (c->peer_count != NULL)
		address_counts_give(d->peers, c->peer_count);
	d->nconns--;
	if (c->leaving)
		d->nleaving--;
	free(c->asked);
	free(c);
}

static void
on_panic(void *cls, const char *file, unsigned line, const char *reason)
{
	(void) cls;
	fprintf(stderr, "webchatt-net: libmicrohttpd gave up at %s:%u: %s\n", file, line,
			reason ? reason : "no reason given");
	abort();
}

/* Nothing needs a target unescaped; so nothing in it can be hidden by escapes. */
static size_t
leave_escaped(void *cls, struct MHD_Connection *mhd, char *s)
{
	(void) cls;
	(void) mhd;
	return strlen(s);
}

/* libmicrohttpd's own limit stands far off: the HTTP server counts connections itself. */
static unsigned
descriptor_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur > 1000000)
		return 1000000;
	return (unsigned) r.rlim_cur;
}

/*
 * libmicrohttpd 1.0 queues added connections for its next turn, where we would
 * not know whose they are, unless it is told that there is one thread only.
 */
#if MHD_VERSION >= 0x00097707
#define HTTP_ONE_THREAD MHD_USE_NO_THREAD_SAFETY
#else
#define HTTP_ONE_THREAD 0
#endif

static struct MHD_Daemon *
start_mhd(http_server *d)
{
	MHD_set_panic_func(on_panic, NULL);
	return MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | HTTP_ONE_THREAD, 0,
							NULL, NULL, http_request_handle, d, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
							(size_t) MHD_POOL_SIZE, MHD_OPTION_CONNECTION_LIMIT, descriptor_limit(),
							MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_URI_LOG_CALLBACK, http_request_target, d,
							MHD_OPTION_NOTIFY_COMPLETED, http_request_completed, d, MHD_OPTION_NOTIFY_CONNECTION,
							on_connection, d, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
#if MHD_VERSION >= 0x00097701
							MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
#endif
							MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

http_server *
http_server_new(uv_loop_t *loop, corridor_io *corridor, const http_handler *handlers, http_server_route_fn find_route)
{
	http_server *d = calloc(1, sizeof(*d));
	const union MHD_DaemonInfo *info;

	if (d == NULL)
		return NULL;
	d->loop = loop;
	d->corridor = corridor;
	d->handlers = handlers;
	d->find_route = find_route;
	d->inflight = inflight_new();
	d->peers = address_counts_new();
	d->clients = address_counts_new();
	if (d->inflight && d->peers && d->clients && static_files_init())
		d->mhd = start_mhd(d);
	info = d->mhd ? MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (info == NULL || uv_poll_init(loop, &d->poll, info->epoll_fd) < 0)
		return NULL; /* the program ends: nothing is freed */
	d->poll.data = d;
	uv_poll_start(&d->poll, UV_READABLE, on_ready);
	uv_idle_init(loop, &d->again);
	d->again.data = d;
	timeouts_init(&d->timeouts, loop, on_late, d);
	return d;
}

void
http_server_know(http_server *d, channels *channels, api_keys *keys, hub_endpoints *hubs)
{
	d->channels = channels;
	d->keys = keys;
	d->hubs = hubs;
}

void
http_server_own(http_server *d, void *owner, http_server_dress_fn dress, const char *large)
{
	d->owner = owner;
	d->dress = dress;
	d->large = large;
}

void
http_server_configure(http_server *d, const wc_config *config)
{
	d->max_body_size = config->max_body_size < MOST_BODY_SIZE ? config->max_body_size : MOST_BODY_SIZE;
	d->max_connections = config->max_connections;
	d->max_per_address = config->max_connections_per_address;
	d->max_waiting = config->max_waiting;
	d->tolerance_s = config->signature_tolerance_s;
	timeouts_limit(&d->timeouts, PHASE_HEAD, config->head_timeout_ms);
	timeouts_limit(&d->timeouts, PHASE_BODY, config->request_timeout_ms);
	timeouts_limit(&d->timeouts, PHASE_REPLY, config->request_timeout_ms);
	timeouts_limit(&d->timeouts, PHASE_IDLE, config->idle_timeout_ms);
	timeouts_limit(&d->timeouts, PHASE_WAIT, config->ack_timeout_ms);
	timeouts_limit(&d->timeouts, PHASE_PARKED, HTTP_PARKED_MS);
}

void
http_server_ask_visitors(http_server *d, http_server_is_there_fn is_there, void *arg)
{
	d->is_there = is_there;
	d->is_there_arg = arg;
}

void
http_server_pass_websockets(http_server *d, http_server_takeover_fn takeover, void *arg)
{
	d->takeover = takeover;
	d->takeover_arg = arg;
}

void
http_server_open(http_server *d)
{
	d->open = true;
}

/* Refuse a connection that libmicrohttpd has not seen. */
static void
turn_away(http_server *d, int fd, const net_addr *peer, refusal why)
{
	metrics_now.refused[why]++;
	log_refusal(why, peer, NULL, uv_now(d->loop));
	http_response_raw(fd, why, NULL);
	lingering_close(d->loop, fd);
}

/* Shut a connection down from outside; libmicrohttpd then notices and closes it. */
static void
cut(conn *c)
{
	c->cut = true;
	if (!c->leaving)
		c->server->nleaving++;
	c->leaving = true;
	timeouts_set(&c->server->timeouts, &c->timeout, PHASE_NONE, 0);
	shutdown(c->fd, SHUT_RDWR);
}

/* A body that has just begun is not in anybody's way yet, in ms. */
#define YOUNG_BODY_MS 1000

/*
 * There is room for one more: or else the oldest that has sent no whole head
 * makes it, then one between requests, then one whose body does not come.  So
 * strangers who send nothing whole cannot keep out who does.
 */
static bool
make_room(http_server *d)
{
	static const phase phases[] = {PHASE_HEAD, PHASE_IDLE, PHASE_BODY};
	size_t p;

	if (d->nconns - d->nleaving < d->max_connections)
		return true;
	for (p = 0; p < sizeof(phases) / sizeof(phases[0]); p++)
	{
		timeout *head = &d->timeouts.heads[phases[p]];
		conn *c = (conn *) head->next;

		if (head->next == head || (phases[p] == PHASE_BODY && c->timeout.since + YOUNG_BODY_MS > uv_now(d->loop)))
			continue;
		if (phases[p] != PHASE_IDLE)
		{
			http_reply_refuse(c, REFUSE_CONNECTIONS, NULL);
			http_response_raw(c->fd, REFUSE_CONNECTIONS, NULL);
		}
		cut(c);
		d->ready = true;
		return true;
	}
	return false;
}

void
http_server_accept(void *arg, int fd, const struct sockaddr *addr, socklen_t len)
{
	http_server *d = arg;
	address_count *count = NULL;
	net_addr peer;
	conn *c;

	metrics_now.accepted++;
	address_from_sockaddr(addr, &peer);
	if (!proxies_trust(&peer) && (count = address_counts_take(d->peers, &peer, d->max_per_address)) == NULL)
	{
		turn_away(d, fd, &peer, REFUSE_ADDRESS);
		return;
	}
	if (!make_room(d))
	{
		if (count != NULL)
			address_counts_give(d->peers, count);
		turn_away(d, fd, &peer, REFUSE_CONNECTIONS);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL)
	{
		if (count != NULL)
			address_counts_give(d->peers, count);
		close(fd);
		return;
	}
	c->server = d;
	c->fd = fd;
	c->peer = c->client = peer;
	c->peer_count = count;
	d->arriving = c;
	timeouts_set(&d->timeouts, &c->timeout, PHASE_HEAD, uv_now(d->loop));
	/* On failure it has closed the descriptor, and either told us or not. */
	if (MHD_add_connection(d->mhd, fd, addr, len) != MHD_YES && d->arriving == c)
	{
		timeouts_set(&d->timeouts, &c->timeout, PHASE_NONE, 0);
		if (count != NULL)
			address_counts_give(d->peers, count);
		free(c);
	}
	d->arriving = NULL;
	d->ready = true;
}

/* True for a connection over which nothing ever came. */
static bool
is_silent(const conn *c)
{
	struct
	{
		struct tcp_info libc; /* as much as the C library's header knows */
		uint64_t pacing_rate;
		uint64_t max_pacing_rate;
		uint64_t bytes_acked;
		uint64_t bytes_received;
	} info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	return c->state == REQUEST_NONE && getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
		   info.bytes_received == 0;
}

static void
too_slow(conn *c, refusal why)
{
	http_server *d = c->server;

	/* While we do not read, slowness is ours. */
	if (d->paused)
	{
		timeouts_set(&d->timeouts, &c->timeout, c->timeout.phase, uv_now(d->loop));
		return;
	}
	if (!is_silent(c))
	{
		http_reply_refuse(c, why, NULL);
		http_response_raw(c->fd, why, NULL);
	}
	cut(c);
}

/* What waits for the worker has waited long enough. */
static void
give_up(conn *c)
{
	http_server *d = c->server;
	const http_handler *h = &d->handlers[c->route];

	inflight_give(d->inflight, c->number);
	if (c->streaming)
	{
		/* half of the answer is sent: whoever gives the rest sees that it is cut */
		cut(c);
		http_reply_go_on(c, PHASE_NONE);
		return;
	}
	http_reply_refuse(c, d->closing ? REFUSE_CLOSING : c->early_body ? REFUSE_SIG_WRONG : REFUSE_ACK_TIMEOUT, h->late);
	if (h->forget != NULL)
		h->forget(c);
	http_reply_resume(c);
}

static void
on_late(void *arg, timeout *entry)
{
	http_server *d = arg;
	conn *c = (conn *) entry;

	switch (entry->phase)
	{
		case PHASE_HEAD:
			too_slow(c, d->closing ? REFUSE_CLOSING : REFUSE_SLOW_HEAD);
			break;
		case PHASE_BODY:
			too_slow(c, d->closing ? REFUSE_CLOSING : REFUSE_SLOW_BODY);
			break;
		case PHASE_WAIT:
			give_up(c);
			break;
		case PHASE_PARKED:
			d->handlers[c->route].unpark(c);
			http_reply_resume(c);
			break;
		default:
			cut(c);
	}
}

static void
on_ready(uv_poll_t *poll, int status, int events)
{
	http_server *d = poll->data;

	(void) status;
	(void) events;
	d->ready = true;
}

static void
on_again(uv_idle_t *idle)
{
	http_server *d = idle->data;

	d->ready = true;
}

/* Stop reading sockets while the worker does not read us. */
static void
settle_pause(http_server *d)
{
	bool full = corridor_io_full(d->corridor);

	if (full == d->paused)
		return;
	d->paused = full;
	if (full)
		uv_poll_stop(&d->poll);
	else
		uv_poll_start(&d->poll, UV_READABLE, on_ready);
}

static void
suspend_all(http_server *d)
{
	conn *c;

	while ((c = d->suspending) != NULL)
	{
		d->suspending = c->next_suspending;
		c->suspending = false;
		MHD_suspend_connection(c->mhd);
	}
}

bool
http_server_run(http_server *d)
{
	MHD_UNSIGNED_LONG_LONG timeout;
	bool more = false;
	int i;

	if (d->ready)
	{
		d->ready = false;
		for (i = 0; i < RUNS_A_TURN; i++)
		{
			MHD_run(d->mhd);
			suspend_all(d);
			more = MHD_get_timeout(d->mhd, &timeout) == MHD_YES && timeout == 0;
			if (!more)
				break;
		}
		if (more)
			uv_idle_start(&d->again, on_again);
		else
			uv_idle_stop(&d->again);
	}
	settle_pause(d);
	return d->paused;
}

/* Close those whose client has ended the connection with nothing left to read. */
static void
sweep_batch(conn **conns, struct pollfd *fds, int n)
{
	char byte;
	int i;

	if (n == 0 || poll(fds, (nfds_t) n, 0) <= 0)
		return;
	for (i = 0; i < n; i++)
	{
		if ((fds[i].revents & POLLRDHUP) && recv(fds[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
			cut(conns[i]);
	}
}

void
http_server_sweep(http_server *d)
{
	static const phase phases[] = {PHASE_HEAD, PHASE_BODY, PHASE_IDLE};
	struct pollfd fds[SWEEP_BATCH];
	conn *conns[SWEEP_BATCH];
	uint64_t now = uv_now(d->loop);
	timeout *entry;
	timeout *next;
	size_t p;
	int n;

	for (p = 0; p < sizeof(phases) / sizeof(phases[0]); p++)
	{
		timeout *head = &d->timeouts.heads[phases[p]];

		n = 0;
		for (entry = head->next; entry != head && entry->since + SWEEP_AGE_MS <= now; entry = next)
		{
			next = entry->next;
			conns[n] = (conn *) entry;
			fds[n] = (struct pollfd){conns[n]->fd, POLLRDHUP, 0};
			if (++n == SWEEP_BATCH)
			{
				sweep_batch(conns, fds, n);
				n = 0;
			}
		}
		sweep_batch(conns, fds, n);
	}
}

void
http_server_close(http_server *d)
{
	d->closing = true;
	timeouts_expire(&d->timeouts, PHASE_WAIT);
	timeouts_expire(&d->timeouts, PHASE_PARKED);
	timeouts_expire(&d->timeouts, PHASE_IDLE);
}

bool
http_server_drain(http_server *d, bool patient)
{
	timeouts_expire(&d->timeouts, PHASE_IDLE);
	if (!patient && !d->paused)
		timeouts_expire(&d->timeouts, PHASE_HEAD);
	d->ready = true;
	return d->nconns == 0;
}

uint32_t
http_server_connections(const http_server *d)
{
	return d->nconns;
}

uint32_t
http_server_waiting(const http_server *d)
{
	return inflight_count(d->inflight);
}

/* All of its handles are in it: it goes with the last of them, whichever that is. */
static void
end_handle(http_server *d)
{
	if (--d->handles > 0)
		return;
	inflight_free(d->inflight);
	address_counts_free(d->peers);
	address_counts_free(d->clients);
	static_files_exit();
	free(d);
}

static void
on_closed(uv_handle_t *handle)
{
	end_handle(handle->data);
}

static void
on_timeouts_closed(uv_handle_t *handle)
{
	end_handle(((timeouts *) handle->data)->arg);
}

void
http_server_free(http_server *d)
{
	timeouts_expire(&d->timeouts, PHASE_WAIT);
	timeouts_expire(&d->timeouts, PHASE_PARKED);
	MHD_run(d->mhd);
	uv_poll_stop(&d->poll);
	MHD_stop_daemon(d->mhd);
	lingering_close_stop();
	d->handles = 3;
	uv_close((uv_handle_t *) &d->poll, on_closed);
	uv_close((uv_handle_t *) &d->timeouts.timer, on_timeouts_closed);
	uv_close((uv_handle_t *) &d->again, on_closed);
}
