/*
 * handlers.h
 *	  Which room answers a request: the table from its route to the checks.
 */
#ifndef NET_HANDLERS_H
#define NET_HANDLERS_H

#include "http/http_conn.h"

extern const http_handler handlers_table[ROUTE_COUNT];

#endif /* NET_HANDLERS_H */
