/*
 * http_head.h
 *	  A request's head checked strictly, field by field, where libmicrohttpd's
 *	  parser is lenient: what two parsers could read in two ways is refused, so
 *	  that no proxy in front can be made to smuggle a request.
 */
#ifndef NET_HTTP_HEAD_H
#define NET_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/frame.h"

/* The largest head of a request, in bytes: cookies of all that shares a host with the chat are in it. */
#define HTTP_HEAD_MAX (32u * 1024)

typedef struct http_head
{
	const char *bad; /* what is wrong, a sentence; NULL: nothing */
	bool has_length;
	bool chunked;
	bool expect_continue;
	bool expect_other;
	bool has_host;
	uint64_t length; /* of the body, when has_length */

	/* fields that the HTTP server looks at; p is NULL when the request has none */
	wc_str signature;		/* X-hub-Signature */
	wc_str token;			/* X-Validation-Token */
	wc_str api_key;			/* x-api-key */
	wc_str idempotency_key; /* Idempotency-Key */
	wc_str accept_encoding; /* empty when it came in several fields */
	wc_str none_match;		/* If-None-Match; empty when it came in several */
	wc_str forwarded;		/* the last X-Forwarded-For */
	wc_str origin;			/* Origin; empty when it came in several */
} http_head;

/* facts begin as all zeros; call for each field in the order of the head. */
extern void http_head_field(http_head *facts, const char *name, size_t name_len, const char *value, size_t value_len);

/* The rules about the head as a whole; version as it stands in the request. */
extern void http_head_end(http_head *facts, const char *version);

#endif /* NET_HTTP_HEAD_H */
