/*
 * retract_api.h
 *	  DELETE /v1/communication/web-chatt2me/message/<channel id>/<message id>: a
 *	  message to a visitor is taken back.  Ours: the remote hub has no such call.
 */
#ifndef NET_RETRACT_API_H
#define NET_RETRACT_API_H

#include "http/http_conn.h"

#define RETRACT_API_LATE "The database did not confirm it in time; ask again, which does no harm."

/* The handler of ROUTE_RETRACT. */
extern void retract_api_check_head(conn *c, const char *method);
extern void retract_api_handle(conn *c, const char *body, size_t len);

/* What the worker did; false: the request is not one of ours, and waits still. */
extern bool retract_api_done(http_server *d, const wc_api_done *done);

#endif /* NET_RETRACT_API_H */
