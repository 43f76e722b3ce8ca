/*
 * hub_registry.h
 *	  The hubs that messages go to: address and key, what waits for each, and
 *	  whose turn it is.
 */
#ifndef NET_HUB_REGISTRY_H
#define NET_HUB_REGISTRY_H

#include <curl/curl.h>

#include "message.h"

/*
 * Where requests go and with which key.  Never changed once made: a new
 * address makes a new one, and requests under way hold on to theirs.
 */
typedef struct hub_target
{
	uint32_t	refs;
	char	   *api_url;
	char	   *api_key;
	char	   *host;			/* for texts: host, or host:port */
	struct curl_slist *headers; /* those that are the same in each request */
	wc_outcome_result defect;
	const char *defect_text;	/* static; NULL: it can be used */
	bool		https;
} hub_target;

typedef struct hub
{
	uint32_t	id;
	hub_target *target;
	message_queue queue;
	uint32_t	in_flight;
	bool		gone;			/* out of the registry; freed with its last request */
} hub;

/* All zeros is an empty one. */
typedef struct hub_registry
{
	hub		  **hubs;			/* ordered by id */
	uint32_t	count;
	uint32_t	capacity;
	uint32_t	turn;			/* where the last search ended */
} hub_registry;

extern hub *hub_registry_find(const hub_registry *r, uint32_t id);
extern void hub_registry_put(hub_registry *r, const wc_hub_put *put);
extern void hub_registry_remove(hub_registry *r, hub *h);
extern void hub_registry_free(hub_registry *r);

/*
 * The hub whose first message should go next, NULL when none may: the one with
 * the fewest requests under way, and only while each other hub still finds
 * its reserve free.  So a hub that is slow or dead cannot take all the slots,
 * neither from hubs that wait nor from those that will.
 */
extern hub *hub_registry_next(hub_registry *r, uint32_t under_way, uint32_t max_in_flight);

extern void hub_started(hub *h);
extern void hub_finished(hub *h);
extern hub_target *hub_target_hold(hub_target *t);
extern void hub_target_release(hub_target *t);

#endif							/* NET_HUB_REGISTRY_H */
