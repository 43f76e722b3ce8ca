/*
 * http_request.c
 *	  One request from its first line to its answer: what libmicrohttpd calls.
 *
 * libmicrohttpd calls the handler once after the head, once for each piece of
 * the body, and once more at the end.  An answer that is queued at the first
 * call closes the connection; so only what makes the rest of the stream
 * unreadable or unwanted is answered there, and all else at the end.
 */
#include "http/http_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "base/proxies.h"
#include "http/http_reply.h"

/* libmicrohttpd's later versions check line ends and NUL themselves. */
#define CHECK_LINES (MHD_VERSION <= 0x00097500)

static uint64_t
now_of(const conn *c)
{
	return uv_now(c->server->loop);
}

/* The request's first line is there. */
void *
http_request_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
	conn *c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

	(void) cls;
	c->state = REQUEST_LINE;
	c->target = target;
	c->target_len = target ? strlen(target) : 0;
	c->route = target ? c->server->find_route(target, c->channel) : ROUTE_NONE;
	free(c->asked);
	c->asked = target && (c->route == ROUTE_ORGANIZATION || c->route == ROUTE_PERSON || c->route == ROUTE_FILES ||
						  c->route == ROUTE_FILE)
				   ? strdup(target)
				   : NULL;
	/* A connection's first head is timed from the accept on, others from here. */
	if (c->timeout.phase != PHASE_HEAD)
		timeouts_set(&c->server->timeouts, &c->timeout, PHASE_HEAD, now_of(c));
	return c;
}

/* The most that the request's body may have. */
static uint32_t
most_body(const conn *c)
{
	uint32_t most = c->server->handlers[c->route].most_body;

	return most > 0 ? most : c->server->max_body_size;
}

/* Send the answer that is set. */
static enum MHD_Result
answer_now(conn *c)
{
	enum MHD_Result result;

	c->state = REQUEST_ANSWERED;
	timeouts_set(&c->server->timeouts, &c->timeout, PHASE_REPLY, now_of(c));
	result = MHD_queue_response(c->mhd, c->answer.status, c->answer.response);
	http_response_drop(&c->answer);
	return result;
}

/* Answer behind libmicrohttpd's back, which has come too far to do it; it closes. */
static enum MHD_Result
cut_now(conn *c, refusal why)
{
	http_response_raw(c->fd, why, why == REFUSE_LARGE ? c->server->large : NULL);
	c->cut = true;
	c->linger = true;
	return MHD_NO;
}

/*
 * The fields of a head, one by one.  libmicrohttpd 0.9.75 ends lines at a bare
 * LF and values at a NUL; it leaves the head where it lay, with NULs for each
 * CR LF, so a field that does not begin two bytes behind the last one's value
 * shows either of them (or a folded line, which is refused as well).
 */
typedef struct field_walk
{
	http_head *facts;
	const char *next;
	bool broken;
} field_walk;

static enum MHD_Result
on_field(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value, size_t value_len)
{
	field_walk *walk = cls;

	(void) kind;
	if (value == NULL)
		value_len = 0;
	if (name != walk->next)
		walk->broken = true;
	walk->next = (value ? value : name) + value_len + 2;
	http_head_field(walk->facts, name, name_len, value ? value : "", value_len);
	return MHD_YES;
}

/* Returns the head's size in bytes. */
static size_t
read_head(conn *c, const char *method, const char *version)
{
	field_walk walk = {&c->head, version + strlen(version) + 2, false};
	size_t size;

	MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, on_field, &walk);
	size = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
	http_head_end(&c->head, version);
	if (CHECK_LINES && (walk.broken || walk.next + 2 != method + size))
		c->head.bad = "The head holds a NUL, a folded line, or a line that does not end in CR LF.";
	if (c->target == NULL ||
		(CHECK_LINES && (c->target != method + strlen(method) + 1 || c->target + c->target_len + 1 != version)))
		c->head.bad = "The request's first line must be a method, a target and a version with one blank between them.";
	return size;
}

/* Who sent it: behind a trusted proxy, whom that one names. */
static void
find_client(conn *c)
{
	c->client = c->peer_count != NULL ? c->peer : proxies_client(&c->peer, c->head.forwarded.p, c->head.forwarded.len);
}

/* Requests through trusted proxies are counted by client, as others' connections. */
static bool
count_client(conn *c)
{
	http_server *d = c->server;

	if (c->peer_count != NULL || proxies_trust(&c->client))
		return true;
	c->client_count = address_counts_take(d->clients, &c->client, d->max_per_address);
	return c->client_count != NULL;
}

/* What the head alone decides: whatever the path, and then by it. */
static void
check_head(conn *c, const char *method)
{
	http_server *d = c->server;
	const http_handler *h = &d->handlers[c->route];

	if (c->head.expect_other)
		http_reply_refuse(c, REFUSE_EXPECT, NULL);
	else if (c->head.has_length && c->head.length > most_body(c))
		http_reply_refuse(c, REFUSE_LARGE, d->large);
	else if (h->takes_body && d->closing)
		http_reply_refuse(c, REFUSE_CLOSING, NULL);
	else if (h->takes_body && !count_client(c))
		http_reply_refuse(c, REFUSE_ADDRESS, NULL);
	else
		h->check_head(c, method);
}

static void
handle_whole(conn *c, const char *body, size_t len)
{
	c->handled = true;
	if (c->answer.response == NULL)
		c->server->handlers[c->route].handle(c, body, len);
}

/* The first call of the handler. */
static enum MHD_Result
head_came(conn *c, const char *method, const char *version)
{
	http_server *d = c->server;
	size_t size;
	bool at_once;

	metrics_now.requests++;
	c->state = REQUEST_BODY;
	timeouts_set(&c->server->timeouts, &c->timeout, PHASE_BODY, c->timeout.since);
	size = read_head(c, method, version);
	find_client(c);
	if (size > HTTP_HEAD_MAX)
	{
		http_reply_refuse(c, REFUSE_HEAD_LARGE, NULL);
		at_once = true;
	}
	else if (c->head.bad != NULL)
	{
		http_reply_refuse(c, REFUSE_HEAD, c->head.bad);
		at_once = true;
	}
	else if (d->handlers[c->route].is_websocket && strcmp(method, "GET") == 0)
	{
		if (d->takeover(d->takeover_arg, c, version))
			return MHD_NO;
		at_once = false;
	}
	else
	{
		check_head(c, method);
		at_once = c->answer.response != NULL && (c->head.expect_continue || c->head.expect_other ||
												 (c->head.has_length && c->head.length > most_body(c)));
	}
	if (!at_once)
		return MHD_YES;
	c->linger = true;
	return answer_now(c);
}

/* Bytes of that capacity that count against BODIES_LARGE. */
static size_t
large_part(const conn *c, size_t cap)
{
	return cap > BODY_SMALL && !c->body_is_counted ? cap : 0;
}

static void
free_body(conn *c)
{
	c->server->large_bytes -= large_part(c, c->body_cap);
	free(c->body);
	c->body = NULL;
	c->body_len = c->body_cap = 0;
	c->body_is_counted = false;
}

/* Keep a piece of the body until the rest has come. */
static bool
keep_piece(conn *c, const char *piece, size_t len)
{
	size_t need = c->body_len + len;
	size_t cap = c->body_cap ? c->body_cap : 1024;
	size_t others = c->server->large_bytes - large_part(c, c->body_cap);
	char *body;

	while (cap < need)
		cap *= 2;
	if (cap != c->body_cap)
	{
		if (large_part(c, cap) > 0 && others + cap > BODIES_LARGE)
			return false;
		body = realloc(c->body, cap);
		if (body == NULL)
			return false;
		c->body = body;
		c->body_cap = cap;
		c->server->large_bytes = others + large_part(c, cap);
	}
	memcpy(c->body + c->body_len, piece, len);
	c->body_len = need;
	return true;
}

/* Further calls of the handler. */
static enum MHD_Result
body_came(conn *c, const char *piece, size_t len)
{
	bool whole = c->head.has_length && c->body_len + len == c->head.length;

	if (c->answer.response != NULL || !c->server->handlers[c->route].takes_body)
	{
		/* Read to its end, so that the connection can be used again. */
		c->discarded += len;
		return c->discarded <= most_body(c) ? MHD_YES : cut_now(c, REFUSE_LARGE);
	}
	if (c->body_len + len > most_body(c))
	{
		http_reply_refuse(c, REFUSE_LARGE, c->server->large);
		return cut_now(c, REFUSE_LARGE);
	}
	if (whole && c->body_len == 0)
	{
		/* The usual case: one piece, handled where it lies. */
		handle_whole(c, piece, len);
		return MHD_YES;
	}
	if (!keep_piece(c, piece, len))
	{
		http_reply_refuse(c, REFUSE_MEMORY, NULL);
		return cut_now(c, REFUSE_MEMORY);
	}
	return MHD_YES;
}

/* The last call of the handler, and the one after a resume. */
static enum MHD_Result
request_ended(conn *c)
{
	if (!c->handled)
	{
		handle_whole(c, c->body ? c->body : "", c->body_len);
		free_body(c);
	}
	if (c->number == 0 && !c->parked)
		return answer_now(c);
	if (c->state != REQUEST_WAITING)
	{
		c->state = REQUEST_WAITING;
		timeouts_set(&c->server->timeouts, &c->timeout, c->parked ? PHASE_PARKED : PHASE_WAIT, now_of(c));
		http_reply_suspend(c);
	}
	return MHD_YES;
}

enum MHD_Result
http_request_handle(void *cls, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
					const char *upload, size_t *upload_size, void **context)
{
	conn *c = *context;
	enum MHD_Result result;

	(void) cls;
	(void) mhd;
	(void) url;
	if (c->cut)
		return MHD_NO;
	if (c->state == REQUEST_LINE)
		return head_came(c, method, version);
	if (c->held_back)
		return MHD_YES;
	if (*upload_size == 0)
		return request_ended(c);
	result = body_came(c, upload, *upload_size);
	*upload_size = 0;
	return result;
}

/* The request is over, answered or not: make the connection ready for the next. */
void
http_request_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	conn *c = *context;
	http_server *d;

	(void) cls;
	(void) mhd;
	if (c == NULL)
		return;
	d = c->server;
	http_reply_do_not_suspend(c);
	if (d->handlers[c->route].forget != NULL)
		d->handlers[c->route].forget(c);
	if (c->state == REQUEST_LINE && !c->cut &&
		(code == MHD_REQUEST_TERMINATED_COMPLETED_OK || code == MHD_REQUEST_TERMINATED_WITH_ERROR))
		metrics_now.malformed++;
	if (c->number != 0)
		inflight_give(d->inflight, c->number);
	if (c->client_count != NULL)
		address_counts_give(d->clients, c->client_count);
	free_body(c);
	http_response_drop(&c->answer);
	c->state = REQUEST_NONE;
	c->handled = false;
	c->held = false;
	c->parked = false;
	c->held_back = c->streaming = false;
	c->route = ROUTE_NONE;
	c->target = NULL;
	c->client = c->peer;
	c->client_count = NULL;
	c->number = 0;
	c->key = 0;
	free(c->asked);
	c->asked = NULL;
	c->discarded = 0;
	memset(&c->head, 0, sizeof(c->head));
	timeouts_set(&d->timeouts, &c->timeout, PHASE_IDLE, now_of(c));
}
