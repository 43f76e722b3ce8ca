/*
 * requeue.h
 *	  Messages that are queued and have no work order.
 */
#ifndef WC_REQUEUE_H
#define WC_REQUEUE_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "turn/part.h"

extern void requeue_begin(bool by_insert);
extern void requeue_conversation(const pg_uuid_t *channel, const char *visitor);
extern bool requeue_ready(TimestampTz now);
extern bool requeue_apply(TimestampTz now);
extern void requeue_commit(void);
extern const TurnPart requeue_part;

#endif /* WC_REQUEUE_H */
