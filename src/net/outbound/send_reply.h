/*
 * send_reply.h
 *	  What a hub's HTTP answer to a send means (doc/hub-contract.md, section 2).
 *
 * No I/O and no libcurl: a status, a body and a host's name go in, an outcome
 * comes out.
 */
#ifndef NET_SEND_REPLY_H
#define NET_SEND_REPLY_H

#include "common/corridor.h"
#include "common/event_rules.h"

/* The longest error message that leaves webchatt-net, in bytes. */
#define SEND_REPLY_MAX_TEXT 500

/* A 429 without Retry-After pauses the hub for this long. */
#define REPLY_DEFAULT_PAUSE_MS 1000

/* The longest pause that a hub can ask for, in seconds. */
#define REPLY_MAX_PAUSE_S 3600

typedef struct send_reply
{
	uint32_t http_status;
	const char *body;
	size_t body_len;
	bool body_too_large;   /* body is only its beginning */
	int64_t retry_after_s; /* 0: none given */
	const char *host;	   /* the hub's, for texts */
} send_reply;

/* An outcome whose strings lie beside it. */
typedef struct send_reply_verdict
{
	wc_outcome outcome;
	char hub_status[WC_MAX_STATUS + 1];
	char hub_message_id[WC_MAX_HUB_MESSAGE_ID + 1];
	char error_code[WC_MAX_ERROR_CODE + 1];
	char error_message[SEND_REPLY_MAX_TEXT + 1];
} send_reply_verdict;

/*
 * Fill result, http_status, retry_after_ms and the strings; zero the rest.  A 2xx
 * that cannot be read, or says nothing of the message, is taken for accepted.
 */
extern void send_reply_classify(const send_reply *r, send_reply_verdict *v);

/* A verdict with a text of our own, cut at SEND_REPLY_MAX_TEXT. */
extern void send_reply_set(send_reply_verdict *v, wc_outcome_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* NET_SEND_REPLY_H */
