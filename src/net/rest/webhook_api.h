/*
 * webhook_api.h
 *	  /v1/organization/webhook and below (doc/hub-contract.md, section 2), by which others keep
 *	  webhooks at this hub; and visitors who are handed out or erased (doc/erasure.md).
 */
#ifndef NET_WEBHOOK_API_H
#define NET_WEBHOOK_API_H

#include "http/http_conn.h"

#define WEBHOOK_API_LATE                                                                                               \
	"The database did not answer in time, and may do it all the same: look at what is there before you ask again."

/* The handler of ROUTE_ORGANIZATION. */
extern void webhook_api_check_head(conn *c, const char *method);

/* The same of ROUTE_PERSON, which is ours. */
extern void webhook_api_check_person(conn *c, const char *method);
extern void webhook_api_handle(conn *c, const char *body, size_t len);

/* The worker's answer to an API_CALL. */
extern void webhook_api_done(http_server *d, const wc_api_answer *answer);

#endif /* NET_WEBHOOK_API_H */
