/*
 * visitor_identity.h
 *	  The token by which a site's server says which of its users a visitor is
 *	  (doc/identity.md): a JWT that is signed by HS256.
 */
#ifndef NET_VISITOR_IDENTITY_H
#define NET_VISITOR_IDENTITY_H

#include "common/corridor.h"

/* Bytes of a token. */
#define VISITOR_MAX_IDENTITY 2048

/* A token is not good for longer, from now on, in seconds. */
#define VISITOR_IDENTITY_FOR (INT64_C(366) * 86400)

/* So far may the clock of the site's server be ahead of ours, in seconds: of nbf, and of the year. */
#define VISITOR_IDENTITY_LEEWAY 60

typedef struct visitor_identity
{
	char user_id[WC_MAX_USER_ID + 1];
	char name[WC_MAX_NAME + 1]; /* these are empty where the token does not say them */
	char email[WC_MAX_EMAIL + 1];
	char avatar[WC_MAX_AVATAR + 1];
} visitor_identity;

/*
 * Is that a token which a valid one of these secrets signed, and which is good now?  NULL: it is, and says who
 * that is; else why not, in a sentence for a developer, without anything of the secret.  audience: the channel's public
 * key, which a token that names one must name.
 */
extern const char *visitor_identity_verify(const wc_secret *secrets, int nsecrets, wc_str audience, const char *token,
										   size_t len, int64_t now, visitor_identity *who);

#endif /* NET_VISITOR_IDENTITY_H */
