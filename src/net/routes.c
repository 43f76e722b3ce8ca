/*
 * routes.c
 *	  Which path is what: see routes.h.
 */
#include "routes.h"

#include <string.h>

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

route
route_find(const char *target, uint8_t channel[16])
{
	const char *path = skip_authority(target);
	size_t		len = strcspn(path, "?");
	size_t		prefix = sizeof(WEBHOOKS) - 1;

	if (len > prefix && memcmp(path, WEBHOOKS, prefix) == 0)
		return wc_uuid_parse(path + prefix, len - prefix, channel) ? ROUTE_WEBHOOK : ROUTE_NONE;
	if (len == 8 && memcmp(path, "/healthz", 8) == 0)
		return ROUTE_HEALTH;
	if (len == 8 && memcmp(path, "/metrics", 8) == 0)
		return ROUTE_METRICS;
	return ROUTE_NONE;
}
