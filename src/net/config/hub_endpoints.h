/*
 * hub_endpoints.h
 *	  Hubs' own endpoints at the HTTP server, /webhooks/hubs/<name>: which there are and
 *	  what signs what comes there.
 */
#ifndef NET_HUB_ENDPOINTS_H
#define NET_HUB_ENDPOINTS_H

#include "common/corridor.h"

/* More than this the HTTP server does not take; every event for a hub looks at all of them. */
#define HUB_ENDPOINTS_MAX 1000u

typedef struct hub_endpoint
{
	uint32_t id;
	wc_str name; /* this and the secrets point into memory */
	uint8_t nsecrets;
	wc_secret secrets[WC_MAX_SECRETS];
	uint64_t secret_comes; /* until then a secret may be in use that is not here yet; uv_now() */
	char *memory;		   /* cleansed when freed */
	size_t memory_len;
} hub_endpoint;

typedef struct hub_endpoints hub_endpoints;

extern hub_endpoints *hub_endpoints_new(void);
extern void hub_endpoints_free(hub_endpoints *set);

/* Copies; replaces what the set has under that id.  False: too many, or out of memory. */
extern bool hub_endpoints_put(hub_endpoints *set, const wc_hub_put *put);
extern void hub_endpoints_gone(hub_endpoints *set, uint32_t id);

/* The hub is asked for a new secret: it may sign with it before we know it. */
extern void hub_endpoints_secret_comes(hub_endpoints *set, uint32_t id, uint64_t until);

/* NULL: there is none of that name.  Valid until the next put or gone. */
extern const hub_endpoint *hub_endpoints_find(const hub_endpoints *set, const char *name, size_t len);

#endif /* NET_HUB_ENDPOINTS_H */
