/*
 * conversation_set.c
 *	  Conversations by channel and visitor: a hash table whose keys are as long as
 *	  they are, with a memory context of its own.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "common/event_rules.h"
#include "turn/conversation_set.h"

ConversationSet conversation_set_waiting = {"webchatt waiting conversations", NULL, NULL};

static uint32
hash_key(const void *key, Size size)
{
	const ConversationKey *k = key;

	return hash_bytes((const unsigned char *) k->bytes, (int) k->len);
}

static int
match_keys(const void *a, const void *b, Size size)
{
	const ConversationKey *x = a;
	const ConversationKey *y = b;

	return x->len != y->len || memcmp(x->bytes, y->bytes, x->len) != 0;
}

/* The key in a buffer, of 16 bytes and WC_MAX_VISITOR_ID; false: no visitor has such an id. */
static bool
key_of(ConversationKey *key, char *buffer, const pg_uuid_t *channel, const char *visitor, size_t len)
{
	if (len > WC_MAX_VISITOR_ID)
		return false;
	memcpy(buffer, channel->data, UUID_LEN);
	memcpy(buffer + UUID_LEN, visitor, len);
	key->bytes = buffer;
	key->len = UUID_LEN + len;
	return true;
}

/* NULL: it is not in it. */
Conversation *
conversation_set_find(const ConversationSet *set, const pg_uuid_t *channel, const char *visitor, size_t len)
{
	char buffer[UUID_LEN + WC_MAX_VISITOR_ID];
	ConversationKey key;

	if (set->table == NULL || !key_of(&key, buffer, channel, visitor, len))
		return NULL;
	return hash_search(set->table, &key, HASH_FIND, NULL);
}

static void
make_table(ConversationSet *set)
{
	HASHCTL ctl;

	if (set->context == NULL)
		set->context = AllocSetContextCreate(TopMemoryContext, "webchatt conversations", ALLOCSET_DEFAULT_SIZES);
	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(ConversationKey);
	ctl.entrysize = sizeof(Conversation);
	ctl.hash = hash_key;
	ctl.match = match_keys;
	ctl.hcxt = set->context;
	set->table = hash_create(set->name, 256, &ctl, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/* What it holds is all zeros where it was not found; NULL: no visitor has such an id. */
Conversation *
conversation_set_add(ConversationSet *set, const pg_uuid_t *channel, const char *visitor, size_t len, bool *found)
{
	char buffer[UUID_LEN + WC_MAX_VISITOR_ID];
	ConversationKey key;
	Conversation *one;
	char *kept;

	if (!key_of(&key, buffer, channel, visitor, len))
		return NULL;
	if (set->table == NULL)
		make_table(set);
	one = hash_search(set->table, &key, HASH_FIND, NULL);
	*found = one != NULL;
	if (one != NULL)
		return one;
	kept = MemoryContextAlloc(set->context, key.len);
	memcpy(kept, key.bytes, key.len);
	key.bytes = kept;
	one = hash_search(set->table, &key, HASH_ENTER, NULL);
	memset((char *) one + sizeof(ConversationKey), 0, sizeof(Conversation) - sizeof(ConversationKey));
	return one;
}

void
conversation_set_remove(ConversationSet *set, const Conversation *one)
{
	char *kept = unconstify(char *, one->key.bytes);

	hash_search(set->table, &one->key, HASH_REMOVE, NULL);
	pfree(kept);
}

long
conversation_set_count(const ConversationSet *set)
{
	return set->table == NULL ? 0 : hash_get_num_entries(set->table);
}

/* Empty it, and give its memory back. */
void
conversation_set_clear(ConversationSet *set)
{
	set->table = NULL;
	if (set->context != NULL)
		MemoryContextReset(set->context);
}

/* As values: the first points into the set, the second is a copy. */
Datum
conversation_set_channel(const Conversation *one)
{
	return UUIDPGetDatum((const pg_uuid_t *) one->key.bytes);
}

Datum
conversation_set_visitor(const Conversation *one)
{
	return PointerGetDatum(cstring_to_text_with_len(one->key.bytes + UUID_LEN, (int) (one->key.len - UUID_LEN)));
}
