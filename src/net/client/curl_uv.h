/*
 * curl_uv.h
 *	  libcurl's multi interface driven by a libuv loop: its sockets under
 *	  uv_poll, its timer under one uv_timer.  It knows nothing of messages.
 */
#ifndef NET_CURL_UV_H
#define NET_CURL_UV_H

#include <curl/curl.h>
#include <uv.h>

typedef struct curl_loop curl_loop;

/*
 * A transfer ended; its handle is out of the multi already.  Called from the
 * loop, never from inside one of the functions below but curl_loop_run().
 */
typedef void (*curl_loop_done_fn)(void *arg, CURL *easy, CURLcode code);

/* NULL when libcurl has no memory. */
extern curl_loop *curl_loop_new(uv_loop_t *loop, curl_loop_done_fn on_done, void *arg);

/* How many connections may be kept open, under way and idle together. */
extern void curl_loop_set_connections(curl_loop *c, long connections);

/*
 * Handles whose transfer ended stay in the multi until curl_loop_remove(): the
 * connection of one with CURLOPT_CONNECT_ONLY is closed with that.
 */
extern void curl_loop_keep_done(curl_loop *c);

/* Watch that socket no more: from now on its owner does, until libcurl closes it. */
extern void curl_loop_let_go(curl_loop *c, curl_socket_t fd);

/* Set a new easy handle up for this loop, once. */
extern void curl_loop_prepare(curl_loop *c, CURL *easy);

/*
 * What that sets as CURLOPT_OPENSOCKETFUNCTION, with the loop as its data: for
 * whoever sets another in front of it.
 */
extern curl_socket_t curl_loop_open_socket(void *loop, curlsocktype purpose, struct curl_sockaddr *addr);

/* Hand a transfer over; it begins with the next curl_loop_run(). */
extern CURLMcode curl_loop_add(curl_loop *c, CURL *easy);

/* Begin what was added. */
extern void curl_loop_run(curl_loop *c);

/* Take a transfer back without an end. */
extern void curl_loop_remove(curl_loop *c, CURL *easy);

/* All transfers are removed before; memory goes when the loop has run. */
extern void curl_loop_free(curl_loop *c);

#endif /* NET_CURL_UV_H */
