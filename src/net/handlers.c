/*
 * handlers.c
 *	  What a request's route makes of its head, and then of the whole of it: an
 *	  answer, or work for the worker.
 */
#include "http/http_conn.h"

#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "base/proxies.h"
#include "http/static_files.h"
#include "inbound/signed_event.h"

#define NO_HUB_SECRET                                                                                                  \
	"This hub's webhooks have no signing secret here yet; webchatt.register_webhooks() registers them and learns it."

#define NO_SUCH_API "There is no such path in this API; messages go to POST /v1/communication/web-chatt2me/message."

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

/* Where a webhook comes to; false: there is no such endpoint (any more). */
static bool
find_endpoint(const conn *c, signed_event_endpoint *to)
{
	http_server *d = c->server;
	size_t len;
	const char *name;

	memset(to, 0, sizeof(*to));
	if (c->route == ROUTE_WEBHOOK)
	{
		const channel *ch = channels_find(d->channels, c->channel);

		if (ch == NULL)
			return false;
		to->secrets = ch->secrets;
		to->nsecrets = ch->nsecrets;
		to->accept_unsigned = ch->accept_unsigned;
		to->channel = ch->id;
	}
	else
	{
		const hub_endpoint *h;

		name = routes_hub_name(c->target, &len);
		h = hub_endpoints_find(d->hubs, name, len);
		if (h == NULL)
			return false;
		to->secrets = h->secrets;
		to->nsecrets = h->nsecrets;
		to->hub = h->id;
		to->channels = d->channels;
	}
	return true;
}

static refusal
no_endpoint(const conn *c)
{
	return c->route == ROUTE_WEBHOOK ? REFUSE_CHANNEL : REFUSE_HUB;
}

static void
check_webhook_head(conn *c, const char *method)
{
	signed_event_endpoint to;
	char *token;

	if (strcmp(method, "POST") != 0)
		http_reply_refuse(c, REFUSE_METHOD_POST, NULL);
	else if (!find_endpoint(c, &to))
		http_reply_refuse(c, no_endpoint(c), NULL);
	else if (c->head.token.p != NULL)
	{
		token = signed_event_token_json(c->head.token);
		if (token == NULL)
		{
			http_reply_refuse(c, REFUSE_TOKEN, NULL);
			return;
		}
		the_metrics.verifications++;
		c->answer = http_response_text(token, strlen(token), "application/json");
	}
	else if (to.hub != 0 && to.nsecrets == 0 && !early_signature_wanted(c, REFUSE_NO_SECRET))
		http_reply_refuse(c, REFUSE_NO_SECRET, NO_HUB_SECRET);
	else if (c->head.signature.p == NULL && !to.accept_unsigned)
		http_reply_refuse(c, to.nsecrets > 0 ? REFUSE_SIG_MISSING : REFUSE_NO_SECRET, NULL);
}

/* What the routes decide that take a GET, and what is on none. */
static void
check_plain_head(conn *c, const char *method)
{
	if (c->route == ROUTE_NONE)
		http_reply_refuse(c, REFUSE_ROUTE, NULL);
	else if (c->route == ROUTE_API)
		http_reply_refuse(c, REFUSE_ROUTE, NO_SUCH_API);
	else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		http_reply_refuse(c, REFUSE_METHOD_GET, NULL);
	else if (c->route == ROUTE_VISITORS || c->route == ROUTE_LINK)
		http_reply_refuse(c, REFUSE_UPGRADE, NULL);
}

void
handlers_check_head(conn *c, const char *method)
{
	if (c->head.expect_other)
		http_reply_refuse(c, REFUSE_EXPECT, NULL);
	else if (c->head.has_length && c->head.length > c->server->max_body_size)
		http_reply_refuse(c, REFUSE_LARGE, NULL);
	else if (!routes_takes_body(c->route))
		check_plain_head(c, method);
	else if (c->server->closing)
		http_reply_refuse(c, REFUSE_CLOSING, NULL);
	else if (!count_client(c))
		http_reply_refuse(c, REFUSE_ADDRESS, NULL);
	else if (c->route == ROUTE_SEND)
		send_api_check_head(c, method);
	else if (c->route == ROUTE_ORGANIZATION)
		webhook_api_check_head(c, method);
	else
		check_webhook_head(c, method);
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

/* Give the event to the worker, or find a reason not to. */
static void
hand_over(conn *c, const char *body, size_t len)
{
	http_server *d = c->server;
	signed_event rq = {0, {NULL, 0, false, NULL, 0, NULL}, c->head.signature, body, len, d->tolerance_s};
	char reason[WC_REASON_SIZE] = "";
	refusal why = http_reply_blocked(c);

	if (why == REFUSE_NOTHING && !find_endpoint(c, &rq.to))
		why = no_endpoint(c);
	if (why == REFUSE_NOTHING && (rq.number = inflight_take(d->inflight, c, len, d->max_waiting)) == 0)
		why = REFUSE_BEHIND;
	if (why == REFUSE_NOTHING)
		why = signed_event_take(&rq, corridor_io_out(d->corridor), reason);
	corridor_io_nudge(d->corridor);
	if (why != REFUSE_NOTHING && !(early_signature_wanted(c, why) && early_signature_take(c, rq.number, body, len)))
	{
		inflight_give(d->inflight, rq.number);
		http_reply_refuse(c, why, reason);
		return;
	}
	c->number = rq.number;
	c->handed_ns = uv_hrtime();
}

void
handlers_check_again(conn *c)
{
	http_server *d = c->server;
	signed_event rq = {c->number,	  {NULL, 0, false, NULL, 0, NULL}, c->head.signature, c->parked, c->parked_len,
					   d->tolerance_s};
	char reason[WC_REASON_SIZE] = "";
	refusal why = http_reply_blocked(c);

	if (why == REFUSE_NOTHING)
		why = find_endpoint(c, &rq.to) ? signed_event_take(&rq, corridor_io_out(d->corridor), reason) : no_endpoint(c);
	if (early_signature_wanted(c, why))
		return; /* its secret may still come */
	early_signature_leave(c);
	corridor_io_nudge(d->corridor);
	if (why == REFUSE_NOTHING)
		return;
	inflight_give(d->inflight, c->number);
	http_reply_refuse(c, why, reason);
	http_reply_resume(c);
}

static void
answer_metrics(conn *c)
{
	http_server *d = c->server;
	char *text;
	size_t len;

	the_metrics.connections = d->nconns;
	the_metrics.waiting = inflight_count(d->inflight);
	the_metrics.channels = channels_count(d->channels);
	text = metrics_text(&len);
	c->answer = text ? http_response_text(text, len, "text/plain; version=0.0.4; charset=utf-8")
					 : http_response_refusal(REFUSE_NOTHING);
}

static void
answer_health(conn *c)
{
	refusal why = c->server->closing ? REFUSE_CLOSING : c->server->open ? REFUSE_NOTHING : REFUSE_NOT_OPEN;

	if (why == REFUSE_NOTHING)
		c->answer = http_response_ok();
	else
		http_reply_refuse(c, why, NULL);
}

static void
answer_asset(conn *c)
{
	size_t len;
	const char *path = routes_path(c->target, &len);

	c->answer = static_files_answer(static_files_find(path, len), &c->head);
}

void
handlers_handle(conn *c, const char *body, size_t len)
{
	c->judged = true;
	if (c->answer.response != NULL)
		return;
	switch (c->route)
	{
		case ROUTE_WEBHOOK:
		case ROUTE_HUB_WEBHOOK:
			hand_over(c, body, len);
			break;
		case ROUTE_SEND:
			send_api_handle(c, body, len);
			break;
		case ROUTE_ORGANIZATION:
			webhook_api_handle(c, body, len);
			break;
		case ROUTE_ASSET:
			answer_asset(c);
			break;
		case ROUTE_METRICS:
			answer_metrics(c);
			break;
		default:
			answer_health(c);
	}
}
