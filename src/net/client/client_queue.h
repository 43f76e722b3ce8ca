/*
 * client_queue.h
 *	  Those whom requests go to, hubs or webhooks: what waits for each, and whose
 *	  turn it is.
 */
#ifndef NET_CLIENT_QUEUE_H
#define NET_CLIENT_QUEUE_H

#include "client/client_request.h"
#include "client/target.h"

typedef struct peer
{
	uint32_t id;
	target *target;
	errand_queue queue;
	uint32_t in_flight;
	uint32_t window; /* never more than so many of its requests under way */
	bool gone;		 /* out of the registry; freed with its last request */
} peer;

/* All zeros is an empty one. */
typedef struct peers
{
	peer **all; /* ordered by id */
	uint32_t count;
	uint32_t capacity;
	uint32_t turn; /* where the last search ended */
} peers;

extern peer *peers_find(const peers *r, uint32_t id);

/* A new one with that target, or a new target for one; takes it over. */
extern void peers_put(peers *r, uint32_t id, target *t, uint32_t window);
extern void peers_remove(peers *r, peer *p);
extern void peers_free(peers *r);

/*
 * The peer whose first errand should go next, NULL when none may: the one with
 * the fewest requests under way, and only while each other peer still finds
 * its reserve free.  So one that is slow or dead cannot take all the slots,
 * neither from those that wait nor from those that will.
 */
extern peer *peers_next(peers *r, uint32_t under_way, uint32_t max_under_way);

extern void peer_started(peer *p);
extern void peer_finished(peer *p);

#endif /* NET_CLIENT_QUEUE_H */
