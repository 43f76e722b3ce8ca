/*
 * outbound.h
 *	  What is to be sent: read, taken, handed to webchatt-net.
 */
#ifndef WC_OUTBOUND_H
#define WC_OUTBOUND_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/frame.h"
#include "shared/columns.h"
#include "shared/shmem.h"
#include "turn/part.h"

extern uint64 outbound_rows_in_vain; /* of outbox_reader_rows_read, those that nothing left for */
extern void outbound_record(TimestampTz now, bool carefully);
extern void outbound_upkeep(void);
extern void outbound_expire(void);
extern void outbound_read(TimestampTz now, bool look);
extern bool outbound_will_take_live(TimestampTz now);
extern void outbound_take(TimestampTz now);
extern void outbound_commit(TimestampTz now, wc_buf *out);
extern TimestampTz outbound_next_due(void);
extern void outbound_net_lost(bool may_have_left);
extern void outbound_stats(WcStats *stats, bool with_age);
extern bool outbound_child_is_empty(int child);
extern void outbound_under_way(const pg_uuid_t *channel, const char *visitor, WcColumn *ids);
extern const TurnPart outbound_part;

#endif /* WC_OUTBOUND_H */
