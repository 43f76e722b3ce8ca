/*
 * http_reply.c
 *	  Below everything that answers requests, so that none of it has to call the
 *	  HTTP server, which calls it.
 */
#include "http/http_reply.h"

#include "base/log.h"
#include "base/metrics.h"

void
http_reply_refuse(conn *c, refusal why, const char *message)
{
	bool open = c->server->handlers[c->route].open_to_all;

	metrics_now.refused[why]++;
	log_refusal(why, &c->client, c->route == ROUTE_WEBHOOK ? c->channel : NULL, uv_now(c->server->loop));
	http_response_drop(&c->answer);
	if ((c->server->dress != NULL || open) && (message == NULL || message[0] == '\0'))
		message = errors_get(why)->message; /* the answers that are made once are everybody's */
	c->answer = message && message[0] ? http_response_refusal_because(why, message) : http_response_refusal(why);
	if (c->server->dress != NULL && c->answer.owned)
		c->server->dress(c->answer.response);
	if (open && c->answer.owned)
		http_response_open(c->answer.response);
}

refusal
http_reply_blocked(const conn *c)
{
	if (c->server->closing)
		return REFUSE_CLOSING;
	if (!c->server->open)
		return REFUSE_NOT_OPEN;
	return corridor_io_full(c->server->corridor) ? REFUSE_BEHIND : REFUSE_NOTHING;
}

void
http_reply_wait(conn *c, uint64_t number)
{
	c->number = number;
	c->handed_ns = uv_hrtime();
}

void
http_reply_park(conn *c)
{
	c->parked = true;
}

void
http_reply_resume(conn *c)
{
	c->number = 0;
	c->parked = false;
	c->state = REQUEST_BODY;
	timeouts_set(&c->server->timeouts, &c->timeout, PHASE_REPLY, uv_now(c->server->loop));
	MHD_resume_connection(c->mhd);
	c->server->ready = true;
}

void
http_reply_go_on(conn *c, phase p)
{
	c->number = 0;
	timeouts_set(&c->server->timeouts, &c->timeout, p, uv_now(c->server->loop));
	MHD_resume_connection(c->mhd);
	c->server->ready = true;
}

/*
 * Suspending inside the handler would leave libmicrohttpd waiting to read: on
 * the resume it would read before it answers, and take the end of a half-closed
 * POST for a client that has gone.  So it is done between its turns.
 */
void
http_reply_suspend(conn *c)
{
	c->suspending = true;
	c->next_suspending = c->server->suspending;
	c->server->suspending = c;
}

void
http_reply_do_not_suspend(conn *c)
{
	conn **link = &c->server->suspending;

	if (!c->suspending)
		return;
	while (*link != c)
		link = &(*link)->next_suspending;
	*link = c->next_suspending;
	c->suspending = false;
}
