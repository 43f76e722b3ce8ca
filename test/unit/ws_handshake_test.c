/*
 * ws_handshake_test.c
 *	  The head of a WebSocket's opening request: what is let through, and what
 *	  is refused with which reason.
 */
#include <stdlib.h>
#include <string.h>

#include "ws/ws_handshake.h"
#include "tap.h"

#define LINE	"GET /communication/web-chatt2me/ws?webChatId=pk HTTP/1.1\r\n"
#define HOST	"Host: h\r\n"
#define ASKS	"Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define SPEAKS	"Sec-WebSocket-Protocol: web-chatt2me.v1\r\n"
#define REST	ASKS VERSION KEY SPEAKS

#define LINK_LINE	"GET /communication/web-chatt2me/events HTTP/1.1\r\n"
#define LINK_SPEAKS "Sec-WebSocket-Protocol: web-chatt2me.events.v1\r\n"

typedef struct head_case
{
	const char *name;
	const char *head; /* without the empty line */
	refusal verdict;
} head_case;

static const head_case cases[] =
	{
		{"all that is needed", LINE HOST REST, REFUSE_NOTHING},
		{"names in any case", LINE "hOST: h\r\nUPGRADE: WebSocket\r\nconnection: a, uPGRADE\r\n" VERSION KEY SPEAKS,
		 REFUSE_NOTHING},
		{"blanks around values", LINE "Host:h  \r\nUpgrade:\twebsocket\t\r\nConnection: Upgrade\r\n" VERSION KEY SPEAKS,
		 REFUSE_NOTHING},
		{"Content-Length: 0", LINE HOST REST "Content-Length: 0\r\n", REFUSE_NOTHING},
		{"a body", LINE HOST REST "Content-Length: 1\r\n", REFUSE_HEAD},
		{"a chunked body", LINE HOST REST "Transfer-Encoding: chunked\r\n", REFUSE_HEAD},
		{"no Host", LINE REST, REFUSE_HEAD},
		{"two Hosts", LINE HOST HOST REST, REFUSE_HEAD},
		{"two keys", LINE HOST REST KEY, REFUSE_HEAD},
		{"two versions", LINE HOST REST VERSION, REFUSE_HEAD},
		{"two origins", LINE HOST REST "Origin: http://a\r\nOrigin: http://a\r\n", REFUSE_HEAD},
		{"no key", LINE HOST ASKS VERSION SPEAKS, REFUSE_HEAD},
		{"a key whose last bits are not 0",
		 LINE HOST ASKS VERSION SPEAKS "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n", REFUSE_HEAD},
		{"no Upgrade", LINE HOST "Connection: Upgrade\r\n" VERSION KEY SPEAKS, REFUSE_UPGRADE},
		{"Upgrade of something else", LINE HOST "Upgrade: websocket2\r\nConnection: Upgrade\r\n" VERSION KEY SPEAKS,
		 REFUSE_UPGRADE},
		{"another version", LINE HOST ASKS KEY SPEAKS "Sec-WebSocket-Version: 12\r\n", REFUSE_WS_VERSION},
		{"no sub-protocol", LINE HOST ASKS VERSION KEY, REFUSE_WS_PROTOCOL},
		{"a sub-protocol in another case", LINE HOST ASKS VERSION KEY "Sec-WebSocket-Protocol: WEB-chatt2me.v1\r\n",
		 REFUSE_WS_PROTOCOL},
		{"another method", "PUT /x HTTP/1.1\r\n" HOST REST, REFUSE_HEAD},
		{"HTTP/1.0", "GET /x HTTP/1.0\r\n" HOST REST, REFUSE_HEAD},
		{"a blank too many", "GET  /x HTTP/1.1\r\n" HOST REST, REFUSE_HEAD},
		{"no target", "GET HTTP/1.1\r\n" HOST REST, REFUSE_HEAD},
		{"a control character in the target", "GET /x\x01 HTTP/1.1\r\n" HOST REST, REFUSE_HEAD},
		{"no colon", LINE HOST REST "X\r\n", REFUSE_HEAD},
		{"an empty head", "", REFUSE_HEAD},
		{"the links' sub-protocol", LINE HOST ASKS VERSION KEY LINK_SPEAKS, REFUSE_WS_PROTOCOL},
},
					   link_cases[] = {
						   {"all that a link needs", LINK_LINE HOST ASKS VERSION KEY LINK_SPEAKS, REFUSE_NOTHING},
						   {"with a key, which is not judged here",
							LINK_LINE HOST ASKS VERSION KEY LINK_SPEAKS "x-api-key: k\r\n", REFUSE_NOTHING},
						   {"two x-api-keys",
							LINK_LINE HOST ASKS VERSION KEY LINK_SPEAKS "x-api-key: k\r\nX-API-KEY: k\r\n",
							REFUSE_HEAD},
						   {"both sub-protocols", LINK_LINE HOST ASKS VERSION KEY SPEAKS LINK_SPEAKS, REFUSE_NOTHING},
						   {"the visitors' sub-protocol", LINK_LINE HOST REST, REFUSE_WS_PROTOCOL},
						   {"no sub-protocol for a link", LINK_LINE HOST ASKS VERSION KEY, REFUSE_WS_PROTOCOL},
						   {"a link without Upgrade", LINK_LINE HOST VERSION KEY LINK_SPEAKS, REFUSE_UPGRADE},
						   {"a link with a body", LINK_LINE HOST ASKS VERSION KEY LINK_SPEAKS "Content-Length: 1\r\n",
							REFUSE_HEAD},
};

static void
verdict(const head_case *c, bool link)
{
	size_t len = strlen(c->head) + 2;
	char *text = malloc(len);
	ws_handshake head = {.link = link};
	const char *why;
	refusal found;

	memcpy(text, c->head, len - 2);
	memcpy(text + len - 2, "\r\n", 2);
	found = ws_handshake_read(&head, text, len, &why);
	ok(found == c->verdict, "%s", c->name);
	if (link && found == REFUSE_WS_PROTOCOL)
		ok(why != NULL && strstr(why, WS_LINK_PROTOCOL) != NULL, "%s: says which", c->name);
	free(text);
}

static void
verdicts(void)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		verdict(&cases[i], false);
	for (i = 0; i < sizeof(link_cases) / sizeof(link_cases[0]); i++)
		verdict(&link_cases[i], true);
}

/* The key that opens a link is found, as it came. */
static void
api_key(void)
{
	static const char text[] = LINK_LINE HOST REST LINK_SPEAKS "X-Api-Key:  wck_x y \r\n\r\n";
	ws_handshake head = {.link = true};
	const char *why;

	ok(ws_handshake_read(&head, text, sizeof(text) - 1, &why) == REFUSE_NOTHING && head.facts.api_key.len == 7 &&
		   memcmp(head.facts.api_key.p, "wck_x y", 7) == 0,
	   "x-api-key");
}

static void
keys(void)
{
	static const struct
	{
		const char *query;
		const char *key; /* NULL: none */
	} q[] = {
		{"?webChatId=a-_Z9", "a-_Z9"},
		{"?x=1&webChatId=k", "k"},
		{"?webChatId=k&x", "k"},
		{"", NULL},
		{"?", NULL},
		{"?webChatId", NULL},
		{"?webChatId=", NULL},
		{"?webChatId=a%62", NULL},
		{"?webchatid=k", NULL},
		{"?webChatId=k&webChatId=k", NULL},
		{"?webChatId=k&webChatId=l&webChatId=m", NULL},
		{"?xwebChatId=k", NULL},
	};
	size_t i;

	for (i = 0; i < sizeof(q) / sizeof(q[0]); i++)
	{
		char text[512];
		ws_handshake head = {.upgrade = false};
		const char *why;
		int len = snprintf(text, sizeof(text), "GET /ws%s HTTP/1.1\r\n" HOST REST "\r\n", q[i].query);

		ws_handshake_read(&head, text, (size_t) len, &why);
		ok(q[i].key ? head.public_key.len == strlen(q[i].key) &&
						  memcmp(head.public_key.p, q[i].key, head.public_key.len) == 0
					: head.public_key.p == NULL,
		   "the public key in \"%s\"", q[i].query);
	}
}

static void
scans(void)
{
	static const struct
	{
		const char *text;
		size_t len;
		ws_handshake_state state;
	} s[] = {
		{"a\r\nb\r\n\r\nrest", 12, WS_HEAD_WHOLE},
		{"a\r\nb\r\n\r", 7, WS_HEAD_MORE},
		{"", 0, WS_HEAD_MORE},
		{"a\n", 2, WS_HEAD_BROKEN},
		{"\n", 1, WS_HEAD_BROKEN},
		{"a\rb", 3, WS_HEAD_BROKEN},
		{"a\0b", 3, WS_HEAD_BROKEN},
		{"a\r\n b", 5, WS_HEAD_BROKEN},
		{"a\r\n\tb", 5, WS_HEAD_BROKEN},
	};
	const char *why;
	char *big = malloc(HTTP_HEAD_MAX);
	size_t used = 0;
	size_t i;

	for (i = 0; i < sizeof(s) / sizeof(s[0]); i++)
		ok(ws_handshake_scan(s[i].text, s[i].len, HTTP_HEAD_MAX, 0, &used, &why) == s[i].state, "scan %zu", i);
	ws_handshake_scan(s[0].text, s[0].len, HTTP_HEAD_MAX, 0, &used, &why);
	ok(used == 8, "what is behind the head is not part of it");
	memset(big, 'x', HTTP_HEAD_MAX);
	ok(ws_handshake_scan(big, HTTP_HEAD_MAX - 1, HTTP_HEAD_MAX, 0, &used, &why) == WS_HEAD_MORE,
	   "a head just under the limit");
	ok(ws_handshake_scan(big, HTTP_HEAD_MAX, HTTP_HEAD_MAX, 0, &used, &why) == WS_HEAD_LARGE,
	   "a head that is too long");
	memcpy(big + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	ok(ws_handshake_scan(big, HTTP_HEAD_MAX, HTTP_HEAD_MAX, 0, &used, &why) == WS_HEAD_WHOLE && used == HTTP_HEAD_MAX,
	   "one that just fits");
	ok(ws_handshake_scan(big, HTTP_HEAD_MAX, HTTP_HEAD_MAX - 1, 0, &used, &why) == WS_HEAD_LARGE,
	   "and one whose last byte does not");
	free(big);
}

int
main(void)
{
	char out[WS_ACCEPT_SIZE];

	verdicts();
	api_key();
	keys();
	scans();
	ok(ws_handshake_accept((wc_str){"dGhlIHNhbXBsZSBub25jZQ==", 24}, out) &&
		   strcmp(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == 0,
	   "Sec-WebSocket-Accept of RFC 6455 §1.3");
	return tap_done();
}
