/*
 * ws_client_end.h
 *	  Why a link to a hub ended or never began: what follows from it, and words
 *	  for a person.
 */
#ifndef NET_WS_CLIENT_END_H
#define NET_WS_CLIENT_END_H

#include "ws/link_head.h"

/* The words, in bytes. */
#define LINK_WHY_SIZE 320

/* Close codes that only hubs send to subscribers (doc/link.md). */
#define LINK_CLOSE_KEY	 4001
#define LINK_CLOSE_TWICE 4010

typedef struct link_end
{
	uint32_t http_status;	 /* of an answer that opened nothing; else 0 */
	uint32_t retry_after_ms; /* which it came with; 0: none */
	uint16_t code;			 /* the close code that came; 1006 when none did */
	bool wrong;				 /* the hub breaks a rule: dialling again at once is no use */
	bool too_large;			 /* of the rules, that of a message's size */
	char why[LINK_WHY_SIZE]; /* begins with the hub's host */
} link_end;

/* Words with what a stranger said in them: made one line of whole characters. */
extern void ws_client_end_say(char why[LINK_WHY_SIZE], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The hub answered, and the answer is bad. */
extern void ws_client_end_answer(link_end *end, const char *host, const link_answer *answer);

/* The hub sent a close frame; code is 1005 when it has none. */
extern void ws_client_end_close(link_end *end, const char *host, uint16_t code, const char *reason, size_t len);

/* It sent what is against the rules, and code is what we answer with. */
extern void ws_client_end_breach(link_end *end, const char *host, uint16_t code);

#endif /* NET_WS_CLIENT_END_H */
