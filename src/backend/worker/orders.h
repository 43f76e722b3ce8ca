/*
 * orders.h
 *	  Work orders for the worker itself.
 */
#ifndef WC_ORDERS_H
#define WC_ORDERS_H

#include "common/frame.h"
#include "shared/event_writer.h"

typedef struct ControlOrders
{
	bool config;
	bool requeue;
} ControlOrders;

extern bool control_ready(void);
extern void control_read(ControlOrders *orders, WcShowedUp *showed_up);
extern void control_commit(wc_buf *out);
extern void control_rollback(void);
extern bool control_child_is_empty(int child);
extern void control_reset(void);

#endif /* WC_ORDERS_H */
