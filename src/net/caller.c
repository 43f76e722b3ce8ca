/*
 * caller.c
 *	  See caller.h.
 */
#include "caller.h"

#include <stdlib.h>

struct caller
{
	int			unused;
};

caller *
caller_new(uv_loop_t *loop, corridor_io *corridor)
{
	(void) loop;
	(void) corridor;
	return calloc(1, sizeof(caller));
}

void
caller_configure(caller *c, const wc_config *config)
{
	(void) c;
	(void) config;
}

void
caller_hub_put(caller *c, const wc_hub_put *hub)
{
	(void) c;
	(void) hub;
}

void
caller_hub_gone(caller *c, uint32_t hub)
{
	(void) c;
	(void) hub;
}

void
caller_call(caller *c, const wc_call *call)
{
	(void) c;
	(void) call;
}

uint32_t
caller_pending(const caller *c)
{
	(void) c;
	return 0;
}

void
caller_free(caller *c)
{
	free(c);
}
