/*
 * ws_client.h
 *	  Many WebSocket clients on one epoll loop, for load: just enough of
 *	  RFC 6455, with frames masked as a client's must be.
 */
#ifndef WS_CLIENT_H
#define WS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest frame that is taken or sent. */
#define WS_MAX_FRAME (256 * 1024)

/* Why a connection ended; else it is an HTTP status or a WebSocket close code. */
#define WS_CUT		   1 /* without a close frame */
#define WS_NOT_REACHED 2
#define WS_NOT_WS	   3 /* what came is no answer to this handshake, or no frame */

typedef enum ws_state
{
	WS_CLOSED = 0,
	WS_CONNECTING,
	WS_UPGRADING,
	WS_OPEN
} ws_state;

/* One connection; all zero before the first ws_dial(). */
typedef struct ws_conn
{
	int fd;
	ws_state state;
	uint8_t *in; /* the beginning of a frame, until the rest is there */
	size_t in_len;
	uint8_t *out; /* what the socket did not take yet */
	size_t out_len;
} ws_conn;

/* What every connection dials, and who is told of what happens to it. */
typedef struct ws_setup
{
	int port;
	int addresses; /* dial from 127.0.0.1, 127.0.0.2, ... in turn */
	const char *path;
	const char *origin;
	const char *protocol;
	const char *(*head)(ws_conn *c); /* NULL, or what more a connection's head has: whole lines */
	void (*on_open)(ws_conn *c);
	void (*on_text)(ws_conn *c, const char *text, size_t len);
	void (*on_end)(ws_conn *c, int why);
} ws_setup;

extern void ws_begin(const ws_setup *setup);

/* Dial; on_open or on_end follows from ws_turn(), never from within. */
extern void ws_dial(ws_conn *c);

extern void ws_server_send(ws_conn *c, const char *text, size_t len);

/* Readable when ws_turn() has something to do. */
extern int ws_fd(void);

/* Wait for something to happen and tell of it. */
extern void ws_turn(int timeout_ms);

extern uint64_t ws_random(void);

#endif /* WS_CLIENT_H */
