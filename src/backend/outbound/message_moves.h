/*
 * message_moves.h
 *	  Messages that were sent move on from "queued" without a statement.
 */
#ifndef WC_MESSAGE_MOVES_H
#define WC_MESSAGE_MOVES_H

#include "storage/itemptr.h"
#include "utils/uuid.h"

/* The end of a message, without an error. */
typedef struct EndRow
{
	const pg_uuid_t *channel;
	const pg_uuid_t *message;
	ItemPointerData place;		/* of its row when it was taken; invalid: not known */
	const char *means;			/* a message_status */
	const char *word;			/* the hub's, or ours */
	const char *hub_message_id; /* NULL: none */
} EndRow;

/*
 * Move those that can be moved so, and say in moved[] which; the others, perhaps all, are left
 * to WC_MOVE_SENT.  Whoever has locked a row is waited for, as by the statement.  Raises
 * what the table's update raises.
 */
extern void message_moves_write(const EndRow *rows, int n, bool *moved);

#endif /* WC_MESSAGE_MOVES_H */
