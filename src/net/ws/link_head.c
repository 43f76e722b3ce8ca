/*
 * link_head.c
 */
#include "ws/link_head.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/text.h"
#include "common/version.h"

#define VERSION "HTTP/1.1 "

/* What a Retry-After is cut to. */
#define MAX_PAUSE_S 100000000u

/* An answer's head as it is read. */
typedef struct reading
{
	link_answer *answer;
	const char *accept;
	int upgrades;
	int connections;
	int accepts;
	int protocols;
	bool good_upgrade;
	bool good_connection;
	bool good_accept;
	bool good_protocol;
	bool extension;
} reading;

bool
link_head_nonce(char key[25], char accept[WS_ACCEPT_SIZE])
{
	unsigned char chance[16];

	if (getrandom(chance, sizeof(chance), 0) != sizeof(chance))
		return false;
	EVP_EncodeBlock((unsigned char *) key, chance, sizeof(chance));
	return ws_handshake_accept((wc_str){key, 24}, accept);
}

/* The part of a URL, for curl_free(); NULL: there is none. */
static char *
url_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	unsigned flags = 0;

#if LIBCURL_VERSION_NUM >= 0x075800
	/* a name that is not ASCII goes into Host as it goes to the name service */
	if (part == CURLUPART_HOST)
		flags = CURLU_PUNYCODE;
#endif
	return curl_url_get(url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

static char *
write_request(CURLU *url, const char *api_key, const char *key)
{
	char *host = url_part(url, CURLUPART_HOST);
	char *port = url_part(url, CURLUPART_PORT);
	char *path = url_part(url, CURLUPART_PATH);
	char *request = NULL;

	if (host != NULL && path != NULL && text_is_ascii(host, strlen(host), '!') &&
		text_is_ascii(path, strlen(path), '!') && text_is_ascii(api_key, strlen(api_key), '!'))
	{
		size_t path_len = strlen(path);
		size_t size = strlen(host) + path_len + strlen(api_key) + 512;
		int n;

		/* libcurl makes a path of none a slash */
		while (path_len > 0 && path[path_len - 1] == '/')
			path_len--;
		request = net_alloc(size);
		n = snprintf(request, size,
					 "GET %.*s" WS_LINK_PATH " HTTP/1.1\r\n"
					 "Host: %s%s%s\r\n"
					 "Upgrade: websocket\r\n"
					 "Connection: Upgrade\r\n"
					 "Sec-WebSocket-Version: 13\r\n"
					 "Sec-WebSocket-Key: %s\r\n"
					 "Sec-WebSocket-Protocol: " WS_LINK_PROTOCOL "\r\n"
					 "x-api-key: %s\r\n"
					 "User-Agent: " WC_USER_AGENT "\r\n\r\n",
					 (int) path_len, path, host, port ? ":" : "", port ? port : "", key, api_key);
		if (n < 0 || (size_t) n >= size)
		{
			free(request);
			request = NULL;
		}
	}
	curl_free(host);
	curl_free(port);
	curl_free(path);
	return request;
}

char *
link_head_request(const char *api_url, const char *api_key, const char *key)
{
	CURLU *url = curl_url();
	char *request = NULL;

	if (url != NULL && strlen(api_url) <= LINK_HEAD_MAX &&
		curl_url_set(url, CURLUPART_URL, api_url, CURLU_DISALLOW_USER | CURLU_URLENCODE) == CURLUE_OK)
		request = write_request(url, api_key, key);
	curl_url_cleanup(url);
	return request;
}

bool
link_head_begins(const char *data, size_t len)
{
	size_t n = sizeof(VERSION) - 1;

	return memcmp(data, VERSION, len < n ? len : n) == 0;
}

static void
read_field(reading *r, wc_str name, wc_str value)
{
	uint64_t seconds = 0;

	if (text_is(name, "Upgrade"))
	{
		r->upgrades++;
		r->good_upgrade = text_is(value, "websocket");
	}
	else if (text_is(name, "Connection"))
	{
		r->connections++;
		r->good_connection |= text_list_has(value, "upgrade", true);
	}
	else if (text_is(name, "Sec-WebSocket-Accept"))
	{
		r->accepts++;
		r->good_accept = wc_str_equals(value, r->accept);
	}
	else if (text_is(name, "Sec-WebSocket-Protocol"))
	{
		r->protocols++;
		r->good_protocol = wc_str_equals(value, WS_LINK_PROTOCOL);
	}
	else if (text_is(name, "Sec-WebSocket-Extensions"))
		r->extension = true;
	else if (text_is(name, "Retry-After"))
	{
		(void) text_number(value.p, value.len, UINT64_MAX, &seconds);
		r->answer->retry_after_s = seconds < MAX_PAUSE_S ? (uint32_t) seconds : MAX_PAUSE_S;
	}
}

/* "HTTP/1.1 101" and, behind a blank, whatever the hub calls that; 0: it is something else. */
static uint32_t
read_status(wc_str line)
{
	const size_t at = sizeof(VERSION) - 1;
	uint64_t status = 0;

	if (line.len < at + 3 || !link_head_begins(line.p, line.len) || (line.len > at + 3 && line.p[at + 3] != ' '))
		return 0;
	(void) text_number(line.p + at, 3, 999, &status);
	return (uint32_t) status;
}

/* The rules of a 101, each with what to say of one that breaks it. */
static const char *
check_101(const reading *r)
{
	if (r->upgrades != 1 || !r->good_upgrade)
		return "answered 101 without Upgrade: websocket";
	if (r->connections == 0 || !r->good_connection)
		return "answered 101 without Connection: Upgrade";
	if (r->accepts != 1 || !r->good_accept)
		return "answered 101 with a wrong Sec-WebSocket-Accept";
	if (r->protocols != 1 || !r->good_protocol)
		return "answered 101 without the sub-protocol " WS_LINK_PROTOCOL;
	if (r->extension)
		return "answered 101 with an extension that was not asked for";
	return NULL;
}

void
link_head_read(const char *data, size_t len, const char *accept, link_answer *answer)
{
	reading r = {.answer = answer, .accept = accept};
	const char *at = data;
	ws_handshake_line line;

	memset(answer, 0, sizeof(*answer));
	while (ws_handshake_next(&at, data + len - 2, &line)) /* the empty line */
	{
		if (line.text.p == data)
			answer->status = read_status(line.text);
		else if (!text_is_of(line.name.p, line.name.len, TEXT_TOKEN) || line.name.len == 0)
			answer->bad = "answered with a head that breaks the rules of HTTP";
		else
			read_field(&r, line.name, text_trim(line.value.p, line.value.len));
		if (answer->status == 0)
			answer->bad = "answered with something that is not HTTP/1.1";
		if (answer->bad != NULL)
			return;
	}
	answer->bad = answer->status == 101 ? check_101(&r) : "did not open a link";
}
