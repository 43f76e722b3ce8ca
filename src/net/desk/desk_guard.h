/*
 * desk_guard.h
 *	  Who may ask the database anything: a page of the desk's own, with a session's
 *	  cookie, and from an address that does not try too many.
 */
#ifndef NET_DESK_GUARD_H
#define NET_DESK_GUARD_H

#include "desk/desk_head.h"
#include "desk/desk_state.h"

/* Whoever calls; all zeros but for client before it is checked. */
typedef struct desk_caller
{
	net_addr client;
	uint8_t session[WC_HASH_SIZE]; /* of the token */
	char user[DESK_USER_MAX + 1];  /* as a trusted proxy says; empty: none does */
	bool has_session;			   /* the call is that session's */
	bool paid;					   /* of strangers, or (signing in) of sign_ins */
} desk_caller;

/* Of everything at the desk's addresses: is there a desk?  If not, that is the answer. */
extern bool desk_guard_is_on(conn *c);

/* Read the desk's part of a request's head; its strings live as long as the request.  A proxy is believed if it is trusted. */
extern void desk_guard_head(const desk *d, conn *c, desk_head *head);

/* Whom a proxy says that it is from; REFUSE_NOTHING: it is somebody, or nothing is said. */
extern refusal desk_guard_user(const desk_head *head, desk_caller *caller);

/* May it be handed on, as far as its session is concerned?  Fills session, has_session and paid. */
extern refusal desk_guard_session(desk *d, const desk_head *head, desk_caller *caller);

/*
 * May it try to sign in?  Whatever cookie it brought does not count; session is that one's all the same, which ends
 * when they get in.
 */
extern refusal desk_guard_sign_in(desk *d, const desk_head *head, desk_caller *caller);

/* The database knows the session: it was no stranger's try. */
extern void desk_guard_known(desk *d, desk_caller *caller);

/* They are in: so many attempts that it took do not count. */
extern void desk_guard_signed_in(desk *d, desk_caller *caller, int attempts);

/* A new token, a NUL behind it; and its hash.  False: there is no chance to be had. */
extern bool desk_guard_token(char token[DESK_TOKEN_LEN + 1], uint8_t hash[WC_HASH_SIZE]);

#endif /* NET_DESK_GUARD_H */
