/*
 * ws_takeover.h
 *	  A WebSocket's opening request that comes as a later one on a kept-alive
 *	  connection, as proxies send it that use their connections again: the
 *	  descriptor is taken away from libmicrohttpd and goes to the visitors or links.
 */
#ifndef NET_WS_TAKEOVER_H
#define NET_WS_TAKEOVER_H

#include "http/http_conn.h"
#include "ws/ws_accept.h"

/* Who answers it. */
typedef struct ws_receiver
{
	ws_admit_fn admit;
	void *arg;
} ws_receiver;

/*
 * A http_server_takeover_fn; arg is a ws_receiver.  Checks the request as the
 * demux does a first one.
 */
extern bool ws_takeover(void *receiver, conn *c, const char *version);

#endif /* NET_WS_TAKEOVER_H */
