/*
 * routes.c
 *	  Which path is what: see routes.h.
 */
#include "routes.h"

#include <string.h>

#include "assets.h"
#include "ws_head.h"
#include "../common/event.h"

#define WEBHOOKS	"/webhooks/"

/* A proxy may send the absolute form (RFC 9112 §3.2.2): leave scheme and host out. */
static const char *
skip_authority(const char *target)
{
	const char *rest = NULL;

	if (strncmp(target, "http://", 7) == 0)
		rest = target + 7;
	else if (strncmp(target, "https://", 8) == 0)
		rest = target + 8;
	if (rest == NULL)
		return target;
	rest += strcspn(rest, "/?#");
	return rest;
}

const char *
route_path(const char *target, size_t *len)
{
	const char *path = skip_authority(target);

	*len = strcspn(path, "?");
	return path;
}

static bool
is(const char *path, size_t len, const char *known)
{
	return len == strlen(known) && memcmp(path, known, len) == 0;
}

static bool
is_below(const char *path, size_t len, const char *known)
{
	return len > strlen(known) && memcmp(path, known, strlen(known)) == 0;
}

route
route_find(const char *target, uint8_t channel[16])
{
	size_t		prefix = sizeof(WEBHOOKS) - 1;
	size_t		len;
	const char *path = route_path(target, &len);

	if (is_below(path, len, WEBHOOKS))
		return wc_uuid_parse(path + prefix, len - prefix, channel) ? ROUTE_WEBHOOK : ROUTE_NONE;
	if (is(path, len, "/v1/communication/web-chatt2me/message"))
		return ROUTE_SEND;
	if (is(path, len, "/v1") || is_below(path, len, "/v1/"))
		return ROUTE_API;
	if (is(path, len, WS_PATH))
		return ROUTE_VISITORS;
	if (is(path, len, "/healthz"))
		return ROUTE_HEALTH;
	if (is(path, len, "/metrics"))
		return ROUTE_METRICS;
	/* Before the files: its template is one of them. */
	if (is(path, len, ASSET_DEMO_PAGE))
		return ROUTE_DEMO;
	return asset_find(path, len) != NULL ? ROUTE_ASSET : ROUTE_NONE;
}

bool
route_takes_body(route r)
{
	return r == ROUTE_WEBHOOK || r == ROUTE_SEND;
}
