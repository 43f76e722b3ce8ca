/*
 * outbox_lane.c
 *	  Each hub has two lanes in the outbox: live ones go first, and bulk takes what
 *	  they leave, but never less than its share.  So whoever is being talked to does
 *	  not wait behind a broadcast.
 */
#include "postgres.h"

#include "storage/proc.h"

#include "shared/compat.h"
#include "shared/outbox_lane.h"

/* Messages of one transaction that are live, unless it says otherwise; and as many more for each event in it. */
#define LIVE_OF_TRANSACTION 256
#define LIVE_OF_EVENT		4

static struct
{
	LocalTransactionId transaction;
	int queued; /* by it, without a priority */
	int events; /* that it wrote */
} now = {0, 0, 0};

/* What was counted of another transaction is not of this one.  (Its xid would have to be made for that.) */
static void
count_for_this_transaction(void)
{
	LocalTransactionId transaction = WC_LOCAL_TRANSACTION;

	if (transaction == now.transaction)
		return;
	now.transaction = transaction;
	now.queued = 0;
	now.events = 0;
}

/* The hub_id of a message's row in the outbox. */
int
wc_outbox_lane(int hub_id, WcPriority priority)
{
	if (priority == WC_PRIORITY_LIVE)
		return hub_id;
	if (priority == WC_PRIORITY_BULK)
		return WC_BULK_LANE(hub_id);
	count_for_this_transaction();
	return now.queued++ < LIVE_OF_TRANSACTION + now.events * LIVE_OF_EVENT ? hub_id : WC_BULK_LANE(hub_id);
}

/*
 * This transaction is about to write so many events.  Thousands share one turn of the worker's, and
 * what a bot answers each of them is no broadcast.
 */
void
wc_outbox_lane_events(int n)
{
	count_for_this_transaction();
	now.events += n;
}
