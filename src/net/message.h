/*
 * message.h
 *	  One message on its way to a hub, its request's body ready made, and the
 *	  queues that messages wait in.
 */
#ifndef NET_MESSAGE_H
#define NET_MESSAGE_H

#include "../common/corridor.h"

/* One message that waits or is under way. */
typedef struct message
{
	struct message *next;
	uint64_t	token;
	uint8_t		id[16];
	size_t		size;			/* of this allocation */
	const char *kind;			/* NUL-terminated, in data; NULL: bare */
	const char *body;			/* the request's, in data */
	size_t		body_len;
	wc_outcome_result failure;	/* of one that fails without a request */
	bool		again;			/* it met a closed connection once */
	const char *failure_text;	/* static; NULL: it has not failed */
	char		data[];
} message;

typedef struct message_queue
{
	message    *first;
	message    *last;
	uint32_t	count;
} message_queue;

/*
 * Copy what a send needs.  NULL when it cannot be sent at all: *refusal is then
 * a static sentence that says why.  The content goes in as it came.
 */
extern message *message_new(const wc_send *send, const char **refusal);

/* A message that will fail: only its token. */
extern message *message_new_bare(uint64_t token);

extern void message_queue_push(message_queue *q, message *m);
extern void message_queue_push_front(message_queue *q, message *m);
extern message *message_queue_pop(message_queue *q);
extern void message_queue_drop(message_queue *q);

#endif							/* NET_MESSAGE_H */
