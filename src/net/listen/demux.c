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

#include "http/http_response.h"
#include "base/timeouts.h"
#include "base/lingering_close.h"
#include "base/log.h"
#include "base/metrics.h"

#define VISITOR "GET " WS_PATH
#define LINK	"GET " WS_LINK_PATH
#define LONGEST (sizeof(LINK) - 1)

/* Until a beginning that is too short is looked at again, in ms. */
#define PEEK_MS 20

/* Room for a head at first; most are smaller. */
#define FIRST_HEAD 1024u

/* One connection of which it is not known, or not read, what it wants. */
typedef struct knock
{
	deadline deadline; /* first: the deadlines hand this out */
	uv_poll_t poll;
	bool polled; /* the poll was set up */
	gate *gate;
	addr_count *count; /* NULL for a trusted proxy */
	ws_knock who;
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
} knock;

struct gate
{
	uv_loop_t *loop;
	door *door;
	visitors *visitors;
	link_server *links;
	deadlines deadlines;
	addr_counts *addresses;
	uint32_t count;
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

static void on_late(void *arg, deadline *entry);
static void on_poll(uv_poll_t *poll, int status, int events);

gate *
gate_new(uv_loop_t *loop, door *d, visitors *v, link_server *links)
{
	gate *g = calloc(1, sizeof(*g));

	if (g == NULL || (g->addresses = addr_counts_new()) == NULL)
		return NULL; /* the program ends: nothing is freed */
	g->loop = loop;
	g->door = d;
	g->visitors = v;
	g->links = links;
	deadlines_init(&g->deadlines, loop, on_late, g);
	deadlines_limit(&g->deadlines, PHASE_PEEK, PEEK_MS);
	return g;
}

/* Nobody knows yet what they are: there is room for as many as both kinds may have. */
void
gate_configure(gate *g, const wc_config *config)
{
	g->max = config->max_connections + config->max_visitors;
	g->max_per_address = config->max_connections_per_address + config->max_visitors_per_address;
	g->head_timeout_ms = config->head_timeout_ms;
	deadlines_limit(&g->deadlines, PHASE_KNOCK, config->head_timeout_ms);
	deadlines_limit(&g->deadlines, PHASE_HELLO, config->hello_timeout_ms);
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
	knock *k = handle->data;

	free(k);
}

/* Forget it; its descriptor belongs to somebody else now. */
static void
leave(knock *k)
{
	gate *g = k->gate;

	deadline_set(&g->deadlines, &k->deadline, PHASE_NONE, 0);
	if (k->count != NULL)
		addr_counts_give(g->addresses, k->count);
	g->count--;
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
hang_up(knock *k)
{
	int fd = k->who.fd;

	leave(k);
	close(fd);
}

static void
refuse(knock *k, refusal why, const char *message)
{
	gate *g = k->gate;
	ws_knock who = k->who;

	leave(k);
	ws_enter_refuse(g->loop, &who, &who.peer, why, message, NULL);
}

static void
to_door(knock *k)
{
	gate *g = k->gate;
	int fd = k->who.fd;
	socklen_t len = k->addr_len;
	struct sockaddr_storage addr;

	memset(&addr, 0, sizeof(addr));
	memcpy(&addr, &k->addr, sizeof(k->addr));
	leave(k);
	door_accept(g->door, fd, (struct sockaddr *) &addr, len);
}

/* Wait for more, in one way or the other; false: it was let go. */
static bool
wait_for_more(knock *k, phase p, bool polling)
{
	uint64_t now = uv_now(k->gate->loop);

	deadline_set(&k->gate->deadlines, &k->deadline, p, p == PHASE_PEEK ? now : k->who.since);
	if (!polling)
	{
		if (k->polled)
			uv_poll_stop(&k->poll);
		return true;
	}
	if (!k->polled)
	{
		int rc = uv_poll_init(k->gate->loop, &k->poll, k->who.fd);

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

/* Room for the rest of the head. */
static bool
grow(knock *k)
{
	size_t cap = k->head_cap ? k->head_cap * 2 : FIRST_HEAD;
	char *head;

	if (k->head_len < k->head_cap)
		return true;
	head = realloc(k->head, cap);
	if (head == NULL)
		return false;
	k->head = head;
	k->head_cap = cap;
	return true;
}

/* The whole head is there: who sent it goes to the visitors, or becomes a link. */
static void
enter(knock *k)
{
	gate *g = k->gate;
	ws_knock who = k->who;
	ws_head head = {.link = k->link};
	const char *why;
	char *text = k->head;
	refusal verdict = ws_head_read(&head, text, k->head_len, &why);

	k->head = NULL;
	leave(k);
	if (head.link)
		link_server_enter(g->links, &who, &head, verdict, why);
	else
		visitors_enter(g->visitors, &who, &head, verdict, why);
	free(text);
}

/*
 * Read the head of a WebSocket, and not a byte behind it: what follows is the
 * WebSocket's own.
 */
static void
read_head(knock *k)
{
	const char *why = NULL;
	size_t used = 0;
	ssize_t n;
	ws_head_state state;

	for (;;)
	{
		if (!grow(k))
		{
			hang_up(k);
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
		state = ws_head_scan(k->head, k->head_len + (size_t) n, k->head_len, &used, &why);
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
			refuse(k, REFUSE_HEAD, why);
		return;
	}
}

static void
act_on(knock *k, sight s)
{
	switch (s)
	{
		case SIGHT_NOTHING:
			wait_for_more(k, PHASE_KNOCK, true);
			break;
		case SIGHT_SHORT:
			/* What ends like this is the door's to answer. */
			if (is_half_closed(k->who.fd))
				to_door(k);
			else if (uv_now(k->gate->loop) - k->who.since >= k->gate->head_timeout_ms)
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
			to_door(k);
			break;
		case SIGHT_GONE:
			hang_up(k);
			break;
	}
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	knock *k = poll->data;

	(void) status;
	(void) events;
	if (k->head != NULL)
		read_head(k);
	else
		act_on(k, look(k->who.fd));
}

static void
on_late(void *arg, deadline *entry)
{
	gate *g = arg;
	knock *k = (knock *) entry;

	if (g->closing && entry->phase != PHASE_HELLO)
		to_door(k); /* which still answers what comes in time */
	else if (g->closing)
		refuse(k, REFUSE_CLOSING, NULL);
	else if (entry->phase == PHASE_KNOCK)
		hang_up(k);
	else if (entry->phase == PHASE_PEEK)
		act_on(k, look(k->who.fd));
	else
		refuse(k, REFUSE_SLOW_HEAD, NULL);
}

/* There is room for one more, or the oldest that has sent nothing whole makes it. */
static bool
make_room(gate *g)
{
	static const phase phases[] = {PHASE_KNOCK, PHASE_PEEK, PHASE_HELLO};

	for (size_t p = 0; g->count >= g->max && p < sizeof(phases) / sizeof(phases[0]); p++)
	{
		deadline *head = &g->deadlines.heads[phases[p]];

		if (head->next == head)
			continue;
		if (phases[p] == PHASE_KNOCK)
			hang_up((knock *) head->next);
		else
			refuse((knock *) head->next, REFUSE_CONNECTIONS, NULL);
	}
	return g->count < g->max;
}

/* NULL: it was let go. */
static knock *
knock_new(gate *g, int fd, const struct sockaddr *addr, socklen_t len, const net_addr *peer)
{
	ws_knock who = {fd, *peer, uv_now(g->loop)};
	refusal why = REFUSE_NOTHING;
	knock *k = NULL;

	if (!make_room(g))
		why = REFUSE_CONNECTIONS;
	else if ((k = calloc(1, sizeof(*k))) == NULL)
		why = REFUSE_MEMORY;
	else if (!visitors_trust(g->visitors, peer) &&
			 (k->count = addr_counts_take(g->addresses, peer, g->max_per_address)) == NULL)
		why = REFUSE_ADDRESS;
	if (why != REFUSE_NOTHING)
	{
		free(k);
		ws_enter_refuse(g->loop, &who, peer, why, NULL, NULL);
		return NULL;
	}
	k->gate = g;
	k->who = who;
	memcpy(&k->addr, addr, len < sizeof(k->addr) ? len : sizeof(k->addr));
	k->addr_len = len;
	g->count++;
	return k;
}

void
gate_accept(void *arg, int fd, const struct sockaddr *addr, socklen_t len)
{
	gate *g = arg;
	sight s = look(fd);
	net_addr peer;
	knock *k;

	if (g->closing || s == SIGHT_GONE)
	{
		close(fd);
		return;
	}
	if (s == SIGHT_OTHER)
	{
		door_accept(g->door, fd, addr, len);
		return;
	}
	addr_from_sockaddr(addr, &peer);
	k = knock_new(g, fd, addr, len, &peer);
	if (k != NULL)
		act_on(k, s);
}

void
gate_close(gate *g)
{
	g->closing = true;
	deadlines_expire(&g->deadlines, PHASE_KNOCK);
	deadlines_expire(&g->deadlines, PHASE_PEEK);
	deadlines_expire(&g->deadlines, PHASE_HELLO);
}

static void
on_timer_closed(uv_handle_t *handle)
{
	gate *g = ((deadlines *) handle->data)->arg;

	addr_counts_free(g->addresses);
	free(g);
}

void
gate_free(gate *g)
{
	gate_close(g);
	uv_close((uv_handle_t *) &g->deadlines.timer, on_timer_closed);
}
