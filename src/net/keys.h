/*
 * keys.h
 *	  The keys that open the REST API at home, as the SHA-256 of each: the keys
 *	  themselves never come here.
 */
#ifndef NET_KEYS_H
#define NET_KEYS_H

#include "head_check.h"
#include "../common/corridor.h"

/* More than this the door does not take; every request looks at all of them. */
#define KEYS_MAX		10000u

/* "wck_" and 43 characters of base64url, made by webchatt.create_api_key(). */
#define KEY_LENGTH		47

typedef struct keys keys;

extern keys *keys_new(void);
extern void keys_free(keys *set);

/* Replaces what the set has under that id.  False: out of memory, or too many. */
extern bool keys_put(keys *set, const wc_key_put *put);
extern void keys_gone(keys *set, uint32_t id);

/* True for a text that has the form of a key. */
extern bool keys_well_formed(head_value key);

/* True when the key is in the set.  The time that it takes tells nothing of which. */
extern bool keys_has(const keys *set, head_value key);

/* The same, with the key's id, which is 0 for one that is not in the set. */
extern bool keys_find(const keys *set, head_value key, uint32_t *id);

#endif							/* NET_KEYS_H */
