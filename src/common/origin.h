/*
 * origin.h
 *	  Web origins (doc/hub-contract.md, section 1): parsed and brought to one form, for SQL and
 *	  for webchatt-net alike, so that two origins are the same when their bytes are.
 */
#ifndef WC_ORIGIN_H
#define WC_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

/* scheme, "://", a host of at most 253 bytes, ":" and a port, NUL */
#define WC_ORIGIN_SIZE 272

/*
 * Normalise "http[s]://host[:port]" into out: scheme and host in lower case,
 * the scheme's default port dropped, an IPv6 literal in brackets in its
 * RFC 5952 form, an IPv4 literal only as four decimal numbers.  A host name is
 * taken as a browser sends it (IDN as xn--...): letters, digits, hyphens and
 * dots (underscores too, as browsers allow), labels of 1 to 63 bytes.  One
 * slash at the end is dropped.  On false, *reason is a static sentence saying
 * what is wrong: no scheme, another scheme, "null", user info, a path, a
 * query, a fragment, a wildcard, a bad host, a bad port, non-ASCII bytes (the
 * reason then names the xn-- form), too long.
 */
extern bool wc_origin_normalize(const char *in, size_t len, char out[WC_ORIGIN_SIZE], const char **reason);

#endif /* WC_ORIGIN_H */
