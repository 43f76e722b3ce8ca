/*
 * target.c
 *	  Where requests go: what hubs and the endpoints of webhooks have in common.
 */
#include "client/target.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/alloc.h"
#include "base/text.h"

void
target_set_defect(target *t, wc_outcome_result result, const char *text)
{
	t->defect = result;
	t->defect_text = text;
}

void
target_add_header(target *t, const char *line)
{
	struct curl_slist *list = curl_slist_append(t->headers, line);

	if (list == NULL)
		target_set_defect(t, WC_OUT_RETRY, "webchatt-net has no memory for the request's headers");
	else
		t->headers = list;
}

/* Take the address apart: what cannot be one is said once here, not by libcurl. */
static void
check_url(target *t, const target_words *words, CURLU *url)
{
	char *scheme = NULL;
	char *host = NULL;
	char *port = NULL;
	char *part = NULL;

	if (curl_url_set(url, CURLUPART_URL, t->url, CURLU_DISALLOW_USER) != CURLUE_OK ||
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
		curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		target_set_defect(t, WC_OUT_UNREACHABLE, words->no_url);
	else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
		target_set_defect(t, WC_OUT_UNREACHABLE, words->scheme);
	else if (words->query != NULL && (curl_url_get(url, CURLUPART_QUERY, &part, 0) == CURLUE_OK ||
									  curl_url_get(url, CURLUPART_FRAGMENT, &part, 0) == CURLUE_OK))
		target_set_defect(t, WC_OUT_UNREACHABLE, words->query);
	else
	{
		size_t size = strlen(host) + 16;

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

target *
target_new(const target_words *words, wc_str url, wc_str secret)
{
	target *t = net_alloc(sizeof(target));
	CURLU *parts = curl_url();

	t->refs = 1;
	t->what = words->what;
	t->url = text_copy(url);
	t->secret = text_copy(secret);
	if (parts != NULL)
		check_url(t, words, parts);
	else
		target_set_defect(t, WC_OUT_RETRY, "webchatt-net has no memory for a URL");
	curl_url_cleanup(parts);
	if (t->host == NULL)
		t->host = text_copy(wc_str_from(words->what));
	target_add_header(t, "Content-Type: application/json");
	/* libcurl would ask before it sends a large body, a round trip each. */
	target_add_header(t, "Expect:");
	return t;
}

static const char *
advice(CURLcode code)
{
	switch (code)
	{
		case CURLE_PEER_FAILED_VERIFICATION:
			return "; if its certificate is from an authority of your own, name that in webchatt.ca_file";
		case CURLE_SSL_CACERT_BADFILE:
			return "; check webchatt.ca_file";
		case CURLE_COULDNT_RESOLVE_HOST:
			return " and this machine's name service";
		default:
			return "";
	}
}

void
target_explain(const target *t, CURLcode code, const char *error, char *text, size_t size)
{
	bool unresolved = code == CURLE_COULDNT_RESOLVE_HOST;

	(void) snprintf(text, size, "%s: %s%s%s%s", t->host, error[0] != '\0' ? error : curl_easy_strerror(code),
					unresolved ? "; check " : "", unresolved ? t->what : "", advice(code));
}

target *
target_hold(target *t)
{
	t->refs++;
	return t;
}

void
target_release(target *t)
{
	if (t == NULL || --t->refs > 0)
		return;
	/* in the headers: API keys, and what people put there */
	for (const struct curl_slist *h = t->headers; h != NULL; h = h->next)
		OPENSSL_cleanse(h->data, strlen(h->data));
	OPENSSL_cleanse(t->secret, strlen(t->secret));
	curl_slist_free_all(t->headers);
	free(t->url);
	free(t->secret);
	free(t->host);
	free(t);
}

/* ---- a hub's REST API ---- */

static const target_words hub_words = {
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
	if (!text_is_ascii(key.p, key.len, '!'))
		target_set_defect(t, WC_OUT_UNAUTHORIZED,
						  "the hub's API key has a blank, a control or a non-ASCII character in it; call "
						  "webchatt.connect_hub() with a valid one");
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
	target *t = target_new(&hub_words, without_slashes(put->api_url), put->api_key);
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

bool
target_is_of_hub(const target *t, const wc_hub_put *put)
{
	return wc_str_equals(without_slashes(put->api_url), t->url) && wc_str_equals(put->api_key, t->secret);
}
