/*
 * held.h
 *	  Messages for visitors who are away.
 */
#ifndef WC_HELD_H
#define WC_HELD_H

#include "utils/timestamp.h"

#include "shared/columns.h"
#include "shared/event_writer.h"

extern bool held_any(void);
extern void held_release(TimestampTz now, const WcShowedUp *showed_up);
extern void held_add(WcColumn *const columns[5]);
extern bool held_now(WcColumn *const columns[5], const char *error_code, const char *error_message);
extern void held_upkeep(bool look);
extern void held_commit(void);
extern void held_rollback(void);
extern void held_reset(void);

#endif /* WC_HELD_H */
