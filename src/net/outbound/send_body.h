/*
 * send_body.h
 *	  One message on its way to a hub, its request's body ready made.
 */
#ifndef NET_SEND_BODY_H
#define NET_SEND_BODY_H

#include "client/client_queue.h"

/* One message that waits or is under way. */
typedef struct send_body
{
	client_request request;
	uint8_t id[16];
	const char *kind; /* NUL-terminated, in data */
	char data[];
} send_body;

/*
 * Copy what a send needs.  NULL when it cannot be sent at all: *refusal is then
 * a static sentence that says why.  The content goes in as it came.
 */
extern send_body *send_body_new(const wc_send *send, const char **refusal);

#endif /* NET_SEND_BODY_H */
