/*
 * visitor_admit.h
 *	  From a WebSocket's opening request to a session, or to a refusal that says what
 *	  to do.
 */
#ifndef NET_VISITOR_ADMIT_H
#define NET_VISITOR_ADMIT_H

#include "visitors/visitor_session.h"
#include "ws/ws_accept.h"

/* A ws_admit_fn, but for the type of its first argument. */
extern void visitor_admit(visitors *v, const ws_opening *opening, const ws_handshake *head, refusal verdict,
						  const char *why);

/* A normalised origin of a channel in a few bytes; 0: it could not be made. */
extern uint64_t visitor_admit_origin_tag(const char *origin, size_t len);

/* Is an address that begins with so many bytes of a normalised origin of the page that the session came from? */
extern bool visitor_admit_is_of(const session *s, const char *url, size_t origin);

#endif /* NET_VISITOR_ADMIT_H */
