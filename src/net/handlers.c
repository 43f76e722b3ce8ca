/*
 * handlers.c
 *	  A new path gets a route (http/routes.c) and a line here.
 */
#include "handlers.h"

#include <string.h>

#include "base/metrics.h"
#include "desk/desk_api.h"
#include "desk/desk_page.h"
#include "desk/desk_guard.h"
#include "desk/desk_sockets.h"
#include "files/file_serve.h"
#include "files/file_upload.h"
#include "http/http_reply.h"
#include "http/static_files.h"
#include "inbound/hub_webhook.h"
#include "rest/retract_api.h"
#include "rest/send_api.h"
#include "rest/webhook_api.h"
#include "visitors/widget_settings.h"
#include "visitors/visitor_poll.h"

#define NO_SUCH_API "There is no such path in this API; messages go to POST /v1/communication/web-chatt2me/message."

static void
check_nothing(conn *c, const char *method)
{
	(void) method;
	http_reply_refuse(c, REFUSE_ROUTE, c->route == ROUTE_API ? NO_SUCH_API : NULL);
}

static void
check_get(conn *c, const char *method)
{
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		http_reply_refuse(c, REFUSE_METHOD_GET, NULL);
}

/* A GET of these does not come here, but becomes a WebSocket or is refused as one. */
static void
check_websocket(conn *c, const char *method)
{
	check_get(c, method);
	if (c->answer.response == NULL)
		http_reply_refuse(c, REFUSE_UPGRADE, NULL);
}

static void
handle_file(conn *c, const char *body, size_t len)
{
	size_t path_len;
	const char *path = routes_path(c->target, &path_len);

	(void) body;
	(void) len;
	c->answer = static_files_answer(static_files_find(path, path_len), &c->head);
}

static void
handle_health(conn *c, const char *body, size_t len)
{
	refusal why = c->server->closing ? REFUSE_CLOSING : c->server->open ? REFUSE_NOTHING : REFUSE_NOT_OPEN;

	(void) body;
	(void) len;
	if (why == REFUSE_NOTHING)
		c->answer = http_response_ok();
	else
		http_reply_refuse(c, why, NULL);
}

static void
handle_metrics(conn *c, const char *body, size_t len)
{
	http_server *d = c->server;
	const files *f = d->files;
	char *text;

	(void) body;
	metrics_now.connections = d->nconns;
	metrics_now.waiting = inflight_count(d->inflight);
	metrics_now.channels = channels_count(d->channels);
	metrics_now.piece_kb = (uint32_t) (f->bodies / 1024);
	metrics_now.fetches = f->fetched;
	text = metrics_text(&len);
	c->answer = text ? http_response_text(text, len, "text/plain; version=0.0.4; charset=utf-8")
					 : http_response_refusal(REFUSE_NOTHING);
}

/* At the desk's addresses only while there is a desk. */
static void
check_stored(conn *c, const char *method)
{
	if (desk_guard_is_on(c))
		file_serve_check_desk(c, method);
}

const http_handler handlers_table[ROUTE_COUNT] = {
	[ROUTE_NONE] = {.check_head = check_nothing},
	[ROUTE_API] = {.check_head = check_nothing},
	[ROUTE_ASSET] = {.check_head = check_get, .handle = handle_file},
	[ROUTE_HEALTH] = {.check_head = check_get, .handle = handle_health},
	[ROUTE_METRICS] = {.check_head = check_get, .handle = handle_metrics},
	[ROUTE_WIDGET] = {.check_head = check_get, .handle = widget_settings_handle},
	[ROUTE_WIDGET_MODULE] = {.check_head = check_get, .handle = widget_settings_handle_module},
	[ROUTE_VISITORS] = {.check_head = check_websocket, .is_websocket = true},
	[ROUTE_LINK] = {.check_head = check_websocket, .is_websocket = true},
	[ROUTE_POLL] = {.check_head = visitor_poll_check_head,
					.handle = visitor_poll_handle,
					.unpark = visitor_poll_unpark,
					.forget = visitor_poll_forget,
					.takes_body = true},
	[ROUTE_WEBHOOK] = {.check_head = hub_webhook_check_head,
					   .handle = hub_webhook_handle,
					   .forget = hub_webhook_forget,
					   .takes_body = true},
	[ROUTE_HUB_WEBHOOK] = {.check_head = hub_webhook_check_head,
						   .handle = hub_webhook_handle,
						   .forget = hub_webhook_forget,
						   .takes_body = true},
	[ROUTE_SEND] = {.check_head = send_api_check_head,
					.handle = send_api_handle,
					.late = SEND_API_LATE,
					.takes_body = true},
	[ROUTE_RETRACT] = {.check_head = retract_api_check_head,
					   .handle = retract_api_handle,
					   .late = RETRACT_API_LATE,
					   .takes_body = true},
	[ROUTE_ORGANIZATION] = {.check_head = webhook_api_check_head,
							.handle = webhook_api_handle,
							.late = WEBHOOK_API_LATE,
							.takes_body = true},
	[ROUTE_PERSON] = {.check_head = webhook_api_check_person,
					  .handle = webhook_api_handle,
					  .late = WEBHOOK_API_LATE,
					  .takes_body = true},
	[ROUTE_FILES] = {.check_head = file_upload_check_begin,
					 .handle = file_upload_handle,
					 .forget = files_forget,
					 .late = FILES_LATE,
					 .takes_body = true,
					 .open_to_all = true},
	[ROUTE_FILE] = {.check_head = file_serve_check_file,
					.handle = file_serve_handle,
					.forget = files_forget,
					.late = FILES_LATE,
					.most_body = WC_FILE_CHUNK,
					.takes_body = true,
					.open_to_all = true},
	[ROUTE_DESK_STORED] = {.check_head = check_stored, .handle = file_serve_handle, .forget = files_forget},
	[ROUTE_DESK_NONE] = {.check_head = desk_page_check_nothing},
	[ROUTE_DESK_HOME] = {.check_head = desk_page_check_get, .handle = desk_page_handle_home},
	[ROUTE_DESK_FILE] = {.check_head = desk_page_check_get, .handle = desk_page_handle_file},
	[ROUTE_DESK_CALL] = {.check_head = desk_api_check_head,
						 .handle = desk_api_handle,
						 .forget = desk_api_forget,
						 .late = DESK_API_LATE,
						 .takes_body = true},
	[ROUTE_DESK_SOCKET] = {.check_head = desk_sockets_check_head, .is_websocket = true},
};
