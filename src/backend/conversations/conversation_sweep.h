/*
 * conversation_sweep.h
 *	  Conversations that are made anew out of their messages: single ones, and all.
 */
#ifndef WC_CONVERSATION_SWEEP_H
#define WC_CONVERSATION_SWEEP_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "shared/columns.h"

extern void conversation_sweep_make(const WcColumn *channels, const WcColumn *visitors);
extern void conversation_sweep_add(const pg_uuid_t *channel, const char *visitor, size_t len);
extern void conversation_sweep_all(bool told);
extern void conversation_sweep_apply(TimestampTz now, TimestampTz due);
extern void conversation_sweep_commit(void);
extern void conversation_sweep_rollback(void);
extern void conversation_sweep_reset(void);
extern TimestampTz conversation_sweep_due(void);

#endif /* WC_CONVERSATION_SWEEP_H */
