/*
 * api_keys.h
 *	  The keys that open the REST API at home, as the SHA-256 of each: the keys
 *	  themselves never come here.
 */
#ifndef NET_API_KEYS_H
#define NET_API_KEYS_H

#include "base/errors.h"
#include "common/corridor.h"

/* More than this the HTTP server does not take; every request looks at all of them. */
#define API_KEYS_MAX 10000u

/* "wck_" and 43 characters of base64url, made by webchatt.create_api_key(). */
#define API_KEY_LENGTH 47

typedef struct api_keys api_keys;

/* A key as the set has it; good until the set changes. */
typedef struct api_key
{
	uint32_t id;
	uint8_t hash[WC_HASH_SIZE];
	uint8_t scopes;	   /* WC_SCOPE_... */
	uint8_t *channels; /* 16 bytes each; NULL: all */
	uint32_t nchannels;
} api_key;

extern api_keys *api_keys_new(void);
extern void api_keys_free(api_keys *set);

/* Replaces what the set has under that id; what does not fit is said in the log. */
extern void api_keys_put(api_keys *set, const wc_key_put *put);
extern void api_keys_gone(api_keys *set, uint32_t id);

/*
 * May whoever shows that key (NULL: none) do something of that scope?  *id is the
 * key's, also when its scopes are others; 0: there is no such key.  The time that
 * it takes tells nothing of which.
 */
extern refusal api_keys_check(const api_keys *set, const char *key, size_t len, uint8_t scope, uint32_t *id);

/* That with this id; NULL: it is not there, or no longer. */
extern const api_key *api_keys_get(const api_keys *set, uint32_t id);

/* May the key do anything on that channel? */
extern bool api_keys_has_channel(const api_key *key, const uint8_t channel[16]);

#endif /* NET_API_KEYS_H */
