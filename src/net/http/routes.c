/*
 * routes.c
 */
#include "http/routes.h"

#include <string.h>

#include "http/static_files.h"
#include "common/event_rules.h"

#define WEBHOOKS	 "/webhooks/"
#define HUB_WEBHOOKS "/webhooks/hubs/"
#define OUR_WEBHOOKS "/v1/organization/webhook"
#define MESSAGES	 "/v1/communication/web-chatt2me/message"
#define PERSONS		 "/v1/communication/web-chatt2me/visitors/"
#define DESK_API	 DESK_PATH "api/"

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
routes_path(const char *target, size_t *len)
{
	const char *path = skip_authority(target);

	*len = strcspn(path, "?");
	return path;
}

const char *
routes_query(const char *target, size_t *len)
{
	const char *path = routes_path(target, len);
	const char *query = path + *len;

	if (*query == '?')
		query++;
	*len = strcspn(query, "#");
	return query;
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

/* As the table hubs has them. */
static bool
is_hub_name(const char *name, size_t len)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	return len >= 1 && len <= ROUTE_MAX_HUB_NAME && strchr(first, name[0]) != NULL &&
		   strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") >= len;
}

/* The path of a webhook's URL may end with a slash, which people and forms add. */
static size_t
without_slash(const char *path, size_t len)
{
	return len > 0 && path[len - 1] == '/' ? len - 1 : len;
}

const char *
routes_hub_name(const char *target, size_t *len)
{
	const char *path = routes_path(target, len);

	*len = without_slash(path, *len);

	*len -= sizeof(HUB_WEBHOOKS) - 1;
	return path + sizeof(HUB_WEBHOOKS) - 1;
}

bool
routes_message(const char *target, uint8_t channel[16], uint8_t message[16])
{
	const size_t prefix = sizeof(MESSAGES "/") - 1;
	size_t len;
	const char *path = routes_path(target, &len);

	return len == prefix + 36 + 1 + 36 && memcmp(path, MESSAGES "/", prefix) == 0 && path[prefix + 36] == '/' &&
		   wc_uuid_parse(path + prefix + 37, 36, message) && wc_uuid_parse(path + prefix, 36, channel);
}

/* Whose data are asked for; what is to be done with them is the method's. */
static bool
is_person(const char *path, size_t len)
{
	const size_t prefix = sizeof(PERSONS) - 1;
	const size_t ids = 36 + 1 + 36;
	uint8_t id[16];

	if (!is_below(path, len, PERSONS) || len < prefix + ids || path[prefix + 36] != '/' ||
		!wc_uuid_parse(path + prefix, 36, id) || !wc_uuid_parse(path + prefix + 37, 36, id))
		return false;
	return len == prefix + ids || is(path + prefix + ids, len - prefix - ids, "/export") ||
		   is(path + prefix + ids, len - prefix - ids, "/link");
}

route
routes_find(const char *target, uint8_t channel[16])
{
	uint8_t message[16];
	size_t prefix = sizeof(WEBHOOKS) - 1;
	size_t len;
	const char *path = routes_path(target, &len);
	size_t plain = without_slash(path, len);

	if (is_below(path, plain, HUB_WEBHOOKS))
		return is_hub_name(path + sizeof(HUB_WEBHOOKS) - 1, plain - (sizeof(HUB_WEBHOOKS) - 1)) ? ROUTE_HUB_WEBHOOK
																								: ROUTE_NONE;
	if (is_below(path, plain, WEBHOOKS))
		return wc_uuid_parse(path + prefix, plain - prefix, channel) ? ROUTE_WEBHOOK : ROUTE_NONE;
	if (is(path, len, MESSAGES))
		return ROUTE_SEND;
	if (routes_message(target, channel, message))
		return ROUTE_RETRACT;
	if (is(path, len, OUR_WEBHOOKS) || is_below(path, len, OUR_WEBHOOKS "/"))
		return ROUTE_ORGANIZATION;
	if (is_person(path, len))
		return ROUTE_PERSON;
	if (is(path, len, "/v1") || is_below(path, len, "/v1/"))
		return ROUTE_API;
	if (is(path, len, "/widget-settings"))
		return ROUTE_WIDGET;
	if (is(path, len, "/widget-settings.js"))
		return ROUTE_WIDGET_MODULE;
	if (is(path, len, WS_PATH))
		return ROUTE_VISITORS;
	if (is(path, len, POLL_PATH))
		return ROUTE_POLL;
	if (is(path, len, WS_LINK_PATH))
		return ROUTE_LINK;
	if (is(path, len, "/healthz"))
		return ROUTE_HEALTH;
	if (is(path, len, "/metrics"))
		return ROUTE_METRICS;
	if (is(path, len, FILES_PATH))
		return ROUTE_FILES;
	if (is_below(path, len, FILES_PATH "/"))
		return ROUTE_FILE;
	/* The desk's files are at the desk's addresses. */
	if (is(path, len, DESK_PATH) || is_below(path, len, DESK_PATH))
		return ROUTE_NONE;
	return static_files_find(path, len) != NULL ? ROUTE_ASSET : ROUTE_NONE;
}

const char *
routes_desk_function(const char *target, size_t *len)
{
	const char *path = routes_path(target, len);

	*len -= sizeof(DESK_API) - 1;
	return path + sizeof(DESK_API) - 1;
}

route
routes_find_desk(const char *target, uint8_t channel[16])
{
	size_t len;
	const char *path = routes_path(target, &len);

	(void) channel;
	if (is_below(path, len, DESK_API))
		return ROUTE_DESK_CALL;
	if (is_below(path, len, DESK_FILES_PATH "/"))
		return ROUTE_DESK_STORED;
	if (is(path, len, DESK_PATH "socket"))
		return ROUTE_DESK_SOCKET;
	if (is(path, len, "/") || is(path, len, "/desk"))
		return ROUTE_DESK_HOME;
	return (is(path, len, DESK_PATH) || is_below(path, len, DESK_PATH)) && static_files_find(path, len) != NULL
			   ? ROUTE_DESK_FILE
			   : ROUTE_DESK_NONE;
}
