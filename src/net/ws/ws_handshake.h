/*
 * ws_handshake.h
 *	  The head of a WebSocket's opening request (RFC 6455 §4.2.1) checked
 *	  strictly, field by field, and a reader that takes raw bytes apart for it:
 *	  no stranger's head that asks for an upgrade is read by a lenient parser.
 */
#ifndef NET_WS_HANDSHAKE_H
#define NET_WS_HANDSHAKE_H

#include "http/http_head.h"
#include "http/routes.h"
#include "base/errors.h"

/* What visitors must speak. */
#define WS_PROTOCOL "web-chatt2me.v1"

/* The same for links (doc/link.md). */
#define WS_LINK_PROTOCOL "web-chatt2me.events.v1"

/* And for the desk (doc/desk-protocol.md). */
#define WS_DESK_PROTOCOL "web-chatt2me.desk.v1"

/* A public key: 1 to so many letters, digits, "-" and "_". */
#define WS_KEY_MAX 64

/* The text of a Sec-WebSocket-Accept, its NUL included. */
#define WS_ACCEPT_SIZE 29

/* All zeros is a head of which nothing has come, for the visitors' path. */
typedef struct ws_handshake
{
	bool link;			 /* set before anything has come: it is for the links' path */
	bool desk;			 /* or for the desk's */
	http_head facts;	 /* what every request's head must keep */
	wc_str public_key;	 /* webChatId; p is NULL when there is no good one */
	wc_str origin;		 /* p is NULL when there is none */
	wc_str key;			 /* Sec-WebSocket-Key */
	bool has_public_key; /* a webChatId was there, good or not */
	bool upgrade;		 /* Upgrade: websocket */
	bool connection;	 /* Connection: upgrade */
	bool has_version;
	bool version;  /* Sec-WebSocket-Version: 13 */
	bool protocol; /* the path's is among those offered */
} ws_handshake;

/* For each argument of the target's query: the public key is one. */
extern void ws_handshake_argument(ws_handshake *head, const char *name, size_t name_len, const char *value,
								  size_t value_len);

/* For each field, in the order of the head; the strings must stay. */
extern void ws_handshake_field(ws_handshake *head, const char *name, size_t name_len, const char *value,
							   size_t value_len);

/*
 * The rules about the whole.  Anything but REFUSE_NOTHING is the answer, with
 * *why as its sentence where it is not NULL.  The origin is not checked.
 */
extern refusal ws_handshake_end(ws_handshake *head, const char *version, const char **why);

typedef enum ws_handshake_state
{
	WS_HEAD_MORE,	/* not all of it has come yet */
	WS_HEAD_WHOLE,	/* *used bytes are the head */
	WS_HEAD_BROKEN, /* *why says so */
	WS_HEAD_LARGE	/* most bytes, and not the end */
} ws_handshake_state;

/*
 * Find the end of a raw head of at most so many bytes.  from: bytes that an earlier
 * call has looked at.  A line that does not end in CR LF, a NUL and a folded line
 * break it.
 */
extern ws_handshake_state ws_handshake_scan(const char *data, size_t len, size_t most, size_t from, size_t *used,
											const char **why);

/* A line of a head; name.p is NULL when there is no colon in it. */
typedef struct ws_handshake_line
{
	wc_str text; /* all of it */
	wc_str name;
	wc_str value;
} ws_handshake_line;

/* The next line of a head that was found whole, whose empty line is end; false: there is none.  *at moves on. */
extern bool ws_handshake_next(const char **at, const char *end, ws_handshake_line *line);

/* Judge a raw head that was found whole; as ws_handshake_end(). */
extern refusal ws_handshake_read(ws_handshake *head, const char *data, size_t len, const char **why);

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key that ws_handshake_end() let pass. */
extern bool ws_handshake_accept(wc_str key, char out[WS_ACCEPT_SIZE]);

#endif /* NET_WS_HANDSHAKE_H */
