/*
 * link_head.c
 *	  The opening handshake of a link, the client's end: see link_head.h.
 */
#include "ws/link_head.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "common/version.h"

#define VERSION "HTTP/1.1 "

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

static bool
visible(const char *s)
{
	for (; *s; s++)
	{
		if ((unsigned char) *s < 0x21 || (unsigned char) *s > 0x7e)
			return false;
	}
	return true;
}

static char *
write_request(CURLU *url, const char *api_key, const char *key)
{
	char *host = url_part(url, CURLUPART_HOST);
	char *port = url_part(url, CURLUPART_PORT);
	char *path = url_part(url, CURLUPART_PATH);
	char *request = NULL;

	if (host != NULL && path != NULL && visible(host) && visible(path) && visible(api_key))
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

	if (url != NULL && strlen(api_url) <= WS_HEAD_MAX &&
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

static bool
equals(const char *s, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(s, word, len) == 0;
}

/* Is "upgrade" among the comma-separated words? */
static bool
says_upgrade(const char *s, size_t len)
{
	const char *end = s + len;

	while (s < end)
	{
		const char *word = s;
		const char *stop;

		while (s < end && *s != ',')
			s++;
		for (stop = s; stop > word && (stop[-1] == ' ' || stop[-1] == '\t'); stop--)
			;
		while (word < stop && (*word == ' ' || *word == '\t'))
			word++;
		if (equals(word, (size_t) (stop - word), "upgrade"))
			return true;
		s++;
	}
	return false;
}

static uint32_t
whole_seconds(const char *s, size_t len)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < len; i++)
	{
		if (s[i] < '0' || s[i] > '9')
			return 0;
		if (n < 100000000)
			n = n * 10 + (uint32_t) (s[i] - '0');
	}
	return n;
}

static void
read_field(reading *r, const char *name, size_t name_len, const char *value, size_t len)
{
	while (len > 0 && (*value == ' ' || *value == '\t'))
	{
		value++;
		len--;
	}
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	if (equals(name, name_len, "Upgrade"))
	{
		r->upgrades++;
		r->good_upgrade = equals(value, len, "websocket");
	}
	else if (equals(name, name_len, "Connection"))
	{
		r->connections++;
		r->good_connection |= says_upgrade(value, len);
	}
	else if (equals(name, name_len, "Sec-WebSocket-Accept"))
	{
		r->accepts++;
		r->good_accept = len == strlen(r->accept) && memcmp(value, r->accept, len) == 0;
	}
	else if (equals(name, name_len, "Sec-WebSocket-Protocol"))
	{
		r->protocols++;
		r->good_protocol = len == strlen(WS_LINK_PROTOCOL) && memcmp(value, WS_LINK_PROTOCOL, len) == 0;
	}
	else if (equals(name, name_len, "Sec-WebSocket-Extensions"))
		r->extension = true;
	else if (equals(name, name_len, "Retry-After"))
		r->answer->retry_after_s = whole_seconds(value, len);
}

/* A field's name: letters, digits, and the marks of RFC 9110's tokens. */
static bool
is_name(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
	{
		char c = s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			  (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL)))
			return false;
	}
	return len > 0;
}

/* "HTTP/1.1 101" and, behind a blank, whatever the hub calls that. */
static bool
read_status(const char *line, size_t len, uint32_t *status)
{
	const char *digits = line + sizeof(VERSION) - 1;
	int i;

	if (len < sizeof(VERSION) - 1 + 3 || !link_head_begins(line, len))
		return false;
	for (i = 0; i < 3; i++)
	{
		if (digits[i] < '0' || digits[i] > '9')
			return false;
		*status = *status * 10 + (uint32_t) (digits[i] - '0');
	}
	return len == sizeof(VERSION) - 1 + 3 || digits[3] == ' ';
}

/* The rules of a 101, each with what to say of one that breaks it. */
static const char *
judge(const reading *r)
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
	const char *end = data + len - 2; /* the empty line */
	const char *line = data;

	memset(answer, 0, sizeof(*answer));
	while (line < end)
	{
		const char *stop = memchr(line, '\r', (size_t) (end - line));
		const char *colon;

		if (stop == NULL)
			break;
		colon = memchr(line, ':', (size_t) (stop - line));
		if (line == data)
		{
			if (!read_status(line, (size_t) (stop - line), &answer->status))
			{
				answer->status = 0;
				answer->bad = "answered with something that is not HTTP/1.1";
				return;
			}
		}
		else if (colon == NULL || !is_name(line, (size_t) (colon - line)))
		{
			answer->bad = "answered with a head that breaks the rules of HTTP";
			return;
		}
		else
			read_field(&r, line, (size_t) (colon - line), colon + 1, (size_t) (stop - colon - 1));
		line = stop + 2;
	}
	answer->bad = answer->status == 101 ? judge(&r) : "did not open a link";
}
