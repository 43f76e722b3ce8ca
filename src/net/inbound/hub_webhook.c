/*
 * hub_webhook.c
 *	  Where a hub's webhook enters.
 */
#include "inbound/hub_webhook.h"

#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "http/http_reply.h"
#include "inbound/early_signature.h"
#include "inbound/signed_event.h"

#define NO_HUB_SECRET                                                                                                  \
	"This hub's webhooks have no signing secret here yet; webchatt.register_webhooks() registers them and learns it."

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

void
hub_webhook_check_head(conn *c, const char *method)
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
		metrics_now.verifications++;
		c->answer = http_response_text(token, strlen(token), "application/json");
	}
	else if (to.hub != 0 && to.nsecrets == 0 && !early_signature_wanted(c, REFUSE_NO_SECRET))
		http_reply_refuse(c, REFUSE_NO_SECRET, NO_HUB_SECRET);
	else if (c->head.signature.p == NULL && !to.accept_unsigned)
		http_reply_refuse(c, to.nsecrets > 0 ? REFUSE_SIG_MISSING : REFUSE_NO_SECRET, NULL);
}

/* Give the event to the worker, or find a reason not to. */
void
hub_webhook_handle(conn *c, const char *body, size_t len)
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
	http_reply_wait(c, rq.number);
}

void
hub_webhook_forget(conn *c)
{
	early_signature_leave(c);
}

void
hub_webhook_done(http_server *d, const wc_event_done *done)
{
	conn *c = inflight_find(d->inflight, done->request);

	/* Not there: it was given up meanwhile, and the hub will come again. */
	if (c == NULL || (c->route != ROUTE_WEBHOOK && c->route != ROUTE_HUB_WEBHOOK))
		return;
	inflight_give(d->inflight, done->request);
	metrics_done(done->result, (uv_hrtime() - c->handed_ns) / 1000);
	switch (done->result)
	{
		case WC_DONE_STORED:
		case WC_DONE_REPEAT:
		case WC_DONE_REJECTED:
			c->answer = http_response_ok();
			break;
		case WC_DONE_GONE:
			http_reply_refuse(c, REFUSE_CHANNEL, NULL);
			break;
		default:
			http_reply_refuse(c, REFUSE_BUSY, NULL);
	}
	http_reply_resume(c);
}

/* An event that waits for a secret, by those that are known now. */
static void
check_again(conn *c)
{
	http_server *d = c->server;
	signed_event rq = {c->number,	  {NULL, 0, false, NULL, 0, NULL}, c->head.signature, c->early_body, c->early_len,
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

void
hub_webhook_hub_put(http_server *d, const wc_hub_put *put)
{
	conn *c;
	conn *next;

	if (!hub_endpoints_put(d->hubs, put))
		log_line(WC_LOG_WARNING, "one more hub than the %u that fit, or no memory for it: its webhooks get 404",
				 HUB_ENDPOINTS_MAX);
	for (c = d->early; c != NULL; c = next)
	{
		next = c->next_early;
		check_again(c);
	}
}
