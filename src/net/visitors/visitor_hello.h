/*
 * visitor_hello.h
 *	  How a session becomes a visitor's: hello, ARRIVED, WELCOME.
 */
#ifndef NET_VISITOR_HELLO_H
#define NET_VISITOR_HELLO_H

#include "visitors/visitor_session.h"

/* A client's hello, to the worker. */
/* An open session's client says who the visitor is. */
extern void visitor_hello_identify(session *s, const visitor_frame *frame);
extern void visitor_hello(session *s, const visitor_frame *frame);

/* The worker's answer to it. */
extern void visitor_hello_welcome(visitors *v, const wc_welcome *welcome);

#endif /* NET_VISITOR_HELLO_H */
