/*
 * http_response.h
 *	  The HTTP server's answers: those that never change are made once, the others for
 *	  one request.
 */
#ifndef NET_HTTP_RESPONSE_H
#define NET_HTTP_RESPONSE_H

#include <microhttpd.h>
#include <stdbool.h>

#include "base/errors.h"

/* Make the unchanging answers; false: out of memory. */
extern bool http_response_init(void);
extern void http_response_exit(void);

/* An answer with its status; one without a response is none. */
typedef struct http_response
{
	unsigned status;
	struct MHD_Response *response;
	bool owned; /* destroy it after queueing */
} http_response;

extern http_response http_response_ok(void);
extern http_response http_response_refusal(refusal why);

/* A refusal with a sentence of its own. */
extern http_response http_response_refusal_because(refusal why, const char *message);

/* 200 with this text, which is free()d with the response. */
extern http_response http_response_text(char *text, size_t len, const char *content_type);

/* 204: done, and nothing to say. */
extern http_response http_response_empty(void);

/* Let pages of all origins read it. */
extern void http_response_open(struct MHD_Response *response);

extern void http_response_drop(http_response *r);

/*
 * A whole refusal, with a sentence of its own or the table's (NULL), for a socket that libmicrohttpd cannot answer on (any more),
 * Connection: close included.  Written without waiting: it fits every socket's
 * empty buffer, and who does not read it is cut off all the same.
 */
extern void http_response_raw(int fd, refusal why, const char *message);

#endif /* NET_HTTP_RESPONSE_H */
