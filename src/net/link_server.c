/*
 * link_server.c
 *	  See link_server.h.
 */
#include "link_server.h"

#include <stdlib.h>

struct link_server
{
	int			unused;
};

link_server *
link_server_new(uv_loop_t *loop, corridor_io *corridor, const keys *keys)
{
	(void) loop;
	(void) corridor;
	(void) keys;
	return calloc(1, sizeof(link_server));
}

void
link_server_configure(link_server *s, const wc_config *config)
{
	(void) s;
	(void) config;
}

void
link_server_open(link_server *s)
{
	(void) s;
}

void
link_server_welcome(link_server *s, const wc_link_welcome *welcome)
{
	(void) s;
	(void) welcome;
}

void
link_server_event(link_server *s, const wc_link_event *event)
{
	(void) s;
	(void) event;
}

void
link_server_end(link_server *s, const wc_link_close *close)
{
	(void) s;
	(void) close;
}

void
link_server_key_gone(link_server *s, uint32_t key)
{
	(void) s;
	(void) key;
}

void
link_server_run(link_server *s)
{
	(void) s;
}

void
link_server_close(link_server *s)
{
	(void) s;
}

bool
link_server_drained(const link_server *s)
{
	(void) s;
	return true;
}

void
link_server_free(link_server *s)
{
	free(s);
}
