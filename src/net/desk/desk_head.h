/*
 * desk_head.h
 *	  What the head of a request to the desk says of who sends it: the page itself,
 *	  and in whose session.
 */
#ifndef NET_DESK_HEAD_H
#define NET_DESK_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/frame.h"

/* A token: 32 bytes in base64url. */
#define DESK_TOKEN_LEN 43

/*
 * The header that a form cannot send: 1, or 2 from a page that nobody has touched
 * lately, and that asks by itself.
 */
#define DESK_MARK "X-Webchatt-Desk"

/*
 * The session's cookie.  Where the desk is reached by https no page of a
 * neighbouring host can set it (RFC 6265bis §4.1.3).
 */
#define DESK_COOKIE		   "webchatt_desk"
#define DESK_COOKIE_SECURE "__Host-" DESK_COOKIE

/* Bytes of what a proxy may call somebody. */
#define DESK_USER_MAX 255

typedef struct desk_head
{
	const char *cookie;		 /* the names to look for: set before anything has come */
	const char *user_header; /* NULL: nobody is believed who says who sends it */
	wc_str origin;			 /* p is NULL when there is none, or more than one */
	wc_str host;
	wc_str user_agent;
	wc_str token; /* the session's; p is NULL when there is none that can be one */
	wc_str user;  /* who sends it, as a proxy says; p is NULL when none does */
	bool marked;  /* there was a DESK_MARK */
	bool unattended;
	bool origins;  /* there was an Origin */
	bool cookies;  /* there was a cookie of that name */
	bool users;	   /* there was a user_header */
	bool odd_user; /* there was more than one, or what is nobody's name */
} desk_head;

/* For each field of the head; the strings must stay. */
extern void desk_head_field(desk_head *head, const char *name, size_t name_len, const char *value, size_t value_len);

/*
 * Does it come from the desk's own page?  origin: the desk's, in the one form
 * that browsers send; empty: any page of the host that was asked, by http.
 */
extern bool desk_head_is_ours(const desk_head *head, const char *origin);

#endif /* NET_DESK_HEAD_H */
