/*
 * link_socket_in.h
 *	  The inside of link_socket.h: shared by link_socket.c, which has its life,
 *	  and link_stream.c, which has its bytes and frames.
 */
#ifndef NET_LINK_SOCKET_IN_H
#define NET_LINK_SOCKET_IN_H

#include <wslay/wslay.h>

#include "ws/link_dial.h"
#include "ws/link_socket.h"

/* Read at once; also room for the answer's head. */
#define IN_SIZE (16u * 1024)

typedef enum socket_state
{
	SOCKET_DIALLING, /* libcurl connects */
	SOCKET_OPENING,	 /* our request is out, or on its way */
	SOCKET_OPEN,
	SOCKET_CLOSING, /* a close frame is written: nothing more is */
	SOCKET_DEAD		/* will be freed by link_host_write() */
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

/* link_socket.c: it is over without a word to the hub; is told; a close frame is in the buffer. */
extern void link_socket_die(link_socket *s);
extern void link_socket_lose(link_socket *s, const char *what);
extern void link_socket_tell(link_socket *s, const link_end *end);
extern void link_socket_begin_closing(link_socket *s);

/* link_stream.c: begin to speak in frames; false: out of memory. */
extern bool link_stream_open(link_socket *s);

/* Bytes to be sent; false: too many wait.  Send them, as far as the socket takes them. */
extern bool link_stream_put(link_socket *s, const void *data, size_t len);
extern bool link_stream_has_out(const link_socket *s);
extern void link_stream_flush(link_socket *s);

/* Bytes into our buffer, behind what is there; false: none now. */
extern bool link_stream_fill(link_socket *s);

/* Read frames; put those that wait for it into what is to be sent. */
extern void link_stream_read(link_socket *s);
extern void link_stream_collect(link_socket *s);

#endif /* NET_LINK_SOCKET_IN_H */
