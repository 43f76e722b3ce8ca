/*
 * visitor_poll.h
 *	  POST /communication/web-chatt2me/poll: visitors whose line takes no WebSocket
 *	  (doc/protocol.md, "Without WebSockets").
 */
#ifndef NET_VISITOR_POLL_H
#define NET_VISITOR_POLL_H

#include "http/http_conn.h"
#include "visitors/visitor_session.h"

/* The handler of ROUTE_POLL; the server's owner is the visitors. */
extern void visitor_poll_check_head(conn *c, const char *method);
extern void visitor_poll_handle(conn *c, const char *body, size_t len);
extern void visitor_poll_unpark(conn *c);
extern void visitor_poll_forget(conn *c);

/* Answer those who wait, where there is something to say; once a turn. */
extern void visitor_poll_run(visitors *v);

#endif /* NET_VISITOR_POLL_H */
