/*
 * widget_settings.c
 *	  No secret is in it, so who shows no origin (a page of the hub's own host, a
 *	  program) gets it, too; a browser hands it only to pages of the channel's
 *	  origins.
 */
#include "visitors/widget_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http/http_reply.h"
#include "http/static_files.h"
#include "common/origin.h"
#include "ws/ws_handshake.h"

#define CACHING "public, max-age=60"

static enum MHD_Result
on_argument(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value, size_t value_len)
{
	(void) kind;
	ws_handshake_argument(cls, name, name_len, value ? value : "", value ? value_len : 0);
	return MHD_YES;
}

/* The channel that the query names; NULL: there is none. */
static const channel *
asked_for(conn *c)
{
	ws_handshake query = {.link = false};

	MHD_get_connection_values_n(c->mhd, MHD_GET_ARGUMENT_KIND, on_argument, &query);
	return query.public_key.p ? channels_find_key(c->server->channels, query.public_key.p, query.public_key.len) : NULL;
}

/* {"version": ..., and what the worker gave. */
static http_response
settings_of(const channel *ch, bool module)
{
	size_t size = ch->widget.len + sizeof("export default {\"version\":\"\",;") + CHANNELS_VERSION;
	char *text = ch->widget.len > 1 ? malloc(size) : NULL;
	int len;

	if (text == NULL)
		return http_response_refusal(REFUSE_BUSY);
	len = snprintf(text, size, "%s{\"version\":\"%s\",%.*s%s", module ? "export default " : "", ch->widget_version,
				   (int) ch->widget.len - 1, ch->widget.p + 1, module ? ";" : "");
	return http_response_text(text, (size_t) len,
							  module ? "text/javascript; charset=utf-8" : "application/json; charset=utf-8");
}

static void
answer(conn *c, bool module)
{
	const channel *ch = asked_for(c);
	const wc_str *origin = ch && c->head.origin.p ? channels_origin(ch, c->head.origin) : NULL;
	char etag[CHANNELS_VERSION + 3];

	if (ch == NULL)
	{
		http_reply_refuse(c, REFUSE_ROUTE, "No channel has this public key; look at the widget's webChatId.");
		return;
	}
	if (c->head.origin.p != NULL && origin == NULL)
	{
		log_origin(c->head.origin.p, c->head.origin.len);
		http_reply_refuse(c, REFUSE_ORIGIN, NULL);
		return;
	}
	snprintf(etag, sizeof(etag), "\"%s\"", ch->widget_version);
	c->answer = settings_of(ch, module);
	if (!c->answer.owned)
		return;
	if (static_files_client_has(c->head.none_match, etag))
		c->answer.status = MHD_HTTP_NOT_MODIFIED;
	MHD_add_response_header(c->answer.response, "ETag", etag);
	MHD_add_response_header(c->answer.response, "Cache-Control", CACHING);
	MHD_add_response_header(c->answer.response, "Vary", "Origin");
	if (origin != NULL)
	{
		char allowed[WC_ORIGIN_SIZE];

		snprintf(allowed, sizeof(allowed), "%.*s", (int) origin->len, origin->p);
		MHD_add_response_header(c->answer.response, "Access-Control-Allow-Origin", allowed);
		MHD_add_response_header(c->answer.response, "Cross-Origin-Resource-Policy", "cross-origin");
	}
}

void
widget_settings_handle(conn *c, const char *body, size_t len)
{
	(void) body;
	(void) len;
	answer(c, false);
}

void
widget_settings_handle_module(conn *c, const char *body, size_t len)
{
	(void) body;
	(void) len;
	answer(c, true);
}
