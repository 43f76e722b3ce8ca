/*
 * deliverer.c
 *	  See deliverer.h.
 */
#include "deliverer.h"

#include <stdlib.h>

struct deliverer
{
	int			unused;
};

deliverer *
deliverer_new(uv_loop_t *loop, corridor_io *corridor)
{
	(void) loop;
	(void) corridor;
	return calloc(1, sizeof(deliverer));
}

void
deliverer_configure(deliverer *d, const wc_config *config)
{
	(void) d;
	(void) config;
}

void
deliverer_webhook_put(deliverer *d, const wc_webhook_put *webhook)
{
	(void) d;
	(void) webhook;
}

void
deliverer_webhook_gone(deliverer *d, uint32_t webhook)
{
	(void) d;
	(void) webhook;
}

void
deliverer_deliver(deliverer *d, const wc_deliver *deliver)
{
	(void) d;
	(void) deliver;
}

uint32_t
deliverer_pending(const deliverer *d)
{
	(void) d;
	return 0;
}

void
deliverer_free(deliverer *d)
{
	free(d);
}
