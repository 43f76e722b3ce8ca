/*
 * outbox_lane.h
 *	  Which messages leave before which.
 */
#ifndef WC_OUTBOX_LANE_H
#define WC_OUTBOX_LANE_H

/* By send_message()'s priority. */
typedef enum WcPriority
{
	WC_PRIORITY_AUTOMATIC, /* the first of a transaction are live, the rest is bulk */
	WC_PRIORITY_LIVE,
	WC_PRIORITY_BULK
} WcPriority;

/* What the outbox calls the bulk lane of a hub; the live one has the hub's own id. */
#define WC_BULK_LANE(hub_id) (-(hub_id))

extern int wc_outbox_lane(int hub_id, WcPriority priority);
extern void wc_outbox_lane_events(int n);

#endif /* WC_OUTBOX_LANE_H */
