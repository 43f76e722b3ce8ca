/*
 * outbox_reader.h
 *	  One lane of a hub's outbox, in order, each row once.
 */
#ifndef WC_OUTBOX_READER_H
#define WC_OUTBOX_READER_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "outbound/outbox_rows.h"

typedef void (*outbox_row_fn)(void *arg, const OutboxRow *row);
typedef struct OutboxReader OutboxReader;

extern uint64 outbox_reader_rows_read; /* by all readers, ever */
extern OutboxReader *outbox_reader_new(int hub_id);
extern void outbox_reader_pair(OutboxReader *one, OutboxReader *two);
extern void outbox_reader_free(OutboxReader *reader);
extern void outbox_reader_read(OutboxReader *reader, int limit, outbox_row_fn take, void *arg);
extern bool outbox_reader_has_more(const OutboxReader *reader);
extern bool outbox_reader_is_current(const OutboxReader *reader);
extern bool outbox_reader_is_send(const OutboxRow *row);
extern bool outbox_reader_passed(const OutboxReader *reader, const OutboxRow *row);
extern void outbox_reader_scout(OutboxReader *reader, bool look, int limit, outbox_row_fn take, void *arg);
extern TimestampTz outbox_reader_queued_at(const pg_uuid_t *message);
extern bool outbox_reader_wants_scout(const OutboxReader *reader);
extern int64 outbox_reader_unread_messages(const OutboxReader *reader, TimestampTz *oldest);
extern void outbox_reader_commit(OutboxReader *reader);
extern void outbox_reader_rollback(OutboxReader *reader);
extern bool outbox_reader_unread(OutboxReader *reader, int child);
extern void outbox_reader_rows(outbox_row_fn take, void *arg);

#endif /* WC_OUTBOX_READER_H */
