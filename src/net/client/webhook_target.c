/*
 * webhook_target.c
 *	  The endpoint of one of our webhooks as a target of requests: its URL, its
 *	  signing secret and the headers that its maker wants.
 */
#include "client/webhook_target.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/text.h"

#define MAX_HEADERS		 20
#define MAX_HEADER_NAME	 256
#define MAX_HEADER_VALUE 4096

static const target_words words = {
	.what = "the webhook's endpoint",
	.no_url = "the webhook's endpoint is not a URL without user name; change it to one like https://example.com/events",
	.scheme = "the webhook's endpoint does not begin with https://; change it to one that does",
};

static const char bad_headers[] =
	"the webhook's headers are not an array of at most 20 objects with a key, of the characters of a header's name, "
	"and a value, of printable ASCII characters; change them";

/* What a request is made of, and what is ours to say: a header of the maker's is left out. */
static const char *const reserved[] = {
	"Host", "Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "X-Validation-Token",
};
static const char *const reserved_fronts[] = {"Content-", "Proxy-", "X-Hub-"};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_reserved(const char *name)
{
	for (size_t i = 0; i < LENGTH(reserved); i++)
		if (strcasecmp(name, reserved[i]) == 0)
			return true;
	for (size_t i = 0; i < LENGTH(reserved_fronts); i++)
		if (strncasecmp(name, reserved_fronts[i], strlen(reserved_fronts[i])) == 0)
			return true;
	return false;
}

static bool
add_header(target *t, const json_t *header)
{
	const json_t *key = json_object_get(header, "key");
	const json_t *value = json_object_get(header, "value");
	wc_str name = {json_string_value(key), (uint32_t) json_string_length(key)};
	wc_str v = {json_string_value(value), (uint32_t) json_string_length(value)};
	size_t size;
	char *line;

	if (!json_is_string(key) || !json_is_string(value) || name.len == 0 || name.len > MAX_HEADER_NAME ||
		!text_is_of(name.p, name.len, TEXT_TOKEN) || v.len > MAX_HEADER_VALUE || !text_is_ascii(v.p, v.len, ' '))
		return false;
	if (is_reserved(name.p))
		return true;
	v = text_trim(v.p, v.len);
	size = (size_t) name.len + v.len + 3;
	line = net_alloc(size);
	/* libcurl takes a line without a value for the wish to send no such header. */
	if (v.len == 0)
		(void) snprintf(line, size, "%s;", name.p);
	else
		(void) snprintf(line, size, "%s: %.*s", name.p, (int) v.len, v.p);
	target_add_header(t, line);
	free(line);
	return true;
}

static bool
add_headers(target *t, const json_t *headers)
{
	if (!json_is_array(headers) || json_array_size(headers) > MAX_HEADERS)
		return false;
	for (size_t i = 0; i < json_array_size(headers); i++)
		if (!add_header(t, json_array_get(headers, i)))
			return false;
	return true;
}

target *
webhook_target_new(const wc_webhook_put *put)
{
	target *t = target_new(&words, put->endpoint, put->secret);
	json_t *headers;

	if (put->headers.len == 0)
		return t;
	headers = json_loadb(put->headers.p, put->headers.len, JSON_ALLOW_NUL, NULL);
	if (!add_headers(t, headers) && t->defect_text == NULL)
		target_set_defect(t, WC_OUT_REFUSED, bad_headers);
	json_decref(headers);
	return t;
}
