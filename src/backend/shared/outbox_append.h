/*
 * outbox_append.h
 *	  Appending work orders to the outbox.
 */
#ifndef WC_OUTBOX_APPEND_H
#define WC_OUTBOX_APPEND_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

/* The columns of webchatt.outbox. */
enum
{
	WC_OUTBOX_XID,
	WC_OUTBOX_SEQ,
	WC_OUTBOX_HUB,
	WC_OUTBOX_OP,
	WC_OUTBOX_CHANNEL,
	WC_OUTBOX_VISITOR,
	WC_OUTBOX_MESSAGE,
	WC_OUTBOX_EXPIRES,
	WC_OUTBOX_NOTE,
	WC_OUTBOX_COLUMNS
};

extern void wc_outbox_append(int hub_id, char op, const pg_uuid_t *channel, const char *visitor,
							 const pg_uuid_t *message, const int64 *seq, const TimestampTz *expires);
extern void wc_outbox_append_note(int hub_id, char op, const pg_uuid_t *channel, const char *visitor,
								  const pg_uuid_t *message, const int64 *seq, const TimestampTz *expires,
								  const char *note);
extern int wc_outbox_current(void);
extern Oid wc_relation(const char *name);
extern bool wc_own_insert;	   /* we are inserting messages ourselves */
extern bool wc_outbox_touched; /* this process appended since it was cleared */

#endif /* WC_OUTBOX_APPEND_H */
