/*
 * alloc.h
 *	  Memory or an end with a message: webchatt-net that runs out of it exits,
 *	  and the worker starts it again and repeats what was under way.
 */
#ifndef NET_ALLOC_H
#define NET_ALLOC_H

#include <stdio.h>
#include <stdlib.h>

/* Like calloc() for one object, but never NULL. */
static inline void *
net_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
	{
		fputs("webchatt-net: out of memory; lower webchatt.max_in_flight or give the server more\n", stderr);
		abort();
	}
	return p;
}

#endif /* NET_ALLOC_H */
