/*
 * transfer.h
 *	  One libcurl easy handle, reused from request to request, and what an
 *	  answer or its absence means.
 */
#ifndef NET_TRANSFER_H
#define NET_TRANSFER_H

#include <curl/curl.h>

#include "../common/event.h"
#include "curl_loop.h"
#include "hub_registry.h"
#include "message.h"
#include "reply.h"

/* "Idempotency-Key: ", a UUID, NUL */
#define TRANSFER_KEY_LINE	64

/* What every handle is set up with. */
typedef struct transfer_settings
{
	uint32_t	send_timeout_ms;
	uint32_t	connect_timeout_ms;
	char	   *ca_file;		/* NULL: the system's */
	uint32_t	generation;		/* grows with each change of the others */
} transfer_settings;

/* One easy handle and the request that it carries. */
typedef struct transfer
{
	struct transfer *prev;
	struct transfer *next;
	CURL	   *easy;
	message    *message;
	hub		   *hub;
	hub_target *target;			/* whose URL and headers the handle has */
	char		kind[WC_MAX_CHANNEL_TYPE + 1];	/* which its URL ends with */
	uint32_t	generation;		/* of the settings that it has */
	uint64_t	began;			/* uv_hrtime() */
	struct curl_slist key;		/* this request's header, before the hub's */
	char		key_line[TRANSFER_KEY_LINE];
	char	   *body;
	size_t		body_len;
	size_t		body_capacity;
	size_t		head_len;
	bool		body_too_large;
	bool		head_too_large;
	bool		fresh;			/* the handle is set to make a new connection */
	char		error[CURL_ERROR_SIZE];
} transfer;

/* NULL when libcurl has no memory. */
extern transfer *transfer_new(curl_loop *loop, const transfer_settings *settings);
extern void transfer_free(transfer *t);

/*
 * Point the handle at a hub.  Most often it was there already: then nothing is
 * set again.  False: no memory.
 */
extern bool transfer_aim(transfer *t, hub_target *target, const char *kind);

/* Load it with a message, which must live until the transfer's end. */
extern void transfer_load(transfer *t, message *m);

/* What became of the message: everything but token and duration. */
extern void transfer_judge(transfer *t, CURLcode code, reply_verdict *v);

/*
 * The hub closed a kept connection just when we used it.  libcurl takes the
 * next by itself, but gives up at the sixth such case in a handle's whole life.
 */
extern bool transfer_met_closed_connection(transfer *t, CURLcode code);

#endif							/* NET_TRANSFER_H */
