/*
 * link_dial.h
 *	  A connection to a hub, TLS included, by libcurl, which then carries bytes
 *	  of ours.
 */
#ifndef NET_LINK_DIAL_H
#define NET_LINK_DIAL_H

#include "client/curl_uv.h"
#include "client/target.h"

typedef enum link_bytes
{
	LINK_BYTES_SOME,  /* *n of them */
	LINK_BYTES_LATER, /* none now: wait for the socket */
	LINK_BYTES_END,	  /* the hub closed its side */
	LINK_BYTES_BROKEN /* the connection broke */
} link_bytes;

/*
 * A handle that is dialling, which curl_uv's callback gets when it has
 * connected or failed; NULL: no memory.  error has room for CURL_ERROR_SIZE bytes
 * and lives as long as it.
 */
extern CURL *link_dial_begin(curl_uv *loop, const target *to, uint32_t timeout_ms, const char *ca_file, void *private,
							 char *error);

/* Its socket, watched by libcurl no more; -1: it has none. */
extern int link_dial_socket(curl_uv *loop, CURL *easy);

extern link_bytes link_dial_read(CURL *easy, void *buf, size_t size, size_t *n);
extern link_bytes link_dial_write(CURL *easy, const void *data, size_t len, size_t *n);

/* Close the connection; nothing may watch its socket any more. */
extern void link_dial_end(curl_uv *loop, CURL *easy);

#endif /* NET_LINK_DIAL_H */
