/*
 * poll_body.h
 *	  The body of a poll (doc/protocol.md, "Without WebSockets"): a line of JSON about the
 *	  session, and a line for each frame.
 */
#ifndef NET_POLL_BODY_H
#define NET_POLL_BODY_H

#include <stdbool.h>

#include "common/frame.h"

/* A session's id: 32 bytes of chance in base64url. */
#define POLL_ID_LEN 43

/* Bytes of the first line. */
#define POLL_HEAD_MAX 512

typedef struct poll_body
{
	char id[POLL_ID_LEN + 1]; /* empty: a session is to be opened */
	uint64_t ack;			  /* the hub's frames up to that one have come */
	uint64_t first;			  /* the number of the first of the client's frames */
	bool wait;				  /* to be answered when there is something to say */
	bool over;				  /* the client goes */
	wc_str frames;
} poll_body;

/* False: it is none, and why. */
extern bool poll_body_parse(const char *body, size_t len, poll_body *poll, const char **why);

/* The next frame of those; false: there is none.  Empty lines are none. */
extern bool poll_body_next(wc_str *frames, wc_str *frame);

#endif /* NET_POLL_BODY_H */
