/*
 * ws_client_end.c
 */
#include "ws/ws_client_end.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wslay/wslay.h>

#include "client/transfer.h"
#include "base/text.h"
#include "ws/ws_server.h"

void
ws_client_end_say(char why[LINK_WHY_SIZE], const char *format, ...)
{
	char text[2 * LINK_WHY_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	why[text_line(why, LINK_WHY_SIZE - 1, text, strlen(text))] = '\0';
}

void
ws_client_end_answer(link_end *end, const char *host, const link_answer *answer)
{
	uint32_t status = answer->status;
	uint32_t pause = answer->retry_after_s;

	memset(end, 0, sizeof(*end));
	end->code = WS_CLOSE_LOST;
	end->http_status = status;
	end->wrong = status != 429 && status < 500;
	if (pause > TRANSFER_MAX_PAUSE_S)
		pause = TRANSFER_MAX_PAUSE_S;
	if (status == 429 || status == 503)
		end->retry_after_ms = pause * 1000;

	if (status == 401)
		ws_client_end_say(end->why, "%s refuses the API key (401); call webchatt.connect_hub() with a valid one", host);
	else if (status == 403)
		ws_client_end_say(end->why, "%s: the API key is not for links (403); have one made with the scope link", host);
	else if (status == 404)
		ws_client_end_say(
			end->why, "%s: this hub has no link (404); Hub Chatt2.me publishes webhooks only: use inbound => 'webhook'",
			host);
	else if (status == 429 || status == 503)
		ws_client_end_say(end->why, "%s takes no link now (%u)", host, status);
	else if (status >= 300 && status < 400)
		ws_client_end_say(
			end->why, "%s sends us elsewhere (%u), which a link does not follow; set api_url to the hub's own address",
			host, status);
	else if (status == 0 || status == 101)
		ws_client_end_say(end->why, "%s %s; check that api_url is a webchatt hub's", host, answer->bad);
	else
		ws_client_end_say(
			end->why,
			"%s did not open a link (%u); check api_url, and that a proxy in front of the hub lets WebSockets through",
			host, status);
}

void
ws_client_end_close(link_end *end, const char *host, uint16_t code, const char *reason, size_t len)
{
	int shown = len > 123 ? 123 : (int) len;

	memset(end, 0, sizeof(*end));
	end->code = code;
	end->wrong = code == WS_CLOSE_POLICY || code == WSLAY_CODE_PROTOCOL_ERROR || code == WS_CLOSE_UNSUPPORTED ||
				 code == WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA || code == WSLAY_CODE_MESSAGE_TOO_BIG;
	if (code == LINK_CLOSE_KEY)
		ws_client_end_say(end->why, "%s has revoked the API key (4001); call webchatt.connect_hub() with a valid one",
						  host);
	else if (code == LINK_CLOSE_TWICE)
		ws_client_end_say(
			end->why,
			"%s closed the link (4010): another database uses the same API key; give each database a key of its own",
			host);
	else if (shown > 0)
		ws_client_end_say(end->why, "%s closed the link (%u): %.*s", host, code, shown, reason);
	else
		ws_client_end_say(end->why, "%s closed the link (%u)%s", host, code,
						  code == WS_CLOSE_GOING_AWAY ? ": it stops"
						  : code == WS_CLOSE_LATER	  ? ": it cannot serve it now"
													  : "");
}

void
ws_client_end_breach(link_end *end, const char *host, uint16_t code)
{
	memset(end, 0, sizeof(*end));
	end->code = WS_CLOSE_LOST;
	end->wrong = true;
	end->too_large = code == WSLAY_CODE_MESSAGE_TOO_BIG;
	if (end->too_large)
		ws_client_end_say(
			end->why, "%s sends an event larger than webchatt.max_body_size; raise that, or nothing behind it comes",
			host);
	else if (code == WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA)
		ws_client_end_say(end->why, "%s sent text that is not UTF-8", host);
	else if (code == WS_CLOSE_UNSUPPORTED)
		ws_client_end_say(end->why, "%s sent a binary frame, and those of a link are text", host);
	else
		ws_client_end_say(end->why, "%s sent a frame that breaks the rules of RFC 6455", host);
}
