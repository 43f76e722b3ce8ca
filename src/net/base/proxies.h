/*
 * proxies.h
 *	  The peers that are believed about whom they speak for: webchatt.trusted_proxies,
 *	  one list for the whole program.
 */
#ifndef NET_PROXIES_H
#define NET_PROXIES_H

#include "base/address.h"
#include "common/frame.h"

/* The setting; counts at once.  What is wrong with it goes into the log. */
extern void proxies_configure(wc_str list);

/* A peer on a unix socket is always trusted: the socket's mode let it in. */
extern bool proxies_trust(const net_addr *peer);

/* Who it is: the peer, or whom a trusted one's X-Forwarded-For names; forwarded NULL: it has none. */
extern net_addr proxies_client(const net_addr *peer, const char *forwarded, size_t len);

#endif /* NET_PROXIES_H */
