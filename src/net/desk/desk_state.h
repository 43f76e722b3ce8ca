/*
 * desk_state.h
 *	  What the files of this room share.
 */
#ifndef NET_DESK_STATE_H
#define NET_DESK_STATE_H

#include "base/address_rate.h"
#include "common/origin.h"
#include "desk/desk_sessions.h"
#include "http/http_server.h"

/* Set in the request of a call that no HTTP request made, but a WebSocket. */
#define DESK_SOCKET_NUMBER (UINT64_C(1) << 63)

typedef struct desk desk;
typedef struct desk_sockets desk_sockets;

struct desk
{
	uv_loop_t *loop;
	corridor_io *corridor;
	http_server *http;
	desk_sessions *sessions;
	desk_sockets *sockets;
	rate_limit_table *sign_ins;	 /* attempts, by address */
	rate_limit_table *strangers; /* what came in no session that is known, by address */
	size_t sending;				 /* bytes of answers that were not read yet */
	bool on;					 /* there is an agent; else nothing is here */
	bool closing;

	/* from the configuration */
	char origin[WC_ORIGIN_SIZE]; /* empty: what the request's host is */
	bool secure;				 /* it is https */
	char user_header[101];		 /* empty: none */
	bool warned;				 /* that it is not, and is reached from elsewhere */
	uint32_t session_max_s;
};

#endif /* NET_DESK_STATE_H */
