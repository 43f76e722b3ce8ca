/*
 * conversations.h
 *	  How conversations stand: the table webchatt.conversations.
 */
#ifndef WC_CONVERSATIONS_H
#define WC_CONVERSATIONS_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/frame.h"

#include "turn/part.h"

/* A work order: to close, to open again, to assign; its op in the outbox. */
#define CONVERSATION_CLOSE	'l'
#define CONVERSATION_REOPEN 'o'
#define CONVERSATION_ASSIGN 'a'

extern void conversations_came(const pg_uuid_t *channel, const char *visitor, size_t len, const pg_uuid_t *message);
extern void conversations_left(const pg_uuid_t *channel, const char *visitor);
extern void conversations_came_elsewhere(const pg_uuid_t *channel, const char *visitor);
extern void conversations_sent(const pg_uuid_t *channel, const char *visitor, const pg_uuid_t *message, bool answer,
							   int child);
extern void conversations_order(char op, const pg_uuid_t *channel, const char *visitor, int64 number,
								const pg_uuid_t *newest, const char *note);
extern void conversations_look_through(bool told);
extern bool conversations_are_full(void);
extern bool conversations_are_done(int child);
extern void conversations_apply(TimestampTz now, bool others_wait);
extern void conversations_commit(TimestampTz now, wc_buf *out);
extern const TurnPart conversations_part;

#endif /* WC_CONVERSATIONS_H */
