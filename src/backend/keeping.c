/*
 * keeping.c
 *	  Hub connections that keep themselves: calls to hubs' REST APIs, which ones
 *	  SQL decides, and the state of links.
 */
#include "worker.h"

bool
keeping_accept(const wc_frame *frame)
{
	return false;
}

bool
keeping_ready(TimestampTz now)
{
	return false;
}

TimestampTz
keeping_next_due(void)
{
	return 0;
}

void
keeping_nudge(void)
{
}

void
keeping_apply(TimestampTz now)
{
}

void
keeping_commit(wc_buf *out)
{
}

void
keeping_rollback(void)
{
}

void
keeping_net_lost(void)
{
}

void
keeping_reset(void)
{
}
