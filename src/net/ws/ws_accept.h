/*
 * ws_accept.h
 *	  The answer to a WebSocket's opening request, whoever it is for: 101, or a
 *	  refusal that says what to do.
 */
#ifndef NET_WS_ACCEPT_H
#define NET_WS_ACCEPT_H

#include <uv.h>

#include "base/address.h"
#include "ws/ws_handshake.h"

/* A connection whose head has been read up to its empty line, no byte further. */
typedef struct ws_opening
{
	int fd; /* taken over */
	net_addr peer;
	uint64_t since; /* uv_now() when it was accepted, or its request began */
} ws_opening;

/*
 * Whoever answers it, with what the head's reader found: refusal and sentence,
 * or REFUSE_NOTHING.  Takes the descriptor over.
 */
typedef void (*ws_admit_fn)(void *arg, const ws_opening *opening, const ws_handshake *head, refusal verdict,
							const char *why);

/* Who it is: the peer, or whom a trusted proxy names. */
extern net_addr ws_accept_client(const ws_opening *opening, const ws_handshake *head);

/* Say that from now on it is a WebSocket that speaks that sub-protocol. */
extern bool ws_accept_upgrade(int fd, const ws_handshake *head, const char *protocol);

/*
 * Count the refusal, tell it, answer it, and let the connection go.  message and
 * channel may be NULL.
 */
extern void ws_accept_refuse(uv_loop_t *loop, const ws_opening *opening, const net_addr *client, refusal why,
							 const char *message, const uint8_t channel[16]);

#endif /* NET_WS_ACCEPT_H */
