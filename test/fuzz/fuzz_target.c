/*
 * fuzz_target.c
 *	  Where an API key's holder sends our webhooks, and a hub's address: what can
 *	  be used is a URL of http with a host, and headers of one line each that say
 *	  nothing which is ours to say.
 */
#include <strings.h>

#include "client/webhook_target.h"
#include "fuzz.h"

static void
check_line(const char *line)
{
	static const char *const ours[] = {"Host:",
									   "Content-Length:",
									   "Transfer-Encoding:",
									   "Connection:",
									   "X-Hub-Signature:",
									   "Proxy-Authorization:",
									   "X-Validation-Token:",
									   "TE:",
									   "Upgrade:"};

	for (const char *p = line; *p != '\0'; p++)
		MUST((uint8_t) *p >= 0x20 && (uint8_t) *p < 0x7F);
	MUST(strchr(line, ':') != NULL || line[strlen(line) - 1] == ';');
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		MUST(strncasecmp(line, ours[i], strlen(ours[i])) != 0);
}

static void
check_usable(const target *t)
{
	const struct curl_slist *h = t->headers;
	int n = 0;

	MUST(strncasecmp(t->url, "http", 4) == 0 || strstr(t->url, "://") == NULL);
	MUST(t->host[0] != '\0');
	for (const char *p = t->host; *p != '\0'; p++)
		MUST((uint8_t) *p > 0x20 && *p != 0x7F);
	MUST(h != NULL && strcmp(h->data, "Content-Type: application/json") == 0);
	MUST(h->next != NULL && strcmp(h->next->data, "Expect:") == 0);
	for (h = h->next->next; h != NULL; h = h->next)
	{
		check_line(h->data);
		n++;
	}
	MUST(n <= 20);
}

static void
check(target *t)
{
	MUST(t != NULL && t->what != NULL && t->host != NULL && t->url != NULL);
	if (t->defect_text == NULL)
		check_usable(t);
	else
		fuzz_sentence(t->defect_text, 1024);
	target_release(t);
}

/* The input: a URL, a secret, and a webhook's headers in JSON, on lines of their own. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wc_webhook_put webhook = {.webhook = 1};
	wc_hub_put hub = {.hub = 1, .name = {"hub", 3}};
	size_t len;
	const uint8_t *line = fuzz_line(&data, &size, &len);
	char *url = fuzz_exact(line, len);
	char *secret;
	char *headers;

	webhook.endpoint = hub.api_url = (wc_str){url, (uint32_t) len};
	line = fuzz_line(&data, &size, &len);
	secret = fuzz_exact(line, len);
	webhook.secret = hub.api_key = (wc_str){secret, (uint32_t) len};
	headers = fuzz_exact(data, size);
	webhook.headers = (wc_str){headers, (uint32_t) size};
	check(webhook_target_new(&webhook));
	check(target_of_hub(&hub));
	free(headers);
	free(secret);
	free(url);
	return 0;
}
