/*
 * fuzz_routes.c
 *	  A request's target: its parts lie inside it and do not overlap, what is in
 *	  its query changes no route, and an id that is found is the path's own.
 */
#include <strings.h>

#include "http/static_files.h"
#include "http/routes.h"
#include "common/event_rules.h"
#include "fuzz.h"

/* The table of files comes from the build. */
const asset *
static_files_find(const char *path, size_t len)
{
	static const asset widget = {.path = "/chat-widget.umd.js"};

	return len == strlen(widget.path) && memcmp(path, widget.path, len) == 0 ? &widget : NULL;
}

static void
check_route(route r, const char *target, const uint8_t channel[16])
{
	size_t len;
	const char *path = routes_path(target, &len);
	const char *name;
	char id[37];

	MUST(r >= ROUTE_NONE && r < ROUTE_DESK_NONE);
	if (r == ROUTE_WEBHOOK)
	{
		wc_uuid_print(channel, id);
		MUST((len == 10 + 36 || (len == 10 + 37 && path[46] == '/')) && memcmp(path, "/webhooks/", 10) == 0 &&
			 strncasecmp(path + 10, id, 36) == 0);
	}
	if (r == ROUTE_RETRACT)
	{
		wc_uuid_print(channel, id);
		MUST(len > 74 && strncasecmp(path + len - 73, id, 36) == 0 && path[len - 37] == '/');
	}
	if (r == ROUTE_PERSON)
		MUST((len == 113 || (len == 120 && memcmp(path + 113, "/export", 7) == 0) ||
			  (len == 118 && memcmp(path + 113, "/link", 5) == 0)) &&
			 path[76] == '/');
	if (r == ROUTE_HUB_WEBHOOK)
	{
		name = routes_hub_name(target, &len);
		MUST(len >= 1 && len <= ROUTE_MAX_HUB_NAME && name > path && name + len <= target + strlen(target));
		MUST(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") >= len);
	}
	if (r != ROUTE_NONE)
		MUST(len >= 1 && path[0] == '/');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *target = fuzz_copy(data, size);
	size_t len = strlen(target);
	char *more = malloc(len + 3);
	uint8_t channel[16] = {0};
	uint8_t again[16] = {0};
	size_t path_len;
	size_t query_len;
	const char *path = routes_path(target, &path_len);
	const char *query = routes_query(target, &query_len);
	route r = routes_find(target, channel);

	MUST(path >= target && path + path_len <= target + len);
	MUST(query >= path + path_len && query + query_len <= target + len);
	MUST(memchr(path, '?', path_len) == NULL && memchr(query, '#', query_len) == NULL);
	check_route(r, target, channel);
	snprintf(more, len + 3, "%s?a", target);
	MUST(routes_find(more, again) == r && memcmp(channel, again, 16) == 0);
	r = routes_find_desk(target, channel);
	if (r == ROUTE_DESK_CALL)
	{
		const char *function = routes_desk_function(target, &path_len);

		MUST(path_len >= 1 && function > path && function + path_len <= target + len);
	}
	MUST(r >= ROUTE_DESK_NONE && routes_find_desk(more, channel) == r);
	free(more);
	free(target);
	return 0;
}
