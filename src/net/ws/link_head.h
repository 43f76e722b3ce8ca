/*
 * link_head.h
 *	  The opening handshake of a link, the client's end (RFC 6455 §4.1): our
 *	  request, and the hub's answer checked strictly.  No I/O.
 */
#ifndef NET_LINK_HEAD_H
#define NET_LINK_HEAD_H

#include "ws/ws_handshake.h"

/* Where links are opened (behind the path of the hub's api_url), and what they speak. */
#define WS_LINK_PATH	 "/communication/web-chatt2me/events"
#define WS_LINK_PROTOCOL "web-chatt2me.events.v1"

/* The largest head that a hub may answer with, and the longest URL that it may have, in bytes. */
#define LINK_HEAD_MAX 8192

/* The hub's answer. */
typedef struct link_answer
{
	uint32_t status;
	uint32_t retry_after_s; /* 0: none given, or not as a number of seconds */
	const char *bad;		/* half a sentence about what the hub did; NULL: it is a good 101 */
} link_answer;

/* A new Sec-WebSocket-Key, and the Sec-WebSocket-Accept that goes with it; false: no chance. */
extern bool link_head_nonce(char key[25], char accept[WS_ACCEPT_SIZE]);

/*
 * The request, for free(); NULL: the hub's api_url or its key cannot be put into
 * one.  key is the nonce's.
 */
extern char *link_head_request(const char *api_url, const char *api_key, const char *key);

/* Can an answer begin like this? */
extern bool link_head_begins(const char *data, size_t len);

/* Judge a head that ws_handshake_scan() found whole. */
extern void link_head_read(const char *data, size_t len, const char *accept, link_answer *answer);

#endif /* NET_LINK_HEAD_H */
