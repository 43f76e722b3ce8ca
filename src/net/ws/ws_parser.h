/*
 * ws_parser.h
 *	  Frames from a visitor's client, taken apart by libwslay.  A parser exists
 *	  only while a frame or message is half there; at a boundary it goes back
 *	  to be used by whoever comes next, so an idle session has none.
 */
#ifndef NET_WS_PARSER_H
#define NET_WS_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct ws_parser ws_parser;

/* What a turn of parsing has come to. */
typedef enum ws_parsed
{
	WS_PARSED_BOUNDARY, /* all that came was whole */
	WS_PARSED_PARTIAL,	/* more of a frame or message must come */
	WS_PARSED_CLOSE,	/* the close frame in reply is written; *code says which */
	WS_PARSED_FAILED	/* a close with *code must be written */
} ws_parsed;

typedef struct ws_parser_calls
{
	/* Bytes into buf; 0: none now (and *no more* until the next turn). */
	size_t (*read)(void *arg, uint8_t *buf, size_t len);
	/* Part of a control frame in reply, to be sent after what was written so far. */
	bool (*write)(void *arg, const uint8_t *data, size_t len);
	/* A whole text message. */
	void (*text)(void *arg, const char *text, size_t len);
	/* One of more than max bytes: the first max of them, so it may end in the middle of a character. */
	void (*large)(void *arg, const char *text, size_t len);
	/* A whole ping or pong. */
	void (*control)(void *arg);
	/* A binary message: closes by itself. */
	void (*binary)(void *arg);
	/* False: what still comes must not be looked at. */
	bool (*wants)(void *arg);
} ws_parser_calls;

/* How large a message may be, in bytes; and how large it may be so that the connection goes on (most >= max). */
typedef struct ws_limits
{
	uint64_t max;
	uint64_t most;
} ws_limits;

/* NULL: out of memory. */
extern ws_parser *ws_parser_new(const ws_parser_calls *calls);
extern void ws_parser_free(ws_parser *p);

/* Parse what the read call yields. */
extern ws_parsed ws_parser_run(ws_parser *p, void *arg, const ws_limits *limits, uint16_t *code);

#endif /* NET_WS_PARSER_H */
