/*
 * control.c
 *	  Work orders for the worker itself: the configuration changed, a visitor
 *	  showed up elsewhere, messages were inserted by other means than ours.
 */
#include "worker.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* Orders read in one turn. */
#define CONTROL_PAGE	1000

static OutboxReader *reader = NULL;

typedef struct Reading
{
	ControlOrders *orders;
	WcShowedUp *showed_up;
} Reading;

static void
take_order(void *arg, const OutboxRow *row)
{
	Reading    *reading = arg;

	switch (row->op)
	{
		case 'c':
			reading->orders->config = true;
			break;
		case 'd':
			reading->orders->requeue = true;
			break;
		case 'v':
			if (row->channel == NULL || row->visitor == NULL)
				break;
			wc_column_add(reading->showed_up->channels, UUIDPGetDatum(row->channel));
			wc_column_add(reading->showed_up->visitors, CStringGetTextDatum(row->visitor));
			break;
		default:
			break;
	}
}

/* Read what was ordered since the last turn; after a start, everything still there. */
void
control_read(ControlOrders *orders, WcShowedUp *showed_up)
{
	Reading		reading = {orders, showed_up};

	if (reader == NULL)
		reader = outbox_reader_new(0);
	outbox_read(reader, CONTROL_PAGE, take_order, &reading);
}

void
control_commit(void)
{
	if (reader != NULL)
		outbox_reader_commit(reader);
}

void
control_rollback(void)
{
	if (reader != NULL)
		outbox_reader_rollback(reader);
}

void
control_reset(void)
{
	if (reader != NULL)
		outbox_reader_free(reader);
	reader = NULL;
}

/* Has every order in an outbox table been read? */
bool
control_child_is_empty(int child)
{
	return reader != NULL && !outbox_reader_unread(reader, child);
}
