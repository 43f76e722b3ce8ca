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
 * Judge the request as the demux judges a first one.  True: the connection is
 * not libmicrohttpd's any more, which must be told to close what it has.
 * False: there is an answer to be sent.
 */
extern bool takeover(conn *c, const char *version);

#endif /* NET_WS_TAKEOVER_H */
