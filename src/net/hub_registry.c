/*
 * hub_registry.c
 *	  The hubs that messages go to: address and key, what waits for each, and
 *	  whose turn it is.
 */
#include "hub_registry.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"

static char *
copy_str(wc_str s)
{
	char	   *copy = net_alloc((size_t) s.len + 1);

	if (s.len > 0)
		memcpy(copy, s.p, s.len);
	return copy;
}

static void
add_header(hub_target *t, const char *line)
{
	struct curl_slist *list = curl_slist_append(t->headers, line);

	if (list == NULL)
	{
		t->defect = WC_OUT_RETRY;
		t->defect_text = "webchatt-net has no memory for the request's headers";
		return;
	}
	t->headers = list;
}

static void
set_defect(hub_target *t, wc_outcome_result result, const char *text)
{
	t->defect = result;
	t->defect_text = text;
}

/* Take the address apart: what cannot be one is said once here, not by libcurl. */
static void
check_url(hub_target *t, CURLU *url)
{
	char	   *scheme = NULL;
	char	   *host = NULL;
	char	   *port = NULL;
	char	   *part = NULL;

	if (curl_url_set(url, CURLUPART_URL, t->api_url, CURLU_DISALLOW_USER) != CURLUE_OK ||
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
		curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		set_defect(t, WC_OUT_UNREACHABLE,
				   "the hub's api_url is not a URL without user name; call webchatt.connect_hub() with one like https://api.chatt2.me");
	else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
		set_defect(t, WC_OUT_UNREACHABLE,
				   "the hub's api_url begins with neither https:// nor http://; call webchatt.connect_hub() with one that does");
	else if (curl_url_get(url, CURLUPART_QUERY, &part, 0) == CURLUE_OK ||
			 curl_url_get(url, CURLUPART_FRAGMENT, &part, 0) == CURLUE_OK)
		set_defect(t, WC_OUT_UNREACHABLE,
				   "the hub's api_url has a query or a fragment; call webchatt.connect_hub() with a URL that ends before it");
	else
	{
		size_t		size = strlen(host) + 16;

		t->https = strcmp(scheme, "https") == 0;
		t->host = net_alloc(size);
		if (curl_url_get(url, CURLUPART_PORT, &port, 0) == CURLUE_OK)
			(void) snprintf(t->host, size, "%s:%s", host, port);
		else
			(void) snprintf(t->host, size, "%s", host);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(part);
}

/* A line break in the key would end its header and begin another. */
static void
check_key(hub_target *t, wc_str key)
{
	for (uint32_t i = 0; i < key.len; i++)
	{
		unsigned char c = (unsigned char) key.p[i];

		if (c < 0x21 || c > 0x7E)
		{
			set_defect(t, WC_OUT_UNAUTHORIZED,
					   "the hub's API key has a blank, a control or a non-ASCII character in it; call webchatt.connect_hub() with a valid one");
			return;
		}
	}
	if (key.len == 0)
		set_defect(t, WC_OUT_UNAUTHORIZED,
				   "the hub has no API key; call webchatt.connect_hub() with one");
}

static hub_target *
target_new(const wc_hub_put *put)
{
	hub_target *t = net_alloc(sizeof(hub_target));
	CURLU	   *url = curl_url();
	size_t		size = (size_t) put->api_key.len + sizeof("x-api-key: ");
	char	   *line = net_alloc(size);

	t->refs = 1;
	t->api_url = copy_str(put->api_url);
	for (size_t n = strlen(t->api_url); n > 0 && t->api_url[n - 1] == '/'; n--)
		t->api_url[n - 1] = '\0';
	t->api_key = copy_str(put->api_key);
	if (url != NULL)
		check_url(t, url);
	else
		set_defect(t, WC_OUT_RETRY, "webchatt-net has no memory for the hub's address");
	curl_url_cleanup(url);
	if (t->defect_text == NULL)
		check_key(t, put->api_key);
	if (t->host == NULL)
		t->host = copy_str(wc_str_from("the hub"));

	(void) snprintf(line, size, "x-api-key: %s", t->api_key);
	add_header(t, line);
	add_header(t, "Content-Type: application/json");
	add_header(t, "Accept: application/json");
	/* libcurl would ask before it sends a large body, a round trip each. */
	add_header(t, "Expect:");
	free(line);
	return t;
}

hub_target *
hub_target_hold(hub_target *t)
{
	t->refs++;
	return t;
}

void
hub_target_release(hub_target *t)
{
	if (t == NULL || --t->refs > 0)
		return;
	curl_slist_free_all(t->headers);
	free(t->api_url);
	free(t->api_key);
	free(t->host);
	free(t);
}

/* The position of the hub, or where it would be. */
static uint32_t
position(const hub_registry *r, uint32_t id)
{
	uint32_t	low = 0;
	uint32_t	high = r->count;

	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;

		if (r->hubs[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

hub *
hub_registry_find(const hub_registry *r, uint32_t id)
{
	uint32_t	at = position(r, id);

	return at < r->count && r->hubs[at]->id == id ? r->hubs[at] : NULL;
}

static hub *
insert_hub(hub_registry *r, uint32_t id)
{
	uint32_t	at = position(r, id);
	hub		   *h = net_alloc(sizeof(hub));

	if (r->count == r->capacity)
	{
		uint32_t	capacity = r->capacity > 0 ? r->capacity * 2 : 8;
		hub		  **grown = net_alloc(capacity * sizeof(hub *));

		if (r->count > 0)
			memcpy(grown, r->hubs, r->count * sizeof(hub *));
		free(r->hubs);
		r->hubs = grown;
		r->capacity = capacity;
	}
	memmove(r->hubs + at + 1, r->hubs + at, (r->count - at) * sizeof(hub *));
	r->hubs[at] = h;
	r->count++;
	h->id = id;
	return h;
}

/* Same length and same bytes as the target's. */
static bool
same(wc_str s, const char *have)
{
	return strlen(have) == s.len && (s.len == 0 || memcmp(have, s.p, s.len) == 0);
}

void
hub_registry_put(hub_registry *r, const wc_hub_put *put)
{
	hub		   *h = hub_registry_find(r, put->hub);

	if (h == NULL)
		h = insert_hub(r, put->hub);
	else if (same(put->api_url, h->target->api_url) && same(put->api_key, h->target->api_key))
		return;
	hub_target_release(h->target);
	h->target = target_new(put);
}

static void
free_hub(hub *h)
{
	message_queue_drop(&h->queue);
	hub_target_release(h->target);
	free(h);
}

/* The caller has emptied its queue; requests under way may still hold it. */
void
hub_registry_remove(hub_registry *r, hub *h)
{
	uint32_t	at = position(r, h->id);

	r->count--;
	memmove(r->hubs + at, r->hubs + at + 1, (r->count - at) * sizeof(hub *));
	h->gone = true;
	if (h->in_flight == 0)
		free_hub(h);
}

void
hub_registry_free(hub_registry *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		free_hub(r->hubs[i]);
	free(r->hubs);
	memset(r, 0, sizeof(*r));
}

void
hub_started(hub *h)
{
	h->in_flight++;
}

void
hub_finished(hub *h)
{
	h->in_flight--;
	if (h->gone && h->in_flight == 0)
		free_hub(h);
}

hub *
hub_registry_next(hub_registry *r, uint32_t under_way, uint32_t max_in_flight)
{
	/* Half of the window is shared out as reserves, when there is enough. */
	uint32_t	reserve = r->count > 1 ? max_in_flight / (2 * r->count) : 0;
	uint32_t	kept = 0;		/* of the reserves, what is not in use */
	hub		   *best = NULL;

	if (under_way >= max_in_flight)
		return NULL;
	if (r->count > 1 && reserve == 0 && r->count <= max_in_flight)
		reserve = 1;
	for (uint32_t i = 0; reserve > 0 && i < r->count; i++)
		if (r->hubs[i]->in_flight < reserve)
			kept += reserve - r->hubs[i]->in_flight;

	for (uint32_t i = 0; i < r->count; i++)
	{
		hub		   *h = r->hubs[(r->turn + i) % r->count];

		if (h->queue.first == NULL || (best != NULL && best->in_flight <= h->in_flight))
			continue;
		if (h->in_flight < reserve || under_way + kept < max_in_flight)
			best = h;
	}
	r->turn = r->count > 0 ? (r->turn + 1) % r->count : 0;
	return best;
}
