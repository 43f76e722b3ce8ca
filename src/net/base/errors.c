/*
 * errors.c
 */
#include "base/errors.h"

static const errors_row rows[REFUSE_COUNT] = {
	[REFUSE_NOTHING] = {500, "internal_error", "The server met a state that it does not know; send the request again.",
						"an unknown state"},
	[REFUSE_HEAD] =
		{400, "bad_request",
		 "The request's head breaks the rules of HTTP/1.1; look at what stands between the sender and this server.",
		 "a head that breaks the rules of HTTP"},
	[REFUSE_EVENT] = {400, "invalid_event", "The body is not an event of the hub.", "a body that is not an event"},
	[REFUSE_TOKEN] = {400, "invalid_validation_token", "X-Validation-Token must be 1 to 1024 bytes of valid UTF-8.",
					  "an X-Validation-Token that cannot be answered"},
	[REFUSE_SIG_MISSING] =
		{401, "signature_missing",
		 "The request carries no X-hub-Signature header; turn on signing for this webhook at the hub.",
		 "no X-hub-Signature (turn on signing at the hub, or let the channel accept unsigned events)"},
	[REFUSE_SIG_MALFORMED] = {401, "signature_malformed",
							  "X-hub-Signature must read t=<unix seconds>,v1=<64 hex digits>.",
							  "a malformed X-hub-Signature"},
	[REFUSE_SIG_STALE] = {401, "signature_stale",
						  "The signature's time is too far from this server's clock; check both clocks.",
						  "a signature whose time is too far from this clock (check both clocks)"},
	[REFUSE_SIG_WRONG] = {401, "signature_wrong",
						  "The signature was not made with a secret that is valid for this channel; set the same "
						  "signing secret on both sides.",
						  "a signature by no valid secret (webchatt.set_webhook_secret() sets it)"},
	[REFUSE_NO_SECRET] = {401, "no_secret",
						  "This channel has no valid signing secret and does not accept unsigned events; set the "
						  "secret with webchatt.set_webhook_secret().",
						  "a channel without a valid secret (webchatt.set_webhook_secret() sets it)"},
	[REFUSE_PAYLOAD] = {400, "invalid_payload", "The request is not a message that can be sent.",
						"an API request that is not a message"},
	[REFUSE_KEY_MISSING] = {401, "api_key_missing",
							"The request carries no x-api-key header; webchatt.create_api_key() makes a key.",
							"an API request without x-api-key"},
	[REFUSE_KEY_MALFORMED] =
		{401, "api_key_malformed",
		 "The x-api-key is not wck_ and 43 letters, digits, - or _; send it as webchatt.create_api_key() returned it.",
		 "a malformed x-api-key"},
	[REFUSE_KEY_UNKNOWN] = {401, "api_key_unknown",
							"The x-api-key is not known here, or was revoked; webchatt.create_api_key() makes another.",
							"an x-api-key that is not known, or revoked"},
	[REFUSE_KEY_SCOPE] =
		{403, "api_key_scope",
		 "The x-api-key is not for this; webchatt.create_api_key() makes keys with the scopes send, webhooks and link.",
		 "an x-api-key without the scope for what was asked"},
	[REFUSE_ROUTE] = {404, "not_found", "There is nothing at this path; webhooks go to /webhooks/<channel id>.",
					  "an unknown path"},
	[REFUSE_CHANNEL] = {404, "unknown_channel",
						"No channel with this id is known here; check the id at the end of the webhook's URL.",
						"an unknown channel"},
	[REFUSE_HUB] = {404, "unknown_hub", "No hub of this name is attached here; webchatt.hubs lists their names.",
					"an unknown hub"},
	[REFUSE_ORIGIN] = {403, "origin_not_listed",
					   "The page's origin is not on this channel's list, or the request has none; "
					   "webchatt.set_origins() sets the list, to the letter of scheme, host and port.",
					   "an origin that is not on the channel's list (webchatt.set_origins() sets it)"},
	[REFUSE_METHOD_POST] = {405, "method_not_allowed", "This path takes POST only.", "a method other than POST"},
	[REFUSE_METHOD_REST] = {405, "method_not_allowed", "This path takes GET, POST, PATCH and DELETE only.",
							"a method that the REST API does not have"},
	[REFUSE_METHOD_GET] = {405, "method_not_allowed", "This path takes GET and HEAD only.", "a method other than GET"},
	[REFUSE_SLOW_HEAD] = {408, "head_timeout", "The request's head did not arrive in time; send it at once.",
						  "a head that came too slowly"},
	[REFUSE_SLOW_BODY] = {408, "request_timeout", "The request's body did not arrive in time; send it at once.",
						  "a body that came too slowly"},
	[REFUSE_LARGE] = {413, "body_too_large",
					  "The body is larger than webchatt.max_body_size; send less, or raise that setting.",
					  "a body over webchatt.max_body_size"},
	[REFUSE_EXPECT] = {417, "unknown_expectation", "The only expectation that this server meets is 100-continue.",
					   "an unknown Expect"},
	[REFUSE_UPGRADE] =
		{426, "upgrade_required",
		 "This path takes WebSockets only; a proxy in front must pass the headers Upgrade and Connection on.",
		 "a request for a WebSocket's path that asks for none (a proxy in front must pass Upgrade and Connection on)"},
	[REFUSE_WS_VERSION] = {426, "websocket_version",
						   "This server speaks version 13 of WebSocket; send Sec-WebSocket-Version: 13.",
						   "another version of WebSocket than 13"},
	[REFUSE_WS_PROTOCOL] = {400, "unknown_protocol",
							"The sub-protocol must be web-chatt2me.v1; send it in Sec-WebSocket-Protocol.",
							"a WebSocket without the sub-protocol of its path"},
	[REFUSE_VISITORS] = {503, "too_many_visitors",
						 "This server has as many visitors as webchatt.max_visitors allows; try again shortly.",
						 "too many visitors in all (webchatt.max_visitors)"},
	[REFUSE_VISITORS_ADDRESS] =
		{429, "too_many_visitors_from_address",
		 "Your address has as many visitors as this server allows one address; close some, or try again later.",
		 "too many visitors from one address (webchatt.max_visitors_per_address; behind a proxy, name it in "
		 "webchatt.trusted_proxies)"},
	[REFUSE_LINKS] = {503, "too_many_links",
					  "This hub has as many links as it takes, 256 in all and 8 with one key; try again shortly.",
					  "too many links in all (256), or with one key (8)"},
	[REFUSE_CONNECTIONS] =
		{503, "too_many_connections",
		 "This server has as many connections as webchatt.max_connections allows; try again shortly.",
		 "too many connections in all (webchatt.max_connections)"},
	[REFUSE_ADDRESS] = {503, "too_many_from_address",
						"Your address has as many connections as this server allows one address; try again shortly.",
						"too many connections from one address (behind a proxy, name it in webchatt.trusted_proxies)"},
	[REFUSE_MEMORY] = {503, "too_many_bodies", "Too many large bodies are arriving at once; try again shortly.",
					   "too many large bodies at once"},
	[REFUSE_NOT_OPEN] = {503, "not_open", "The database is not ready yet; try again shortly.",
						 "the database is not ready"},
	[REFUSE_BEHIND] = {503, "behind", "The database is behind with what it has; try again shortly.",
					   "the database is behind"},
	[REFUSE_ACK_TIMEOUT] = {503, "commit_timeout",
							"The database did not confirm the event in time; send it again, a repeat does no harm.",
							"the database did not confirm in time"},
	[REFUSE_BUSY] = {503, "busy", "The database could not store it now; send it again shortly.",
					 "the database was busy"},
	[REFUSE_CLOSING] = {503, "closing", "The server is shutting down; send the request again shortly.",
						"shutting down"},
};

const errors_row *
errors_get(refusal r)
{
	return r > REFUSE_NOTHING && r < REFUSE_COUNT ? &rows[r] : &rows[REFUSE_NOTHING];
}
