/*
 * ws_takeover.h
 *	  A WebSocket's opening request that comes as a later one on a kept-alive
 *	  connection, as proxies send it that use their connections again: the
 *	  descriptor is taken away from libmicrohttpd and goes to the visitors or links.
 */
#ifndef NET_WS_TAKEOVER_H
#define NET_WS_TAKEOVER_H

#include "http/http_conn.h"

/*
 * A http_server_takeover_fn; arg is the demux.  Checks the request as that does a
 * first one.
 */
extern bool ws_takeover(void *demux, conn *c, const char *version);

#endif /* NET_WS_TAKEOVER_H */
