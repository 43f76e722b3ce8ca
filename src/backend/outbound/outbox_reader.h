/*
 * outbox_reader.h
 *	  The outbox of one hub, in order, each row once.
 */
#ifndef WC_OUTBOX_READER_H
#define WC_OUTBOX_READER_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

typedef struct OutboxRow OutboxRow;

struct OutboxRow
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
};

typedef void (*outbox_row_fn)(void *arg, const OutboxRow *row);
typedef struct OutboxReader OutboxReader;

extern uint64 outbox_reader_rows_read; /* by all readers, ever */
extern OutboxReader *outbox_reader_new(int hub_id);
extern void outbox_reader_free(OutboxReader *reader);
extern void outbox_reader_read(OutboxReader *reader, int limit, outbox_row_fn take, void *arg);
extern bool outbox_reader_has_more(const OutboxReader *reader);
extern bool outbox_reader_is_current(const OutboxReader *reader);
extern int64 outbox_reader_ahead(const OutboxReader *reader);
extern void outbox_reader_commit(OutboxReader *reader);
extern void outbox_reader_rollback(OutboxReader *reader);
extern bool outbox_reader_unread(OutboxReader *reader, int child);
extern void outbox_reader_rows(outbox_row_fn take, void *arg);

#endif /* WC_OUTBOX_READER_H */
