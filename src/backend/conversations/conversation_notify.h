/*
 * conversation_notify.h
 *	  NOTIFY for applications that want to be told which conversations changed.
 */
#ifndef WC_CONVERSATION_NOTIFY_H
#define WC_CONVERSATION_NOTIFY_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

extern void conversation_notify_add(const pg_uuid_t *channel, const char *visitor, size_t len);
extern void conversation_notify_apply(TimestampTz now);
extern void conversation_notify_commit(void);
extern void conversation_notify_rollback(void);
extern void conversation_notify_reset(void);
extern TimestampTz conversation_notify_due(void);

#endif /* WC_CONVERSATION_NOTIFY_H */
