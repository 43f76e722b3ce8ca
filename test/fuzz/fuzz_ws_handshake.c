/*
 * fuzz_ws_handshake.c
 *	  The head of a WebSocket's opening request, a visitor's or a link's: found
 *	  whole or not alike in one piece and in several, and what is let through is
 *	  what the rules say.
 */
#include <string.h>

#include "ws/ws_handshake.h"
#include "fuzz.h"

static void
check_inside(wc_str value, const char *data, size_t len)
{
	MUST(value.p == NULL || (value.p >= data && value.p + value.len <= data + len));
}

static void
check_read(const char *data, size_t len, bool link)
{
	ws_handshake head = {.link = link};
	const char *why = NULL;
	char answer[WS_ACCEPT_SIZE];
	refusal verdict = ws_handshake_read(&head, data, len, &why);

	check_inside(head.public_key, data, len);
	check_inside(head.origin, data, len);
	check_inside(head.key, data, len);
	check_inside(head.facts.api_key, data, len);
	MUST(head.link == link);
	MUST(head.public_key.p == NULL || (head.public_key.len >= 1 && head.public_key.len <= WS_KEY_MAX));
	if (verdict != REFUSE_NOTHING)
	{
		MUST(why == NULL || strlen(why) > 10);
		return;
	}
	MUST(memcmp(data, "GET ", 4) == 0);
	MUST(head.upgrade && head.connection && head.version && head.protocol);
	MUST(!head.facts.chunked && head.facts.length == 0 && head.facts.has_host);
	MUST(head.key.len == 24 && ws_handshake_accept(head.key, answer));
	MUST(strlen(answer) == WS_ACCEPT_SIZE - 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1);
	const char *why = NULL;
	size_t used = 0;
	size_t used_again = 0;
	size_t len;
	ws_handshake_state state;
	ws_handshake_state again = WS_HEAD_MORE;

	/* memory of its own, so that a read beyond it is seen */
	if (size > 0)
		memcpy(copy, data, size);
	state = ws_handshake_scan(copy, size, HTTP_HEAD_MAX, 0, &used, &why);
	for (len = 0; len < size && again == WS_HEAD_MORE; len++)
		again = ws_handshake_scan(copy, len + 1, HTTP_HEAD_MAX, len, &used_again, &why);
	MUST(again == state && used_again == used);
	MUST(state != WS_HEAD_BROKEN || strlen(why) > 10);
	if (state == WS_HEAD_WHOLE)
	{
		char *exact = malloc(used);

		MUST(used >= 4 && used <= size);
		memcpy(exact, copy, used);
		check_read(exact, used, false);
		check_read(exact, used, true);
		free(exact);
	}
	free(copy);
	return 0;
}
