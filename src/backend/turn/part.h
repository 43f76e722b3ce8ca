/*
 * part.h
 *	  A part of the turn: what the worker asks of each, besides the steps that turn.c
 *	  writes out one after another.
 */
#ifndef WC_PART_H
#define WC_PART_H

#include "utils/timestamp.h"

/* Whatever does not concern a part is NULL. */
typedef struct TurnPart
{
	/* How many frames wait to be written down. */
	int (*pending)(void);
	/* Is there anything to do without waiting? */
	bool (*ready)(TimestampTz now);
	/* When the next thing is due that nothing announces; 0: nothing is. */
	TimestampTz (*next_due)(void);
	/* The turn is undone, because of this: everything waits as before. */
	void (*rollback)(const ErrorData *error);
	/* webchatt-net is gone, and with it whoever waits for an answer. */
	void (*net_lost)(void);
	/* Forget everything, as after a start. */
	void (*reset)(void);
} TurnPart;

#endif /* WC_PART_H */
