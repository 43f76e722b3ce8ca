/*
 * demo_page.c
 *	  The page GET /demo: see demo_page.h.
 *
 * Its policy allows the widget's script and style and nothing else that could
 * run, as the strictest customer's page would.
 */
#include "http/demo_page.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/assets.h"
#include "ws/ws_handshake.h"
#include "common/origin.h"

#define SCRIPT_PATH "/chat-widget.umd.js"

/* The longest base URL, as webchatt.public_url has it. */
#define MAX_BASE 1024

/* Where a browser finds us. */
typedef struct demo_urls
{
	char origin[WC_ORIGIN_SIZE];
	char ws_origin[WC_ORIGIN_SIZE];
	char base[MAX_BASE + 1]; /* the origin as it was given, and a path */
	char ws_base[MAX_BASE + 1];
} demo_urls;

/* The setting as it is, its origin checked. */
static bool
take_public_url(const char *url, demo_urls *urls)
{
	const char *authority = strstr(url, "://");
	const char *unused;
	size_t len = strlen(url);

	if (authority == NULL || len > MAX_BASE)
		return false;
	authority += 3;
	memcpy(urls->base, url, len + 1);
	return wc_origin_normalize(url, (size_t) (authority - url) + strcspn(authority, "/"), urls->origin, &unused);
}

/* The door itself speaks no TLS, so who asks by Host alone came by http. */
static bool
take_host(head_value host, demo_urls *urls)
{
	char url[WC_ORIGIN_SIZE];
	const char *unused;

	if (host.p == NULL || host.len + sizeof("http://") > sizeof(url) || memchr(host.p, '/', host.len) != NULL)
		return false;
	snprintf(url, sizeof(url), "http://%.*s", (int) host.len, host.p);
	if (!wc_origin_normalize(url, strlen(url), urls->origin, &unused))
		return false;
	memcpy(urls->base, urls->origin, sizeof(urls->origin));
	return true;
}

static bool
find_urls(const char *public_url, head_value host, demo_urls *urls, const char **reason)
{
	if (public_url[0] != '\0' && !take_public_url(public_url, urls))
	{
		*reason = "webchatt.public_url is no http or https URL; set it to what browsers reach this server by.";
		return false;
	}
	if (public_url[0] == '\0' && !take_host(host, urls))
	{
		*reason = "The Host header must be a host's name or address and its port.";
		return false;
	}
	/* http becomes ws, and https wss. */
	snprintf(urls->ws_base, sizeof(urls->ws_base), "ws%s", urls->base + 4);
	snprintf(urls->ws_origin, sizeof(urls->ws_origin), "ws%s", urls->origin + 4);
	return true;
}

/* Text for HTML, also within an attribute's single quotes. */
static void
put_html(FILE *f, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
	{
		switch (text[i])
		{
			case '&':
				fputs("&amp;", f);
				break;
			case '<':
				fputs("&lt;", f);
				break;
			case '>':
				fputs("&gt;", f);
				break;
			case '\'':
				fputs("&#39;", f);
				break;
			default:
				fputc(text[i], f);
		}
	}
}

/* Within double quotes too. */
static void
put_quoted(FILE *f, const char *text, size_t len)
{
	const char *quote;

	while (len > 0 && (quote = memchr(text, '"', len)) != NULL)
	{
		put_html(f, text, (size_t) (quote - text));
		fputs("&quot;", f);
		len -= (size_t) (quote + 1 - text);
		text = quote + 1;
	}
	put_html(f, text, len);
}

/* The widget's tag, as webchatt.widget_script() gives it (doc/hub-contract.md, section 1). */
static bool
put_script(FILE *f, const channel *ch, const demo_urls *urls)
{
	char endpoint[MAX_BASE + sizeof(WS_PATH)];
	json_t *config;
	char *text;

	snprintf(endpoint, sizeof(endpoint), "%s" WS_PATH, urls->ws_base);
	config = json_pack("{s:s%, s:s}", "webChatId", ch->public_key.p, (size_t) ch->public_key.len, "endpoint", endpoint);
	text = config ? json_dumps(config, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	json_decref(config);
	if (text == NULL)
		return false;
	fputs("<script src=\"", f);
	put_quoted(f, urls->base, strlen(urls->base));
	fputs(SCRIPT_PATH "\" data-config='", f);
	put_html(f, text, strlen(text));
	fputs("'></script>", f);
	free(text);
	return true;
}

/* The template with its two places filled in, once: a name that holds one is a name. */
static bool
put_page(FILE *f, const channel *ch, const demo_urls *urls)
{
	const asset *template = asset_find(ASSET_DEMO_PAGE, strlen(ASSET_DEMO_PAGE));
	const char *p = (const char *) template->bytes;
	const char *end = p + template->len;
	const char *place;

	while ((place = memmem(p, (size_t) (end - p), "{{", 2)) != NULL)
	{
		fwrite(p, 1, (size_t) (place - p), f);
		p = place;
		if ((size_t) (end - p) >= 10 && memcmp(p, "{{script}}", 10) == 0)
		{
			if (!put_script(f, ch, urls))
				return false;
			p += 10;
		}
		else if ((size_t) (end - p) >= 8 && memcmp(p, "{{name}}", 8) == 0)
		{
			put_quoted(f, ch->display_name.p, ch->display_name.len);
			p += 8;
		}
		else
		{
			fputs("{{", f);
			p += 2;
		}
	}
	fwrite(p, 1, (size_t) (end - p), f);
	return true;
}

static void
add_headers(struct MHD_Response *response, const demo_urls *urls)
{
	char policy[512 + 2 * WC_ORIGIN_SIZE];

	snprintf(policy, sizeof(policy),
			 "default-src 'none'; script-src 'self' %s; style-src 'self'; "
			 "img-src https: http: data:; media-src https: http:; connect-src 'self' %s; "
			 "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			 urls->origin, urls->ws_origin);
	MHD_add_response_header(response, "Content-Security-Policy", policy);
	MHD_add_response_header(response, "Referrer-Policy", "strict-origin-when-cross-origin");
	MHD_add_response_header(response, "Cache-Control", "no-store");
}

bool
demo_page(const channel *ch, const char *public_url, head_value host, answer *page, const char **reason)
{
	demo_urls urls;
	char *text = NULL;
	size_t len;
	FILE *f;
	bool good;

	if (!find_urls(public_url, host, &urls, reason))
		return false;
	f = open_memstream(&text, &len);
	good = f != NULL && put_page(f, ch, &urls);
	if (f != NULL && fclose(f) != 0)
		good = false;
	if (!good)
	{
		free(text);
		*page = answer_refusal(REFUSE_NOTHING);
		return true;
	}
	*page = answer_text(text, len, "text/html; charset=utf-8");
	if (page->owned)
		add_headers(page->response, &urls);
	return true;
}
