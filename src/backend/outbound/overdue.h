/*
 * overdue.h
 *	  Messages that a hub may have, and has said nothing of.
 */
#ifndef WC_OVERDUE_H
#define WC_OVERDUE_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

extern void overdue_note(const pg_uuid_t *channel, const pg_uuid_t *message);
extern void overdue_nudge(void);
extern bool overdue_is_late(const pg_uuid_t *message);
extern bool overdue_ready(TimestampTz now);
extern TimestampTz overdue_next_due(void);
extern void overdue_apply(TimestampTz now);
extern void overdue_commit(void);
extern void overdue_rollback(void);
extern void overdue_reset(void);

#endif /* WC_OVERDUE_H */
