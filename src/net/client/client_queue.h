/*
 * client_queue.h
 *	  Those whom requests go to, hubs or webhooks: what waits for each, and whose
 *	  turn it is.
 */
#ifndef NET_CLIENT_QUEUE_H
#define NET_CLIENT_QUEUE_H

#include "client/client_request.h"
#include "client/target.h"

typedef struct destination
{
	uint32_t id;
	target *target;
	client_queue queue;
	uint32_t in_flight;
	uint32_t window; /* never more than so many of its requests under way */
	bool gone;		 /* out of the registry; freed with its last request */
} destination;

/* All zeros is an empty one. */
typedef struct destinations
{
	destination **all; /* ordered by id */
	uint32_t count;
	uint32_t capacity;
	uint32_t turn; /* where the last search ended */
} destinations;

extern destination *client_queue_find(const destinations *r, uint32_t id);

/* A new one with that target, or a new target for one; takes it over. */
extern void client_queue_put(destinations *r, uint32_t id, target *t, uint32_t window);
extern void client_queue_remove(destinations *r, destination *p);
extern void client_queue_free(destinations *r);

/*
 * The destination whose first request should go next, NULL when none may: the one with
 * the fewest requests under way, and only while each other destination still finds
 * its reserve free.  So one that is slow or dead cannot take all the slots,
 * neither from those that wait nor from those that will.
 */
extern destination *client_queue_next(destinations *r, uint32_t under_way, uint32_t max_under_way);

extern void client_queue_started(destination *p);
extern void client_queue_finished(destination *p);

#endif /* NET_CLIENT_QUEUE_H */
