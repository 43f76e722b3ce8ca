/*
 * http_reply.h
 *	  What a handler does with the request on a connection: refuse it, hand it to
 *	  the worker and wait, go on when the answer is there.
 */
#ifndef NET_HTTP_REPLY_H
#define NET_HTTP_REPLY_H

#include "http/http_conn.h"

/* Count it, tell it, and make it the request's answer.  message NULL or empty: the table's. */
extern void http_reply_refuse(conn *c, refusal why, const char *message);

/* Why nothing can go to the worker now; REFUSE_NOTHING: it can. */
extern refusal http_reply_blocked(const conn *c);

/* What the request brought is with the worker under that number: it waits. */
extern void http_reply_wait(conn *c, uint64_t number);

/* It waits, HTTP_PARKED_MS at most, for something to be told. */
extern void http_reply_park(conn *c);

/* What waited is done, or given up: the answer is set, send it. */
extern void http_reply_resume(conn *c);

/* More of the answer's body has come, or room for the request's: go on. */
extern void http_reply_go_on(conn *c, phase p);

/* Suspend the connection when libmicrohttpd's turn is over; or do not, after all. */
extern void http_reply_suspend(conn *c);
extern void http_reply_do_not_suspend(conn *c);

#endif /* NET_HTTP_REPLY_H */
