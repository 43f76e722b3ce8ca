/*
 * target.h
 *	  Where requests go, and with which secret and headers: a hub's REST API, or
 *	  the endpoint of one of our webhooks.
 */
#ifndef NET_TARGET_H
#define NET_TARGET_H

#include <curl/curl.h>

#include "common/corridor.h"

/*
 * Never changed once made: a new address makes a new one, and requests under way
 * hold on to theirs.
 */
typedef struct target
{
	uint32_t refs;
	const char *what;			/* static: what the URL is, for texts */
	char *url;					/* a hub's api_url, which paths are put behind; a webhook's endpoint */
	char *secret;				/* a hub's API key; a webhook's signing secret, may be empty */
	char *host;					/* for texts: host, or host:port */
	struct curl_slist *headers; /* those that are the same in each request; Content-Type is first */
	wc_outcome_result defect;
	const char *defect_text; /* static; NULL: it can be used */
	bool https;
} target;

/* The sentences for what cannot be a URL of that kind. */
typedef struct target_words
{
	const char *what;
	const char *no_url;
	const char *scheme;
	const char *query; /* NULL: it may have one */
} target_words;

extern target *target_new(const target_words *words, wc_str url, wc_str secret);
extern void target_set_defect(target *t, wc_outcome_result result, const char *text);
extern void target_add_header(target *t, const char *line);

/*
 * Why libcurl could not reach it, and what to do about it, for a person.  error:
 * what it said by CURLOPT_ERRORBUFFER, or empty.
 */
extern void target_explain(const target *t, CURLcode code, const char *error, char *text, size_t size);
extern target *target_hold(target *t);
extern void target_release(target *t);

/* A hub's REST API, by its address and key; is it that one already? */
extern target *target_of_hub(const wc_hub_put *put);
extern bool target_is_of_hub(const target *t, const wc_hub_put *put);

#endif /* NET_TARGET_H */
