/*
 * demux.c
 *	  What belongs to the HTTP server must reach it unread, so bytes are only peeked
 *	  at until it is known whose they are.  Few bytes decide it, and nearly always
 *	  they are there at once; where not all of them are, a socket that is polled
 *	  would report the same bytes for ever, so those are looked at again from time
 *	  to time instead.
 */
#include "listen/demux.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/timeouts.h"
#include "base/lingering_close.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/proxies.h"

#define VISITOR "GET " WS_PATH
#define LINK	"GET " WS_LINK_PATH
#define LONGEST (sizeof(LINK) - 1)

/* Until a beginning that is too short is looked at again, in ms. */
#define PEEK_MS 20

/* Room for a head at first; most are smaller. */
#define FIRST_HEAD 1024u

/* A head that needs more than SMALL_HEAD shares so many bytes with all others that do. */
#define SMALL_HEAD	(8u * 1024)
#define HEADS_LARGE (16u * 1024 * 1024)

/* One connection of which it is not known, or not read, what it wants. */
typedef struct demux_conn
{
	timeout timeout; /* first: the timeouts hand this out */
	uv_poll_t poll;
	bool polled; /* the poll was set up */
	demux *demux;
	address_count *count; /* NULL for a trusted proxy */
	ws_opening who;
	union
	{
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		sa_family_t local;
	} addr;
	socklen_t addr_len;
	bool link;	/* it begins as a link does */
	char *head; /* of a WebSocket, as far as it has come */
	size_t head_len;
	size_t head_cap;
} demux_conn;

struct demux
{
	uv_loop_t *loop;
	listener_fn on_http;
	void *http_arg;
	ws_admit_fn on_websocket;
	void *websocket_arg;
	timeouts timeouts;
	address_counts *addresses;
	uint32_t count;
	size_t large_bytes; /* of heads over SMALL_HEAD */
	uint32_t max;
	uint32_t max_per_address;
	uint32_t head_timeout_ms;
	bool closing;
};

/* What the first bytes of a connection say. */
typedef enum sight
{
	SIGHT_NOTHING, /* nothing has come */
	SIGHT_SHORT,   /* too little has come */
	SIGHT_VISITOR,
	SIGHT_LINK,
	SIGHT_OTHER,
	SIGHT_GONE /* it ended before it began */
} sight;

static void on_late(void *arg, timeout *entry);
static void on_poll(uv_poll_t *poll, int status, int events);

demux *
demux_new(uv_loop_t *loop, listener_fn on_http, void *http_arg, ws_admit_fn on_websocket, void *websocket_arg)
{
	demux *g = calloc(1, sizeof(*g));

	if (g == NULL || (g->addresses = address_counts_new()) == NULL)
		return NULL; /* the program ends: nothing is freed */
	g->loop = loop;
	g->on_http = on_http;
	g->http_arg = http_arg;
	g->on_websocket = on_websocket;
	g->websocket_arg = websocket_arg;
	timeouts_init(&g->timeouts, loop, on_late, g);
	timeouts_limit(&g->timeouts, PHASE_PEEK, PEEK_MS);
	return g;
}

/* Nobody knows yet what they are: there is room for as many as both kinds may have. */
void
demux_configure(demux *g, const wc_config *config)
{
	g->max = config->max_connections + config->max_visitors;
	g->max_per_address = config->max_connections_per_address + config->max_visitors_per_address;
	g->head_timeout_ms = config->head_timeout_ms;
	timeouts_limit(&g->timeouts, PHASE_FIRST_BYTES, config->head_timeout_ms);
	timeouts_limit(&g->timeouts, PHASE_HELLO, config->hello_timeout_ms);
}

/* What it is that begins like one of the WebSockets' paths, when its end is there. */
static sight
compare(const char *text, size_t got, const char *beginning, size_t len, sight whole)
{
	if (memcmp(text, beginning, got < len ? got : len) != 0)
		return SIGHT_OTHER;
	if (got <= len)
		return SIGHT_SHORT;
	return text[len] == '?' || text[len] == ' ' ? whole : SIGHT_OTHER;
}

static sight
look(int fd)
{
	char text[LONGEST + 1];
	sight s;
	ssize_t got;

	_Static_assert(sizeof(VISITOR) - 1 <= LONGEST, "both beginnings fit");

	do
		got = recv(fd, text, sizeof(text), MSG_PEEK | MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 && errno == EAGAIN ? SIGHT_NOTHING : SIGHT_GONE;
	s = compare(text, (size_t) got, VISITOR, sizeof(VISITOR) - 1, SIGHT_VISITOR);
	if (s == SIGHT_OTHER)
		s = compare(text, (size_t) got, LINK, sizeof(LINK) - 1, SIGHT_LINK);
	return s;
}

/* True when the other side sends no more. */
static bool
is_half_closed(int fd)
{
	struct pollfd p = {fd, POLLRDHUP, 0};

	return poll(&p, 1, 0) > 0;
}

static void
on_closed(uv_handle_t *handle)
{
	demux_conn *k = handle->data;

	free(k);
}

/* Bytes of that capacity that count against HEADS_LARGE. */
static size_t
large_part(size_t cap)
{
	return cap > SMALL_HEAD ? cap : 0;
}

/* Forget it; its descriptor belongs to somebody else now. */
static void
leave(demux_conn *k)
{
	demux *g = k->demux;

	timeouts_set(&g->timeouts, &k->timeout, PHASE_NONE, 0);
	if (k->count != NULL)
		address_counts_give(g->addresses, k->count);
	g->count--;
	g->large_bytes -= large_part(k->head_cap);
	free(k->head);
	k->head = NULL;
	if (!k->polled)
	{
		free(k);
		return;
	}
	uv_poll_stop(&k->poll);
	uv_close((uv_handle_t *) &k->poll, on_closed);
}

static void
hang_up(demux_conn *k)
{
	int fd = k->who.fd;

	leave(k);
	close(fd);
}

static void
refuse(demux_conn *k, refusal why, const char *message)
{
	demux *g = k->demux;
	ws_opening who = k->who;

	leave(k);
	ws_accept_refuse(g->loop, &who, &who.peer, why, message, NULL);
}

static void
to_http(demux_conn *k)
{
	demux *g = k->demux;
	int fd = k->who.fd;
	socklen_t len = k->addr_len;
	struct sockaddr_storage addr;

	memset(&addr, 0, sizeof(addr));
	memcpy(&addr, &k->addr, sizeof(k->addr));
	leave(k);
	g->on_http(g->http_arg, fd, (struct sockaddr *) &addr, len);
}

/* Wait for more, in one way or the other; false: it was let go. */
static bool
wait_for_more(demux_conn *k, phase p, bool polling)
{
	uint64_t now = uv_now(k->demux->loop);

	timeouts_set(&k->demux->timeouts, &k->timeout, p, p == PHASE_PEEK ? now : k->who.since);
	if (!polling)
	{
		if (k->polled)
			uv_poll_stop(&k->poll);
		return true;
	}
	if (!k->polled)
	{
		int rc = uv_poll_init(k->demux->loop, &k->poll, k->who.fd);

		if (rc < 0)
		{
			log_line(WC_LOG_WARNING, "a connection could not be watched and was let go: %s", uv_strerror(rc));
			hang_up(k);
			return false;
		}
		k->poll.data = k;
		k->polled = true;
	}
	uv_poll_start(&k->poll, UV_READABLE, on_poll);
	return true;
}

/* Room for the rest of the head; false: there is none now. */
static bool
grow(demux_conn *k)
{
	size_t cap = k->head_cap ? k->head_cap * 2 : FIRST_HEAD;
	size_t others = k->demux->large_bytes - large_part(k->head_cap);
	char *head;

	if (k->head_len < k->head_cap)
		return true;
	if (large_part(cap) > 0 && others + cap > HEADS_LARGE)
		return false;
	head = realloc(k->head, cap);
	if (head == NULL)
		return false;
	k->demux->large_bytes = others + large_part(cap);
	k->head = head;
	k->head_cap = cap;
	return true;
}

/* The whole head is there: who sent it goes to the visitors, or becomes a link. */
static void
enter(demux_conn *k)
{
	demux *g = k->demux;
	ws_opening who = k->who;
	ws_handshake head = {.link = k->link};
	const char *why;
	char *text = k->head;
	refusal verdict = ws_handshake_read(&head, text, k->head_len, &why);

	k->head = NULL;
	leave(k);
	g->on_websocket(g->websocket_arg, &who, &head, verdict, why);
	free(text);
}

/*
 * Read the head of a WebSocket, and not a byte behind it: what follows is the
 * WebSocket's own.
 */
static void
read_head(demux_conn *k)
{
	const char *why = NULL;
	size_t used = 0;
	ssize_t n;
	ws_handshake_state state;

	for (;;)
	{
		if (!grow(k))
		{
			refuse(k, REFUSE_MEMORY, NULL);
			return;
		}
		n = recv(k->who.fd, k->head + k->head_len, k->head_cap - k->head_len, MSG_PEEK | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
		{
			wait_for_more(k, PHASE_HELLO, true);
			return;
		}
		if (n <= 0)
		{
			hang_up(k);
			return;
		}
		state = ws_handshake_scan(k->head, k->head_len + (size_t) n, HTTP_HEAD_MAX, k->head_len, &used, &why);
		if (state == WS_HEAD_WHOLE)
			n = (ssize_t) (used - k->head_len);
		if (recv(k->who.fd, k->head + k->head_len, (size_t) n, MSG_DONTWAIT) != n)
		{
			hang_up(k);
			return;
		}
		k->head_len += (size_t) n;
		if (state == WS_HEAD_MORE)
			continue;
		if (state == WS_HEAD_WHOLE)
			enter(k);
		else
			refuse(k, state == WS_HEAD_LARGE ? REFUSE_HEAD_LARGE : REFUSE_HEAD, why);
		return;
	}
}

static void
act_on(demux_conn *k, sight s)
{
	switch (s)
	{
		case SIGHT_NOTHING:
			wait_for_more(k, PHASE_FIRST_BYTES, true);
			break;
		case SIGHT_SHORT:
			/* What ends like this is the HTTP server's to answer. */
			if (is_half_closed(k->who.fd))
				to_http(k);
			else if (uv_now(k->demux->loop) - k->who.since >= k->demux->head_timeout_ms)
				refuse(k, REFUSE_SLOW_HEAD, NULL);
			else
				wait_for_more(k, PHASE_PEEK, false);
			break;
		case SIGHT_VISITOR:
		case SIGHT_LINK:
			k->link = s == SIGHT_LINK;
			read_head(k);
			break;
		case SIGHT_OTHER:
			to_http(k);
			break;
		case SIGHT_GONE:
			hang_up(k);
			break;
	}
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	demux_conn *k = poll->data;

	(void) status;
	(void) events;
	if (k->head != NULL)
		read_head(k);
	else
		act_on(k, look(k->who.fd));
}

static void
on_late(void *arg, timeout *entry)
{
	demux *g = arg;
	demux_conn *k = (demux_conn *) entry;

	if (g->closing && entry->phase != PHASE_HELLO)
		to_http(k); /* which still answers what comes in time */
	else if (g->closing)
		refuse(k, REFUSE_CLOSING, NULL);
	else if (entry->phase == PHASE_FIRST_BYTES)
		hang_up(k);
	else if (entry->phase == PHASE_PEEK)
		act_on(k, look(k->who.fd));
	else
		refuse(k, REFUSE_SLOW_HEAD, NULL);
}

/* There is room for one more, or the oldest that has sent nothing whole makes it. */
static bool
make_room(demux *g)
{
	static const phase phases[] = {PHASE_FIRST_BYTES, PHASE_PEEK, PHASE_HELLO};

	for (size_t p = 0; g->count >= g->max && p < sizeof(phases) / sizeof(phases[0]); p++)
	{
		timeout *head = &g->timeouts.heads[phases[p]];

		if (head->next == head)
			continue;
		if (phases[p] == PHASE_FIRST_BYTES)
			hang_up((demux_conn *) head->next);
		else
			refuse((demux_conn *) head->next, REFUSE_CONNECTIONS, NULL);
	}
	return g->count < g->max;
}

/* NULL: it was let go. */
static demux_conn *
demux_conn_new(demux *g, int fd, const struct sockaddr *addr, socklen_t len, const net_addr *peer)
{
	ws_opening who = {fd, *peer, uv_now(g->loop)};
	refusal why = REFUSE_NOTHING;
	demux_conn *k = NULL;

	if (!make_room(g))
		why = REFUSE_CONNECTIONS;
	else if ((k = calloc(1, sizeof(*k))) == NULL)
		why = REFUSE_MEMORY;
	else if (!proxies_trust(peer) && (k->count = address_counts_take(g->addresses, peer, g->max_per_address)) == NULL)
		why = REFUSE_ADDRESS;
	if (why != REFUSE_NOTHING)
	{
		free(k);
		ws_accept_refuse(g->loop, &who, peer, why, NULL, NULL);
		return NULL;
	}
	k->demux = g;
	k->who = who;
	memcpy(&k->addr, addr, len < sizeof(k->addr) ? len : sizeof(k->addr));
	k->addr_len = len;
	g->count++;
	return k;
}

void
demux_accept(void *arg, int fd, const struct sockaddr *addr, socklen_t len)
{
	demux *g = arg;
	sight s = look(fd);
	net_addr peer;
	demux_conn *k;

	if (g->closing || s == SIGHT_GONE)
	{
		close(fd);
		return;
	}
	if (s == SIGHT_OTHER)
	{
		g->on_http(g->http_arg, fd, addr, len);
		return;
	}
	address_from_sockaddr(addr, &peer);
	k = demux_conn_new(g, fd, addr, len, &peer);
	if (k != NULL)
		act_on(k, s);
}

void
demux_close(demux *g)
{
	g->closing = true;
	timeouts_expire(&g->timeouts, PHASE_FIRST_BYTES);
	timeouts_expire(&g->timeouts, PHASE_PEEK);
	timeouts_expire(&g->timeouts, PHASE_HELLO);
}

static void
on_timer_closed(uv_handle_t *handle)
{
	demux *g = ((timeouts *) handle->data)->arg;

	address_counts_free(g->addresses);
	free(g);
}

void
demux_free(demux *g)
{
	demux_close(g);
	uv_close((uv_handle_t *) &g->timeouts.timer, on_timer_closed);
}
