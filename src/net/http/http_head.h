/*
 * http_head.h
 *	  A request's head judged strictly, field by field, where libmicrohttpd's
 *	  parser is lenient: what two parsers could read in two ways is refused, so
 *	  that no proxy in front can be made to smuggle a request.
 */
#ifndef NET_HTTP_HEAD_H
#define NET_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A field that the HTTP server looks at; p is NULL when the request has none. */
typedef struct head_value
{
	const char *p;
	size_t len;
} head_value;

typedef struct http_head
{
	const char *bad; /* what is wrong, a sentence; NULL: nothing */
	bool has_length;
	bool chunked;
	bool expect_continue;
	bool expect_other;
	bool has_host;
	uint64_t length;			/* of the body, when has_length */
	head_value signature;		/* X-hub-Signature */
	head_value token;			/* X-Validation-Token */
	head_value api_key;			/* x-api-key */
	head_value idempotency_key; /* Idempotency-Key */
	head_value accept_encoding; /* empty when it came in several fields */
	head_value none_match;		/* If-None-Match; empty when it came in several */
	head_value forwarded;		/* the last X-Forwarded-For */
} http_head;

/* facts begin as all zeros; call for each field in the order of the head. */
extern void http_head_field(http_head *facts, const char *name, size_t name_len, const char *value, size_t value_len);

/* The rules about the head as a whole; version as it stands in the request. */
extern void http_head_end(http_head *facts, const char *version);

#endif /* NET_HTTP_HEAD_H */
