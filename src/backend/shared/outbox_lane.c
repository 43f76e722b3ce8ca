/*
 * outbox_lane.c
 *	  Each hub has two lanes in the outbox: live ones go first, and bulk takes what
 *	  they leave, but never less than its share.  So whoever is being talked to does
 *	  not wait behind a broadcast.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"

#include "shared/compat.h"
#include "shared/outbox_lane.h"

/* Messages of one transaction that are live, unless it says otherwise. */
#define LIVE_OF_TRANSACTION 256

/* The hub_id of a message's row in the outbox. */
int
wc_outbox_lane(int hub_id, WcPriority priority)
{
	static uint64 transaction = 0;
	static int queued = 0; /* by it, without a priority */
	uint64 now;

	if (priority == WC_PRIORITY_LIVE)
		return hub_id;
	if (priority == WC_PRIORITY_BULK)
		return WC_BULK_LANE(hub_id);
	now = U64FromFullTransactionId(GetTopFullTransactionId());
	if (now != transaction)
		queued = 0;
	transaction = now;
	return queued++ < LIVE_OF_TRANSACTION ? hub_id : WC_BULK_LANE(hub_id);
}
