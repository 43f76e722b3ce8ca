/*
 * routes.h
 *	  Which path is what: the one place where URLs are taken apart.
 */
#ifndef NET_ROUTES_H
#define NET_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where files are, and at the desk's addresses. */
#define FILES_PATH		"/files"
#define DESK_FILES_PATH "/desk/files"

/* Where visitors connect to, and links. */
#define WS_PATH		 "/communication/web-chatt2me/ws"
#define WS_LINK_PATH "/communication/web-chatt2me/events"
#define POLL_PATH	 "/communication/web-chatt2me/poll"

/* The longest name of a hub. */
#define ROUTE_MAX_HUB_NAME 63

typedef enum route
{
	ROUTE_NONE = 0,
	ROUTE_WEBHOOK,		/* POST /webhooks/<channel id> */
	ROUTE_HUB_WEBHOOK,	/* POST /webhooks/hubs/<name> */
	ROUTE_SEND,			/* POST /v1/communication/web-chatt2me/message */
	ROUTE_RETRACT,		/* DELETE /v1/communication/web-chatt2me/message/<channel id>/<message id> */
	ROUTE_ORGANIZATION, /* /v1/organization/webhook and below */
	ROUTE_PERSON,		/* /v1/communication/web-chatt2me/visitors/<channel id>/<visitor>, with /export, /link or not */
	ROUTE_API,			/* anything else of /v1: there is nothing */
	ROUTE_ASSET,		/* GET a file that is compiled in */
	ROUTE_WIDGET,		/* GET /widget-settings */
	ROUTE_WIDGET_MODULE, /* GET /widget-settings.js */
	ROUTE_VISITORS,		 /* GET, to be upgraded to a visitor's WebSocket */
	ROUTE_POLL,			 /* POST, of visitors who have no WebSocket */
	ROUTE_LINK,			 /* GET, to be upgraded to a link */
	ROUTE_HEALTH,		 /* GET /healthz */
	ROUTE_METRICS,		 /* GET /metrics */
	ROUTE_FILES,		 /* POST /files */
	ROUTE_FILE,			 /* /files/<id>, with a name behind it or without */

	/* at the desk's addresses, and nowhere else */
	ROUTE_DESK_NONE,   /* there is nothing */
	ROUTE_DESK_HOME,   /* GET what leads to the page */
	ROUTE_DESK_FILE,   /* GET the page, or one of its files */
	ROUTE_DESK_STORED, /* GET /desk/files/<id>, as ROUTE_FILE */
	ROUTE_DESK_CALL,   /* POST /desk/api/<function> */
	ROUTE_DESK_SOCKET, /* GET, to be upgraded to a desk's WebSocket */
	ROUTE_COUNT
} route;

/*
 * The route of a request's target, as it came (nothing is unescaped: no route
 * needs it).  Fills channel for ROUTE_WEBHOOK and ROUTE_RETRACT.  A query is not looked at.
 */
extern route routes_find(const char *target, uint8_t channel[16]);

/* The same for a request that came to the desk's addresses; channel is left alone. */
extern route routes_find_desk(const char *target, uint8_t channel[16]);

/* The ids in the path of a ROUTE_RETRACT; false: it is none, and channel is as it was. */
extern bool routes_message(const char *target, uint8_t channel[16], uint8_t message[16]);

/* The function's name in the path of a ROUTE_DESK_CALL. */
extern const char *routes_desk_function(const char *target, size_t *len);

/* The target's path, without scheme and host before and a query behind it. */
extern const char *routes_path(const char *target, size_t *len);

/* What is behind the question mark; empty where there is none. */
extern const char *routes_query(const char *target, size_t *len);

/* The hub's name in the path of a ROUTE_HUB_WEBHOOK. */
extern const char *routes_hub_name(const char *target, size_t *len);

#endif /* NET_ROUTES_H */
