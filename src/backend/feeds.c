/*
 * feeds.c
 *	  The local hub's events for others: webhooks and links, from the table events to
 *	  webchatt-net, and what became of them.
 */
#include "worker.h"

bool
feeds_wanted(void)
{
	return false;
}

void
feeds_order(const OutboxRow *row)
{
}

void
feeds_retries_asked(void)
{
}

bool
feeds_accept(const wc_frame *frame)
{
	return false;
}

int
feeds_pending(void)
{
	return 0;
}

bool
feeds_ready(TimestampTz now)
{
	return false;
}

TimestampTz
feeds_next_due(void)
{
	return 0;
}

void
feeds_configure(void)
{
}

void
feeds_apply(TimestampTz now)
{
}

void
feeds_upkeep(TimestampTz now)
{
}

void
feeds_take(TimestampTz now)
{
}

void
feeds_commit(wc_buf *out)
{
}

void
feeds_rollback(void)
{
}

void
feeds_write_all(wc_buf *out)
{
}

void
feeds_net_lost(void)
{
}

void
feeds_reset(void)
{
}
