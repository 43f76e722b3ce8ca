/*
 * target.c
 *	  Where requests go: what hubs and the endpoints of webhooks have in common.
 */
#include "client/target.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/alloc.h"

static char *
copy_str(wc_str s)
{
	char *copy = net_alloc((size_t) s.len + 1);

	if (s.len > 0)
		memcpy(copy, s.p, s.len);
	return copy;
}

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
	t->url = copy_str(url);
	t->secret = copy_str(secret);
	if (parts != NULL)
		check_url(t, words, parts);
	else
		target_set_defect(t, WC_OUT_RETRY, "webchatt-net has no memory for a URL");
	curl_url_cleanup(parts);
	if (t->host == NULL)
		t->host = copy_str(wc_str_from(words->what));
	target_add_header(t, "Content-Type: application/json");
	/* libcurl would ask before it sends a large body, a round trip each. */
	target_add_header(t, "Expect:");
	return t;
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
