/*
 * hub_endpoints.h
 *	  Hubs' own endpoints at the door, /webhooks/hubs/<name>: which there are and
 *	  what signs what comes there.
 */
#ifndef NET_HUB_ENDPOINTS_H
#define NET_HUB_ENDPOINTS_H

#include "common/corridor.h"

/* More than this the door does not take; every event for a hub looks at all of them. */
#define HUB_DOORS_MAX 1000u

typedef struct hub_door
{
	uint32_t id;
	wc_str name; /* this and the secrets point into memory */
	uint8_t nsecrets;
	wc_secret secrets[WC_MAX_SECRETS];
	uint64_t secret_comes; /* until then a secret may be in use that is not here yet; uv_now() */
	char *memory;		   /* cleansed when freed */
	size_t memory_len;
} hub_door;

typedef struct hub_doors hub_doors;

extern hub_doors *hub_doors_new(void);
extern void hub_doors_free(hub_doors *set);

/* Copies; replaces what the set has under that id.  False: too many, or out of memory. */
extern bool hub_doors_put(hub_doors *set, const wc_hub_put *put);
extern void hub_doors_gone(hub_doors *set, uint32_t id);

/* The hub is asked for a new secret: it may sign with it before we know it. */
extern void hub_doors_secret_comes(hub_doors *set, uint32_t id, uint64_t until);

/* NULL: there is none of that name.  Valid until the next put or gone. */
extern const hub_door *hub_doors_find(const hub_doors *set, const char *name, size_t len);

#endif /* NET_HUB_ENDPOINTS_H */
