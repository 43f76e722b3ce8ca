/*
 * routes.h
 *	  Which path is what: the one place where URLs are taken apart.
 */
#ifndef NET_ROUTES_H
#define NET_ROUTES_H

#include <stdint.h>

typedef enum route
{
	ROUTE_NONE = 0,
	ROUTE_WEBHOOK,				/* POST /webhooks/<channel id> */
	ROUTE_HEALTH,				/* GET /healthz */
	ROUTE_METRICS				/* GET /metrics */
} route;

/*
 * The route of a request's target, as it came (nothing is unescaped: no route
 * needs it).  Fills channel for ROUTE_WEBHOOK.  A query is not looked at.
 */
extern route route_find(const char *target, uint8_t channel[16]);

#endif							/* NET_ROUTES_H */
