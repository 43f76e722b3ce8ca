/*
 * poll_line.h
 *	  A visitor's session over requests instead of a WebSocket: what it has to say is
 *	  kept, numbered, until the client has confirmed it.
 */
#ifndef NET_POLL_LINE_H
#define NET_POLL_LINE_H

#include "base/hash.h"
#include "http/http_conn.h"
#include "visitors/poll_body.h"
#include "visitors/visitor_session.h"

typedef struct poll_line
{
	session s; /* first: its ws, first in it, is what the sessions' code knows */
	hash_link by_hash;
	uint8_t hash[WC_HASH_SIZE]; /* of its id, which is a secret */
	conn *parked;				/* the request that waits for something to be told; NULL: none */
	wc_buf out;					/* frames that the client has not confirmed, each with its line's end */
	uint64_t first;				/* the number of the first of them */
	uint32_t nout;
	uint64_t taken; /* of the client's frames, up to that one */
	uint16_t code;	/* with which it was closed; 0: it is open */
	char reason[124];
	bool ready; /* in the list of those that have something to say */
	struct poll_line *next_ready;
	struct poll_line *next_dead;
} poll_line;

/* For the table of all. */
extern uint64_t poll_line_key(const hash_link *entry);

/* A new one in its first phase, known by its id; NULL: out of memory, or of chance. */
extern poll_line *poll_line_new(visitors *v, char id[POLL_ID_LEN + 1]);

/* NULL: there is none of that id. */
extern poll_line *poll_line_find(visitors *v, const char *id);

/* The client has the hub's frames up to that one. */
extern void poll_line_confirmed(poll_line *p, uint64_t number);

/* Has it something to say that is not confirmed, or been closed? */
extern bool poll_line_speaks(const poll_line *p);

/* What a poll is answered: the frames only if it asked for them, the id (else NULL) if it is new; false: no memory. */
extern bool poll_line_answer(poll_line *p, bool frames, const char *id, wc_buf *buf);

/* A request came, or one that was parked is answered: from now on it may be silent for as long as a WebSocket. */
extern void poll_line_heard(poll_line *p);

#endif /* NET_POLL_LINE_H */
