/*
 * orders.h
 *	  Work orders for the worker itself.
 */
#ifndef WC_ORDERS_H
#define WC_ORDERS_H

#include "common/frame.h"
#include "shared/event_writer.h"
#include "turn/part.h"

typedef struct Orders
{
	bool config;
	bool requeue;
	bool visitors_gone;
} Orders;

extern bool orders_ready(TimestampTz now);
extern void orders_read(Orders *orders, WcShowedUp *showed_up);
extern void orders_commit(wc_buf *out);
extern bool orders_child_is_empty(int child);
extern const TurnPart orders_part;

#endif /* WC_ORDERS_H */
