/*
 * outbox_rows.h
 *	  Rows of the outbox, in order: by its index, or those that a statement found.
 */
#ifndef WC_OUTBOX_ROWS_H
#define WC_OUTBOX_ROWS_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

typedef struct OutboxRow
{
	uint64 xid;
	int64 seq;
	char op;
	int child;				  /* 0 to 2: which of the outbox tables */
	const pg_uuid_t *channel; /* NULL in work orders for the worker itself */
	const pg_uuid_t *message;
	const char *visitor;
	TimestampTz expires; /* 0: none */
	const char *note;	 /* NULL: none */
	bool bulk;			 /* see shared/outbox_lane.h */
	TimestampTz since;	 /* since when the message is queued; 0: not known */
	bool scouted;		 /* outbox_reader_scout() has shown it already */
	int worth; /* after a start: -1, its message is not queued any more; 0, another row of its message counts; else 1 */
} OutboxRow;

typedef struct OutboxRows
{
	OutboxRow *rows;
	int n;
} OutboxRows;

/*
 * A part of the outbox: rows of one hub's lane behind the row (xid, seq), of some
 * transactions: of these, or of all before one but these.
 */
typedef struct OutboxPart
{
	int hub_id;
	uint64 xid;
	int64 seq;
	const uint64 *xids; /* sorted */
	int nxids;
	uint64 before; /* 0: of these alone */
} OutboxPart;

extern OutboxRows outbox_rows_read(const OutboxPart *part, int limit);
extern OutboxRows outbox_rows_fetched(void);

#endif /* WC_OUTBOX_ROWS_H */
