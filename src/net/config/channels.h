/*
 * channels.h
 *	  The channels whose webhooks the HTTP server takes, with the secrets that it
 *	  verifies them with, and those that visitors connect to.
 */
#ifndef NET_CHANNELS_H
#define NET_CHANNELS_H

#include "base/hash.h"
#include "common/corridor.h"

/* More than this the HTTP server does not take; far above what one database has. */
#define CHANNELS_MAX 1000000u

/* Of what a channel's widgets are told before they connect: the beginning of its SHA-256 in hexadecimal digits. */
#define CHANNELS_VERSION 16

typedef struct channel
{
	hash_link by_id;
	hash_link by_key; /* local ones, by public key */
	uint8_t id[16];
	uint32_t hub; /* that it hangs on */
	bool accept_unsigned;
	uint8_t nsecrets;
	bool local; /* visitors connect to it */
	uint8_t norigins;
	wc_secret secrets[WC_MAX_SECRETS]; /* these and the next point into memory */
	wc_str public_key;
	wc_str display_name;
	wc_str origins[WC_MAX_ORIGINS];
	wc_str widget; /* a JSON object */
	char widget_version[CHANNELS_VERSION + 1];
	uint8_t identity; /* wc_identity_mode */
	uint8_t nidentity_secrets;
	wc_secret identity_secrets[WC_MAX_SECRETS];
	char *memory; /* holds secrets: cleansed when freed */
	size_t memory_len;
} channel;

typedef struct channels channels;

extern channels *channels_new(void);
extern void channels_free(channels *set);

/* Copies; replaces what the set has under that id.  False: out of memory. */
extern bool channels_put(channels *set, const wc_channel_put *put);
extern void channels_gone(channels *set, const uint8_t id[16]);

/* Valid until the next put or gone. */
extern const channel *channels_find(const channels *set, const uint8_t id[16]);

/* The local channel with that public key; valid as long. */
extern const channel *channels_find_key(const channels *set, const char *key, size_t len);

/*
 * The origin of the channel that a page's Origin names, to the letter: a browser sends its
 * one form.  NULL: the channel does not take it, or there is none.
 */
extern const wc_str *channels_origin(const channel *c, wc_str origin);
extern uint32_t channels_count(const channels *set);

#endif /* NET_CHANNELS_H */
