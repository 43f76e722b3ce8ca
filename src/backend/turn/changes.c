/*
 * changes.c
 *	  Which conversations a turn changed, for those who look at them at the desk: it is
 *	  told behind the commit, each conversation once.
 *
 * It is gathered from what the turn has in hand already, and only while somebody looks.
 * Of a turn that is undone it is told with the next one: too often, never too seldom.
 */
#include "postgres.h"

#include "common/corridor.h"
#include "turn/changes.h"
#include "turn/conversation_set.h"

/* Of more than these it is said that any may have changed. */
#define CHANGES_MOST 1000

static ConversationSet changed = {"webchatt conversations changed", NULL, NULL};
static bool watched = false;
static bool any = false;

/* DESK_WATCH: does somebody look? */
bool
changes_take_watch(const wc_frame *frame)
{
	wc_desk_watch m;

	if (!wc_read_desk_watch(frame, &m))
		return false;
	changes_forget();
	watched = m.watched != 0;
	return true;
}

/* Something of it changed: a message, a status, its state, who is there. */
void
changes_add(const pg_uuid_t *channel, const char *visitor, size_t len)
{
	bool found;

	if (likely(!watched) || any)
		return;
	(void) conversation_set_add(&changed, channel, visitor, len, &found);
	any = conversation_set_count(&changed) > CHANGES_MOST;
}

/* Something changed, and it is not known of which conversation. */
void
changes_add_any(void)
{
	any = watched;
}

/* Does somebody look? */
bool
changes_are_watched(void)
{
	return watched;
}

/* The turn is committed: tell. */
void
changes_commit(wc_buf *out)
{
	HASH_SEQ_STATUS all;
	Conversation *one;
	wc_desk_changed m;

	if (likely(!watched) || (!any && conversation_set_count(&changed) == 0))
		return;
	memset(&m, 0, sizeof(m));
	if (any)
		(void) wc_write_desk_changed(out, &m);
	else
	{
		hash_seq_init(&all, changed.table);
		while ((one = hash_seq_search(&all)) != NULL)
		{
			memcpy(m.channel, one->key.bytes, UUID_LEN);
			m.visitor = (wc_str){one->key.bytes + UUID_LEN, (uint32_t) (one->key.len - UUID_LEN)};
			(void) wc_write_desk_changed(out, &m);
		}
	}
	conversation_set_clear(&changed);
	any = false;
}

/* Nobody looks any more. */
void
changes_forget(void)
{
	conversation_set_clear(&changed);
	watched = any = false;
}
