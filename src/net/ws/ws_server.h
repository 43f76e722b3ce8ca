/*
 * ws_server.h
 *	  A WebSocket that a client opened, on the loop: frames in, frames out through
 *	  a buffer that exists only while something waits, pings, the closing handshake.
 */
#ifndef NET_WS_SERVER_H
#define NET_WS_SERVER_H

#include <uv.h>

#include "base/timeouts.h"
#include "ws/ws_parser.h"

/* Close codes (RFC 6455 §7.4.1, doc/protocol.md). */
#define WS_CLOSE_NORMAL		 1000
#define WS_CLOSE_GOING_AWAY	 1001
#define WS_CLOSE_UNSUPPORTED 1003
#define WS_CLOSE_LOST		 1006 /* never sent: it ended without one */
#define WS_CLOSE_POLICY		 1008
#define WS_CLOSE_LARGE		 1009
#define WS_CLOSE_INTERNAL	 1011
#define WS_CLOSE_LATER		 1013
#define WS_CLOSE_KEY		 4001
#define WS_CLOSE_ORIGIN		 4003
#define WS_CLOSE_NO_HELLO	 4008
#define WS_CLOSE_SLOW		 4009
#define WS_CLOSE_ENDED		 4011
#define WS_CLOSE_GAVE_WAY	 4012
#define WS_CLOSE_IDENTITY	 4013
#define WS_CLOSE_AGAIN		 4014
#define WS_CLOSE_FLOOD		 4029

/* Bytes that may wait for all clients together before single frames count too. */
#define WS_OUT_TOTAL (64u * 1024 * 1024)

/* How long a client may take to answer a close frame, in ms. */
#define WS_CLOSE_MS 2000

typedef enum ws_state
{
	WS_OPEN = 0,
	WS_CLOSING, /* our close frame is written: nothing more is */
	WS_DEAD		/* will be freed by ws_server_run() */
} ws_state;

typedef struct ws_host ws_host;
typedef struct ws ws;

/*
 * What is beneath a session that is no WebSocket, and behaves as one: the functions
 * below of the same names go to it.  Of the ws only timeout, host, state and paused
 * count then, and its memory is the line's.
 */
typedef struct ws_line
{
	bool (*send)(ws *w, const char *text, size_t len);
	void (*close)(ws *w, uint16_t code, const char *reason);
	void (*cut)(ws *w);
	void (*late)(ws *w);
} ws_line;

/* Embedded first in what it carries; all of that is free()d with it. */
struct ws
{
	timeout timeout; /* first: the timeouts hand this out */
	uv_poll_t poll;
	const ws_line *line; /* NULL: it is a WebSocket */
	ws_host *host;
	ws_parser *parser; /* NULL: at a boundary */
	ws *next_dead;
	char *out;
	uint32_t out_len;
	uint32_t out_cap;
	uint32_t out_off;  /* bytes that are sent */
	uint32_t out_mark; /* where the frame that out_off lies in begins */
	int fd;
	uint8_t state;	/* ws_state */
	uint8_t events; /* what the poll waits for */
	bool paused;	/* not read */
	bool shut;		/* our side of the connection is */
	bool corked;	/* what is sent waits for ws_server_run() */
};

typedef struct ws_calls
{
	/* A whole text message; it may close or pause the socket, nothing else. */
	void (*text)(ws *w, const char *text, size_t len);
	/* As much as is kept of one of more than max_message bytes; NULL: such a one ends the socket. */
	void (*large)(ws *w, const char *text, size_t len);
	/* A ping or pong came. */
	void (*control)(ws *w);
	/* Bytes that may be read now; 0: pause until ws_server_resume(). */
	size_t (*room)(ws *w);
	/* Once, when it is open no more; code is what was said, or 1006. */
	void (*ended)(ws *w, uint16_t code);
	/* Once, when its memory is about to go. */
	void (*gone)(ws *w);
} ws_calls;

struct ws_host
{
	uv_loop_t *loop;
	timeouts *timeouts;
	const ws_calls *calls;
	ws_parser *spare;
	ws *dead;
	ws **corked; /* those that are, perhaps several times */
	uint32_t ncorked;
	uint32_t corked_cap;
	size_t out_total;
	uint32_t max_out;	   /* bytes that may wait for one client */
	uint32_t max_message;  /* bytes of a message that is read */
	uint32_t most_message; /* and of one that is heard out, where there is a large() */
};

/* Take the descriptor over; false: it could not be watched, and is still the caller's. */
extern bool ws_server_start(ws *w, ws_host *host, int fd);

/* Send a text frame; false: it is not open (any more). */
extern bool ws_server_send(ws *w, const char *text, size_t len);

/* Keep what is sent, unless it becomes much, so that many frames leave by one write; until ws_server_run(). */
extern void ws_server_cork(ws *w);

/* Say goodbye.  reason is at most 123 bytes for a person. */
extern void ws_server_close(ws *w, uint16_t code, const char *reason);

/* Give it up without a word. */
extern void ws_server_cut(ws *w);

/* Read again after a pause. */
extern void ws_server_resume(ws *w);

/* Its timeout passed, in a phase that is the WebSocket's own. */
extern void ws_server_late(ws *w);

/* Send what is corked, and free those that are dead; call once a turn, outside of every callback. */
extern void ws_server_run(ws_host *host);

/* Free what is kept for the next session; nothing is open any more. */
extern void ws_server_host_free(ws_host *host);

#endif /* NET_WS_SERVER_H */
