/*
 * link_client.c
 *	  See link_client.h.
 */
#include "link_client.h"

#include <stdlib.h>

struct link_client
{
	int			unused;
};

link_client *
link_client_new(uv_loop_t *loop, corridor_io *corridor)
{
	(void) loop;
	(void) corridor;
	return calloc(1, sizeof(link_client));
}

void
link_client_configure(link_client *c, const wc_config *config)
{
	(void) c;
	(void) config;
}

void
link_client_hub_put(link_client *c, const wc_hub_put *hub)
{
	(void) c;
	(void) hub;
}

void
link_client_hub_gone(link_client *c, uint32_t hub)
{
	(void) c;
	(void) hub;
}

void
link_client_open(link_client *c)
{
	(void) c;
}

void
link_client_event_done(link_client *c, const wc_event_done *done)
{
	(void) c;
	(void) done;
}

void
link_client_run(link_client *c)
{
	(void) c;
}

void
link_client_close(link_client *c)
{
	(void) c;
}

bool
link_client_drained(const link_client *c)
{
	(void) c;
	return true;
}

void
link_client_free(link_client *c)
{
	free(c);
}
