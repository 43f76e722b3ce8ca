/*
 * parts.c
 *	  The list of the turn's parts.  Their steps in a turn are turn.c's, as their order
 *	  is the design; what is asked of all of them alike is here.
 */
#include "postgres.h"

#include "conversations/conversations.h"
#include "conversations/erasures.h"
#include "desk/desk_calls.h"
#include "feed/feed.h"
#include "files/file_calls.h"
#include "files/file_reads.h"
#include "files/file_sweep.h"
#include "hubs/reconcile.h"
#include "inbound/inbound.h"
#include "outbound/joins.h"
#include "outbound/outbound.h"
#include "outbound/requeue.h"
#include "outbound/unread.h"
#include "rest/send_requests.h"
#include "rest/webhook_requests.h"
#include "turn/config.h"
#include "visitors/budgets.h"
#include "visitors/pages.h"
#include "visitors/profiles.h"
#include "visitors/ratings.h"
#include "visitors/sessions.h"
#include "worker/facts.h"
#include "worker/orders.h"
#include "worker/parts.h"

static const TurnPart *const parts[] = {
	&config_part,			&orders_part,	 &outbound_part,   &requeue_part,
	&budgets_part,			&inbound_part,	 &sessions_part,   &send_requests_part,
	&webhook_requests_part, &reconcile_part, &feed_part,	   &conversations_part,
	&desk_calls_part,		&pages_part,	 &file_calls_part, &file_reads_part,
	&file_sweep_part,		&ratings_part,	 &profiles_part,   &joins_part,
	&unread_part,			&erasures_part,	 &facts_part,
};

/* Frames that wait to be written down. */
int
parts_pending(void)
{
	int n = 0;
	size_t i;

	for (i = 0; i < lengthof(parts); i++)
		n += parts[i]->pending ? parts[i]->pending() : 0;
	return n;
}

/* Is there something to do without waiting? */
bool
parts_ready(TimestampTz now)
{
	size_t i;

	for (i = 0; i < lengthof(parts); i++)
	{
		if (parts[i]->ready && parts[i]->ready(now))
			return true;
	}
	return false;
}

/* When the next thing is due that nothing announces; 0: nothing is. */
TimestampTz
parts_next_due(void)
{
	TimestampTz next = 0;
	size_t i;

	for (i = 0; i < lengthof(parts); i++)
	{
		TimestampTz due = parts[i]->next_due ? parts[i]->next_due() : 0;

		if (due != 0 && (next == 0 || due < next))
			next = due;
	}
	return next;
}

/* The turn is undone: everything waits as before. */
void
parts_rollback(const ErrorData *error)
{
	size_t i;

	for (i = 0; i < lengthof(parts); i++)
	{
		if (parts[i]->rollback)
			parts[i]->rollback(error);
	}
}

/* webchatt-net is gone. */
void
parts_net_lost(void)
{
	size_t i;

	for (i = 0; i < lengthof(parts); i++)
	{
		if (parts[i]->net_lost)
			parts[i]->net_lost();
	}
}

/* Forget everything, as after a start. */
void
parts_reset(void)
{
	size_t i;

	for (i = 0; i < lengthof(parts); i++)
	{
		if (parts[i]->reset)
			parts[i]->reset();
	}
}
