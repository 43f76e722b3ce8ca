/*
 * send_api.h
 *	  POST /v1/communication/web-chatt2me/message (doc/hub-contract.md, section 2), for those
 *	  who would use this hub as they use the remote one.
 */
#ifndef NET_SEND_API_H
#define NET_SEND_API_H

#include "http/http_conn.h"

/* An event may come twice; a message may not. */
#define SEND_API_LATE                                                                                                  \
	"The database did not confirm the message in time, and may send it all the same: ask again with the same "         \
	"Idempotency-Key, or it may be sent twice."

/* May the request's key do something of that scope?  Fills c->key. */
extern refusal send_api_check_key(conn *c, uint8_t scope);

/* The handler of ROUTE_SEND. */
extern void send_api_check_head(conn *c, const char *method);
extern void send_api_handle(conn *c, const char *body, size_t len);

/* What the worker did with the message. */
extern void send_api_done(http_server *d, const wc_api_done *done);

#endif /* NET_SEND_API_H */
