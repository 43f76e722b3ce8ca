/*
 * quarantine.c
 *	  Conversations that need care: those whose events raised lately, and those
 *	  whose rows somebody else holds.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "common/corridor.h"
#include "inbound/quarantine.h"

/* Conversations remembered at most; beyond that new ones are treated as fine. */
#define MAX_QUARANTINED 4096

/* How long a conversation that raised stays suspect, in ms. */
#define SUSPECT_MS 60000

/* The pause before a blocked conversation is tried again, in ms: doubled each time. */
#define BLOCKED_FIRST_MS 100
#define BLOCKED_MOST_MS	 2000

typedef struct QuarantineKey
{
	uint8 channel[16];
	uint64 who; /* hash of the visitor, or of the hub's message id */
} QuarantineKey;

typedef struct QuarantineEntry
{
	QuarantineKey key;
	Quarantine kind;
	bool slow; /* its triggers took too long */
	int pause_ms;
	TimestampTz until; /* suspect: no longer so; blocked: next try */
} QuarantineEntry;

static HTAB *quarantined = NULL;

static QuarantineKey
key_of(const wc_event *e)
{
	QuarantineKey key;
	wc_str who = e->kind == WC_EVENT_MESSAGE ? e->visitor : e->message_id;

	memcpy(key.channel, e->channel, 16);
	key.who = hash_bytes_extended((const unsigned char *) who.p, who.len, e->kind);
	return key;
}

/* Forget what is over. */
static void
sweep(TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	QuarantineEntry *entry;

	hash_seq_init(&scan, quarantined);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->until <= now)
			hash_search(quarantined, &entry->key, HASH_REMOVE, NULL);
	}
}

static QuarantineEntry *
entry_for(const wc_event *e, TimestampTz now)
{
	QuarantineKey key = key_of(e);
	QuarantineEntry *entry;
	bool found;

	if (quarantined == NULL)
	{
		HASHCTL ctl;

		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = sizeof(QuarantineKey);
		ctl.entrysize = sizeof(QuarantineEntry);
		quarantined = hash_create("webchatt conversations in quarantine", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	if (hash_get_num_entries(quarantined) >= MAX_QUARANTINED)
		sweep(now);
	if (hash_get_num_entries(quarantined) >= MAX_QUARANTINED)
		return hash_search(quarantined, &key, HASH_FIND, NULL);
	entry = hash_search(quarantined, &key, HASH_ENTER, &found);
	if (!found)
	{
		entry->kind = QUARANTINE_NONE;
		entry->slow = false;
		entry->pause_ms = 0;
		entry->until = 0;
	}
	return entry;
}

/*
 * How to treat an event.  BLOCKED: not before *until; once that is due, NONE
 * would be too hasty, and SUSPECT is answered.
 */
Quarantine
quarantine_of(const wc_event *event, TimestampTz now, TimestampTz *until)
{
	QuarantineKey key;
	QuarantineEntry *entry;

	if (quarantined == NULL || hash_get_num_entries(quarantined) == 0)
		return QUARANTINE_NONE;
	key = key_of(event);
	entry = hash_search(quarantined, &key, HASH_FIND, NULL);
	if (entry == NULL)
		return QUARANTINE_NONE;
	*until = entry->until;
	if (entry->until > now)
		return entry->kind;
	if (entry->kind == QUARANTINE_BLOCKED)
		return QUARANTINE_SUSPECT;
	hash_search(quarantined, &key, HASH_REMOVE, NULL);
	return QUARANTINE_NONE;
}

/* slow: because its triggers took longer than they may. */
void
quarantine_suspect(const wc_event *event, TimestampTz now, bool slow)
{
	QuarantineEntry *entry = entry_for(event, now);

	if (entry == NULL)
		return;
	entry->kind = QUARANTINE_SUSPECT;
	entry->slow = slow;
	entry->until = TimestampTzPlusMilliseconds(now, SUSPECT_MS);
}

/* Did the conversation's triggers take too long lately? */
bool
quarantine_is_slow(const wc_event *event)
{
	QuarantineKey key = key_of(event);
	QuarantineEntry *entry = quarantined ? hash_search(quarantined, &key, HASH_FIND, NULL) : NULL;

	return entry != NULL && entry->slow;
}

/* Returns when to try again. */
TimestampTz
quarantine_blocked(const wc_event *event, TimestampTz now)
{
	QuarantineEntry *entry = entry_for(event, now);

	if (entry == NULL)
		return TimestampTzPlusMilliseconds(now, BLOCKED_MOST_MS);
	entry->pause_ms = entry->kind == QUARANTINE_BLOCKED ? Min(entry->pause_ms * 2, BLOCKED_MOST_MS) : BLOCKED_FIRST_MS;
	entry->kind = QUARANTINE_BLOCKED;
	entry->until = TimestampTzPlusMilliseconds(now, entry->pause_ms);
	return entry->until;
}

/* The conversation's event went through: it is blocked no more. */
void
quarantine_over(const wc_event *event)
{
	QuarantineKey key = key_of(event);
	QuarantineEntry *entry;

	if (quarantined == NULL)
		return;
	entry = hash_search(quarantined, &key, HASH_FIND, NULL);
	if (entry != NULL && entry->kind == QUARANTINE_BLOCKED)
		hash_search(quarantined, &key, HASH_REMOVE, NULL);
}

void
quarantine_reset(void)
{
	if (quarantined != NULL)
		hash_destroy(quarantined);
	quarantined = NULL;
}
