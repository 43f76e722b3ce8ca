/*
 * fuzz_ws_parser.c
 *	  Frames of WebSocket: however the bytes are cut, and with a new parser at
 *	  each boundary, the same messages and the same end come out.
 */
#include <string.h>

#include "ws/ws_parser.h"
#include "fuzz.h"

#define MAX_MESSAGE	 1000
#define MOST_MESSAGE 1500
#define LOG_SIZE	 65536

static const ws_limits limits = {MAX_MESSAGE, MOST_MESSAGE};

typedef struct run
{
	const uint8_t *data;
	size_t left;
	size_t piece; /* bytes that a turn may read */
	size_t turn;  /* of which are left */
	char log[LOG_SIZE];
	size_t log_len;
} run;

static void
note(run *r, char what, const void *data, size_t len)
{
	MUST(len <= MAX_MESSAGE);
	if (r->log_len + len + 1 > LOG_SIZE)
		return;
	r->log[r->log_len++] = what;
	if (len > 0)
		memcpy(r->log + r->log_len, data, len);
	r->log_len += len;
}

static size_t
on_read(void *arg, uint8_t *buf, size_t len)
{
	run *r = arg;

	if (len > r->turn)
		len = r->turn;
	if (len > r->left)
		len = r->left;
	if (len > 0)
		memcpy(buf, r->data, len);
	r->data += len;
	r->left -= len;
	r->turn -= len;
	return len;
}

/* Replies to pings come at the end of a turn: their place among texts is free. */
static bool
on_write(void *arg, const uint8_t *data, size_t len)
{
	(void) arg;
	(void) data;
	MUST(len <= 127);
	return true;
}

static void
on_text(void *arg, const char *text, size_t len)
{
	note(arg, 't', text, len);
}

static void
on_large(void *arg, const char *text, size_t len)
{
	MUST(len == MAX_MESSAGE);
	note(arg, 'l', text, len);
}

static void
on_control(void *arg)
{
	note(arg, 'c', NULL, 0);
}

static void
on_binary(void *arg)
{
	note(arg, 'b', NULL, 0);
}

static bool
on_wants(void *arg)
{
	(void) arg;
	return true;
}

static const ws_parser_calls calls = {on_read, on_write, on_text, on_large, on_control, on_binary, on_wants};

static run whole;
static run pieces;

static void
parse(run *r, const uint8_t *data, size_t size, size_t piece, bool anew)
{
	ws_parser *p = ws_parser_new(&calls);
	ws_parsed parsed = WS_PARSED_BOUNDARY;
	uint16_t code = 0;

	r->data = data;
	r->left = size;
	r->log_len = 0;
	while (r->left > 0 && (parsed == WS_PARSED_BOUNDARY || parsed == WS_PARSED_PARTIAL))
	{
		r->turn = piece;
		parsed = ws_parser_run(p, r, &limits, &code);
		if (parsed == WS_PARSED_BOUNDARY && anew)
		{
			ws_parser_free(p);
			p = ws_parser_new(&calls);
		}
	}
	/*
	 * libwslay judges a close frame's text piece by piece: so neither its code
	 * counts, nor whether what is there of it is the end already.
	 */
	if (parsed == WS_PARSED_CLOSE || parsed == WS_PARSED_FAILED)
		MUST(code >= 1000 && code <= 4999);
	note(r, parsed == WS_PARSED_BOUNDARY ? '-' : 'e', NULL, 0);
	ws_parser_free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	parse(&whole, data + 1, size - 1, SIZE_MAX, false);
	parse(&pieces, data + 1, size - 1, 1 + data[0] % 40, true);
	MUST(whole.log_len == pieces.log_len && memcmp(whole.log, pieces.log, whole.log_len) == 0);
	return 0;
}
