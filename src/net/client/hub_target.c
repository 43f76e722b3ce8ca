/*
 * hub_target.c
 *	  A hub's REST API as a target of requests: its address and key.
 */
#include "client/target.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static const target_words words = {
	.what = "the hub's api_url",
	.no_url = "the hub's api_url is not a URL without user name; call webchatt.connect_hub() with one like "
			  "https://api.chatt2.me",
	.scheme =
		"the hub's api_url begins with neither https:// nor http://; call webchatt.connect_hub() with one that does",
	.query = "the hub's api_url has a query or a fragment; call webchatt.connect_hub() with a URL that ends before it",
};

/* A line break in the key would end its header and begin another. */
static void
check_key(target *t, wc_str key)
{
	for (uint32_t i = 0; i < key.len; i++)
	{
		unsigned char c = (unsigned char) key.p[i];

		if (c < 0x21 || c > 0x7E)
		{
			target_set_defect(t, WC_OUT_UNAUTHORIZED,
							  "the hub's API key has a blank, a control or a non-ASCII character in it; call "
							  "webchatt.connect_hub() with a valid one");
			return;
		}
	}
	if (key.len == 0)
		target_set_defect(t, WC_OUT_UNAUTHORIZED, "the hub has no API key; call webchatt.connect_hub() with one");
}

static wc_str
without_slashes(wc_str url)
{
	while (url.len > 0 && url.p[url.len - 1] == '/')
		url.len--;
	return url;
}

target *
target_of_hub(const wc_hub_put *put)
{
	target *t = target_new(&words, without_slashes(put->api_url), put->api_key);
	size_t size = (size_t) put->api_key.len + sizeof("x-api-key: ");
	char *line = net_alloc(size);

	if (t->defect_text == NULL)
		check_key(t, put->api_key);
	(void) snprintf(line, size, "x-api-key: %s", t->secret);
	target_add_header(t, line);
	target_add_header(t, "Accept: application/json");
	free(line);
	return t;
}

/* Same length and same bytes. */
static bool
same(wc_str s, const char *have)
{
	return strlen(have) == s.len && (s.len == 0 || memcmp(have, s.p, s.len) == 0);
}

bool
target_is_of_hub(const target *t, const wc_hub_put *put)
{
	return same(without_slashes(put->api_url), t->url) && same(put->api_key, t->secret);
}
