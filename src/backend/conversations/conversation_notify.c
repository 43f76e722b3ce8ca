/*
 * conversation_notify.c
 *	  NOTIFY on webchatt.notify_channel: which conversations changed, once in a turn.
 *
 * Whoever commits a NOTIFY holds one lock of the whole server's until the commit has
 * returned, which may be long where standbys are waited for.  The worker does not
 * wait for it: while somebody has it, what is to be told waits for another turn.  So it
 * does while the server's queue of notifications is almost full, as somebody listens and
 * does not read: a commit with a NOTIFY that has no room in there fails, and the turn with it.
 */
#include "postgres.h"

#include "catalog/pg_database.h"
#include "commands/async.h"
#include "lib/stringinfo.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/uuid.h"

#include "conversations/conversation_notify.h"
#include "turn/changes.h"
#include "turn/conversation_set.h"
#include "shared/settings.h"
#include "turn/report.h"

/* A payload has less than 8000 bytes; what would be longer is this. */
#define PAYLOAD_MOST 7999
#define MANY		 "*"

/* More conversations than a payload can hold: an entry has 41 bytes and more. */
#define TOLD_MOST 256

/* When to try again while another session commits a NOTIFY, in ms. */
#define AGAIN_MS 5

/* How full the server's queue may be, from 0 to 1, and how often that is looked at, in ms. */
#define QUEUE_FULL 0.9
#define QUEUE_MS   1000

static ConversationSet changed = {"webchatt changed conversations", NULL, NULL};
static bool many = false;
static bool told = false; /* in this turn */
static TimestampTz due = 0;

/* Something happened in it that an application may want to know. */
void
conversation_notify_add(const pg_uuid_t *channel, const char *visitor, size_t len)
{
	bool found;

	changes_add(channel, visitor, len);
	if (wc_notify_channel[0] == '\0' || many)
		return;
	(void) conversation_set_add(&changed, channel, visitor, len, &found);
	many = conversation_set_count(&changed) > TOLD_MOST;
}

static bool
something_to_tell(void)
{
	return many || conversation_set_count(&changed) > 0;
}

/* The lock that PreCommit_Notify() takes; false: somebody has it. */
static bool
lock_queue(void)
{
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, InvalidOid, 0);
	return LockAcquire(&tag, AccessExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* False: the server's queue had not enough room when it was last looked at. */
static bool
queue_has_room(TimestampTz now)
{
	static TimestampTz looked = 0;
	static bool has_room = true;

	if (looked != 0 && !TimestampDifferenceExceeds(looked, now, QUEUE_MS))
		return has_room;
	looked = now;
	has_room = DatumGetFloat8(DirectFunctionCall1(pg_notification_queue_usage, (Datum) 0)) < QUEUE_FULL;
	if (!has_room)
		report_error("nobody is told on webchatt.notify_channel: the server's queue of notifications is almost full, "
					 "as a session listens and stays in its transaction");
	return has_room;
}

/* ["channel/visitor", ...] as JSON */
static const char *
payload(void)
{
	StringInfoData s;
	HASH_SEQ_STATUS all;
	Conversation *one;

	if (many)
		return MANY;
	initStringInfo(&s);
	appendStringInfoChar(&s, '[');
	hash_seq_init(&all, changed.table);
	while ((one = hash_seq_search(&all)) != NULL)
	{
		char *channel = DatumGetCString(DirectFunctionCall1(uuid_out, conversation_set_channel(one)));

		if (s.len > 1)
			appendStringInfoString(&s, ", ");
		escape_json(&s, psprintf("%s/%s", channel, TextDatumGetCString(conversation_set_visitor(one))));
	}
	appendStringInfoChar(&s, ']');
	return s.len > PAYLOAD_MOST ? MANY : s.data;
}

/* Tell what has changed, when this transaction commits. */
void
conversation_notify_apply(TimestampTz now)
{
	if (!something_to_tell() || due > now)
		return;
	if (wc_notify_channel[0] != '\0')
	{
		if (!queue_has_room(now))
		{
			due = TimestampTzPlusMilliseconds(now, QUEUE_MS);
			return;
		}
		if (!lock_queue())
		{
			due = TimestampTzPlusMilliseconds(now, AGAIN_MS);
			return;
		}
		Async_Notify(wc_notify_channel, payload());
	}
	told = true;
}

void
conversation_notify_commit(void)
{
	if (told)
		conversation_notify_reset();
}

/* Who was added by the turn that is undone will be told too soon, and again. */
void
conversation_notify_rollback(void)
{
	told = false;
}

void
conversation_notify_reset(void)
{
	conversation_set_clear(&changed);
	many = told = false;
	due = 0;
}

/* When there is something to tell; 0: there is nothing. */
TimestampTz
conversation_notify_due(void)
{
	return something_to_tell() ? Max(due, 1) : 0;
}
