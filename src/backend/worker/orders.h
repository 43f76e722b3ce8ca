/*
 * orders.h
 *	  Work orders for the worker itself.
 */
#ifndef WC_ORDERS_H
#define WC_ORDERS_H

#include "common/frame.h"
#include "shared/event_writer.h"

typedef struct Orders
{
	bool config;
	bool requeue;
} Orders;

extern bool orders_ready(void);
extern void orders_read(Orders *orders, WcShowedUp *showed_up);
extern void orders_commit(wc_buf *out);
extern void orders_rollback(void);
extern bool orders_child_is_empty(int child);
extern void orders_reset(void);

#endif /* WC_ORDERS_H */
