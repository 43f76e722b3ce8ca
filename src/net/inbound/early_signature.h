/*
 * early_signature.h
 *	  Events that came to a hub's endpoint while it was asked for a new signing
 *	  secret, and are signed with that: they wait until it is known.
 */
#ifndef NET_EARLY_SIGNATURE_H
#define NET_EARLY_SIGNATURE_H

#include "http/http_conn.h"

/* A call goes to a hub; if it brings a new secret, the hub may sign with it before we know it. */
extern void early_signature_hub_called(http_server *d, const wc_call *call);

/* May what was refused so be signed with a secret that is about to come? */
extern bool early_signature_wanted(const conn *c, refusal why);

/* Keep its body; false: too many wait already, or there is no memory. */
extern bool early_signature_take(conn *c, uint64_t number, const char *body, size_t len);

/* It waits no more; nothing is done where it did not. */
extern void early_signature_leave(conn *c);

#endif /* NET_EARLY_SIGNATURE_H */
