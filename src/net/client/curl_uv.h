/*
 * curl_uv.h
 *	  libcurl's multi interface driven by a libuv loop: its sockets under
 *	  uv_poll, its timer under one uv_timer.  It knows nothing of messages.
 */
#ifndef NET_CURL_UV_H
#define NET_CURL_UV_H

#include <curl/curl.h>
#include <uv.h>

typedef struct curl_uv curl_uv;

/*
 * A transfer ended; its handle is out of the multi already.  Called from the
 * loop, never from inside one of the functions below but curl_uv_run().
 */
typedef void (*curl_uv_done_fn)(void *arg, CURL *easy, CURLcode code);

/* NULL when libcurl has no memory. */
extern curl_uv *curl_uv_new(uv_loop_t *loop, curl_uv_done_fn on_done, void *arg);

/* How many connections may be kept open, under way and idle together. */
extern void curl_uv_set_connections(curl_uv *c, long connections);

/*
 * Handles whose transfer ended stay in the multi until curl_uv_remove(): the
 * connection of one with CURLOPT_CONNECT_ONLY is closed with that.
 */
extern void curl_uv_keep_done(curl_uv *c);

/* Watch that socket no more: from now on its owner does, until libcurl closes it. */
extern void curl_uv_let_go(curl_uv *c, curl_socket_t fd);

/*
 * Set a new easy handle up, once: for this loop, and with what holds for every
 * connection that we open (protocols, TLS, no proxy).  ca_file: NULL for the
 * system's authorities; it is not kept.
 */
extern void curl_uv_prepare(curl_uv *c, CURL *easy, uint32_t connect_timeout_ms, const char *ca_file);

/*
 * What that sets as CURLOPT_OPENSOCKETFUNCTION, with the loop as its data: for
 * whoever sets another in front of it.
 */
extern curl_socket_t curl_uv_open_socket(void *loop, curlsocktype purpose, struct curl_sockaddr *addr);

/* Hand a transfer over; it begins with the next curl_uv_run(). */
extern CURLMcode curl_uv_add(curl_uv *c, CURL *easy);

/* Begin what was added. */
extern void curl_uv_run(curl_uv *c);

/* Take a transfer back without an end. */
extern void curl_uv_remove(curl_uv *c, CURL *easy);

/* All transfers are removed before; memory goes when the loop has run. */
extern void curl_uv_free(curl_uv *c);

#endif /* NET_CURL_UV_H */
