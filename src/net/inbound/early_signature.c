/*
 * early_signature.c
 *	  Events that came to a hub's endpoint while it was asked for a new signing
 *	  secret: it signs with that from the moment it has made it, and we know it
 *	  when its answer is committed.  So what no known secret signed waits until the
 *	  secrets change, and is not refused: a refused one would be in the hub's log of
 *	  failed deliveries, from where repair brings it back half a minute later at best,
 *	  behind what was written after it.
 */
#include "inbound/early_signature.h"

#include <stdlib.h>
#include <string.h>

/* How long after such a call an unknown secret may be in use, in ms. */
#define SECRET_COMES_MS 30000

/* Events that may wait so at a time: anybody can send such. */
#define EARLY_MOST 256

/* Does the call make a secret? */
static bool
makes_secret(const wc_call *call)
{
	static const char signature[] = "/signature";
	static const char field[] = "requiresSignature";
	size_t len = sizeof(signature) - 1;

	if (call->path.len > len && memcmp(call->path.p + call->path.len - len, signature, len) == 0)
		return true;
	return call->body.len > 0 && memmem(call->body.p, call->body.len, field, sizeof(field) - 1) != NULL;
}

void
early_signature_hub_called(http_server *d, const wc_call *call)
{
	if (makes_secret(call))
		hub_endpoints_secret_comes(d->hubs, call->hub, uv_now(d->loop) + SECRET_COMES_MS);
}

bool
early_signature_wanted(const conn *c, refusal why)
{
	const hub_endpoint *h;
	const char *name;
	size_t len;

	if (c->route != ROUTE_HUB_WEBHOOK || (why != REFUSE_SIG_WRONG && why != REFUSE_NO_SECRET) || c->server->closing ||
		c->head.signature.p == NULL)
		return false;
	name = routes_hub_name(c->target, &len);
	h = hub_endpoints_find(c->server->hubs, name, len);
	return h != NULL && h->secret_comes > uv_now(c->server->loop);
}

bool
early_signature_take(conn *c, uint64_t number, const char *body, size_t len)
{
	http_server *d = c->server;

	if (number == 0 || d->early_count >= EARLY_MOST || (c->early_body = malloc(len + 1)) == NULL)
		return false;
	if (len > 0)
		memcpy(c->early_body, body, len);
	c->early_len = len;
	c->prev_early = NULL;
	c->next_early = d->early;
	if (d->early != NULL)
		d->early->prev_early = c;
	d->early = c;
	d->early_count++;
	return true;
}

void
early_signature_leave(conn *c)
{
	http_server *d = c->server;

	if (c->early_body == NULL)
		return;
	if (c->prev_early != NULL)
		c->prev_early->next_early = c->next_early;
	else
		d->early = c->next_early;
	if (c->next_early != NULL)
		c->next_early->prev_early = c->prev_early;
	d->early_count--;
	free(c->early_body);
	c->early_body = NULL;
	c->early_len = 0;
}
