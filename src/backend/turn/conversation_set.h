/*
 * conversation_set.h
 *	  A set of conversations, in memory.
 */
#ifndef WC_CONVERSATION_SET_H
#define WC_CONVERSATION_SET_H

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* A channel's id and behind it the visitor's, not NUL-terminated. */
typedef struct ConversationKey
{
	const char *bytes;
	size_t len;
} ConversationKey;

typedef struct Conversation
{
	ConversationKey key;
	bool sure;		  /* it waits: the tables say so too */
	bool answered;	  /* there is an answer */
	pg_uuid_t answer; /* the newest */
	pg_uuid_t newest; /* the newest message */
	dlist_node node;  /* in whose order it is */
	TimestampTz at;
} Conversation;

typedef struct ConversationSet
{
	const char *name;
	MemoryContext context;
	HTAB *table;
} ConversationSet;

/* Those that are known to wait for an answer: a message more changes nothing for them. */
extern ConversationSet conversation_set_waiting;

extern Conversation *conversation_set_find(const ConversationSet *set, const pg_uuid_t *channel, const char *visitor,
										   size_t len);
extern Conversation *conversation_set_add(ConversationSet *set, const pg_uuid_t *channel, const char *visitor,
										  size_t len, bool *found);
extern void conversation_set_remove(ConversationSet *set, const Conversation *one);
extern long conversation_set_count(const ConversationSet *set);
extern void conversation_set_clear(ConversationSet *set);
extern Datum conversation_set_channel(const Conversation *one);
extern Datum conversation_set_visitor(const Conversation *one);

#endif /* WC_CONVERSATION_SET_H */
