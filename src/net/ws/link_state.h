/*
 * link_state.h
 *	  A WebSocket that we open to a hub, from the inside, and how it ends: below
 *	  link_socket.c, which has its life, and link_stream.c, which has its bytes and frames.
 */
#ifndef NET_LINK_STATE_H
#define NET_LINK_STATE_H

#include <uv.h>
#include <wslay/wslay.h>

#include "client/curl_uv.h"
#include "client/target.h"
#include "ws/link_dial.h"
#include "ws/ws_client_end.h"
#include "ws/ws_handshake.h"

/* How long a hub may take to answer our close frame, in ms. */
#define LINK_CLOSE_MS 1000

typedef struct link_socket link_socket;

typedef struct link_calls
{
	/* A whole text message. */
	void (*text)(void *arg, const char *text, size_t len);
	/* Bytes that may be read now; 0: none until there is room again. */
	size_t (*room)(void *arg);
	/* Once, unless its owner closed it before; the owner must forget it. */
	void (*ended)(void *arg, const link_end *end);
} link_calls;

/* What all sockets share. */
typedef struct link_host
{
	uv_loop_t *loop;
	curl_uv *curl; /* link_socket_host_init() makes it */
	const link_calls *calls;
	uv_timer_cb on_timer; /* what is late is ended by that */
	link_socket *sockets;
	uint32_t connect_timeout_ms;
	uint64_t max_message; /* bytes of a message that is read */
	char *ca_file;		  /* NULL: the system's */
} link_host;

/* Read at once; also room for the answer's head. */
#define IN_SIZE (16u * 1024)

typedef enum socket_state
{
	SOCKET_DIALLING, /* libcurl connects */
	SOCKET_OPENING,	 /* our request is out, or on its way */
	SOCKET_OPEN,
	SOCKET_CLOSING, /* a close frame is written: nothing more is */
	SOCKET_DEAD		/* will be freed by link_socket_host_write() */
} socket_state;

struct link_socket
{
	link_socket *prev;
	link_socket *next;
	link_host *host;
	void *arg; /* the owner's; NULL: it has forgotten us, or was told the end */
	target *to;
	CURL *easy;
	uv_poll_t poll;
	uv_timer_t timer;
	int handles; /* of libuv, not closed yet */
	bool polled; /* poll is one of them */
	int events;	 /* what the poll waits for */
	socket_state state;
	bool readable; /* there may be something to read */
	bool paused;   /* the owner has no room */
	bool ended;	   /* the hub closed its side */
	bool deaf;	   /* the hub takes nothing any more */
	size_t budget; /* bytes that this turn may still read */
	char accept[WS_ACCEPT_SIZE];
	wslay_event_context_ptr ws;
	uint64_t heard;		   /* when something came last */
	uint64_t heartbeat_ms; /* 0: not settled */
	bool pinged;
	uint64_t open;		/* bytes that belong to no finished frame */
	uint64_t frame;		/* size of the frame that has begun */
	unsigned fragments; /* of the message that has begun */
	uint64_t began;		/* when it began; 0: at a boundary */
	wc_buf out;			/* to be sent, behind going */
	wc_buf going;		/* being sent: TLS wants the same bytes at the same place again */
	size_t gone;		/* bytes of it that are sent */
	size_t in_len;
	size_t in_off; /* bytes that are used */
	bool closing;  /* the frame that has begun is a close frame */
	size_t farewell_len;
	uint8_t farewell[125]; /* what that holds */
	char error[CURL_ERROR_SIZE];
	char in[IN_SIZE];
};

/* It is over, without a word to the hub; it will be freed by link_socket_host_write(). */
extern void link_state_die(link_socket *s);

/* Its owner hears of the end, unless it has forgotten the socket; no more of anything. */
extern void link_state_tell(link_socket *s, const link_end *end);

/* Both; or with words of its own: what completes "the hub's host ...". */
extern void link_state_cut(link_socket *s, const link_end *end);
extern void link_state_lose(link_socket *s, const char *what);

/* A close frame is in the buffer: what is left is to see the hub go. */
extern void link_state_begin_closing(link_socket *s);

/* Say goodbye; its owner has forgotten it. */
extern void link_state_close(link_socket *s, uint16_t code, const char *reason);

#endif /* NET_LINK_STATE_H */
