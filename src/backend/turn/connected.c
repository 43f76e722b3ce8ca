/*
 * connected.c
 *	  Who is welcomed is here from the turn that welcomes on, and gone when
 *	  webchatt-net says so.  So whoever is not here has no session that a message
 *	  could reach: the worker need not ask.  The other way round it may err, by
 *	  what is on its way.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "common/event_rules.h"
#include "shared/blob_hash.h"
#include "shared/settings.h"
#include "turn/changes.h"
#include "turn/connected.h"

typedef struct Who
{
	uint8 channel[16];
	uint8 visitor[16];
} Who;

typedef struct Session
{
	uint64 number; /* hash key: must be first */
	Who who;
	uint8 token_hash[WC_HASH_SIZE]; /* by which it was opened */
} Session;

typedef struct Present
{
	Who who; /* hash key: must be first */
	uint32 sessions;
} Present;

static MemoryContext context = NULL;
static HTAB *sessions = NULL;
static HTAB *visitors = NULL;
static bool overrun = false; /* more came than can be: nobody is known to be away */

static void
init(void)
{
	if (context != NULL)
		return;
	context = AllocSetContextCreate(TopMemoryContext, "webchatt connected", ALLOCSET_DEFAULT_SIZES);
	sessions = wc_blob_hash("webchatt sessions", context, sizeof(uint64), sizeof(Session), 256);
	visitors = wc_blob_hash("webchatt visitors", context, sizeof(Who), sizeof(Present), 256);
}

/* False: it is no visitor's id, so nobody has a session under it. */
static bool
who_is(Who *who, const pg_uuid_t *channel, const char *visitor)
{
	memcpy(who->channel, channel->data, sizeof(who->channel));
	return wc_uuid_parse(visitor, strlen(visitor), who->visitor);
}

static void
tell_change(const Who *who)
{
	char visitor[37];

	wc_uuid_print(who->visitor, visitor);
	changes_add((const pg_uuid_t *) who->channel, visitor, strlen(visitor));
}

/* A visitor is welcomed on a session. */
void
connected_add(uint64 session, const pg_uuid_t *channel, const char *visitor, const uint8 *token_hash)
{
	Session *s;
	Present *p;
	Who who;
	uint8 had[WC_HASH_SIZE] = {0};
	bool found;

	s = context ? hash_search(sessions, &session, HASH_FIND, NULL) : NULL;
	if (s != NULL)
		memcpy(had, s->token_hash, sizeof(had));
	connected_remove(session);
	if (!who_is(&who, channel, visitor))
		return;
	init();
	/* webchatt-net lets in no more than that, if it is itself; the setting may have been lowered */
	if (hash_get_num_entries(sessions) >= 2 * (long) wc_max_visitors)
	{
		overrun = true;
		return;
	}
	s = hash_search(sessions, &session, HASH_ENTER, NULL);
	s->who = who;
	if (token_hash != NULL)
		memcpy(s->token_hash, token_hash, sizeof(s->token_hash));
	else
		memcpy(s->token_hash, had, sizeof(had));
	p = hash_search(visitors, &who, HASH_ENTER, &found);
	p->sessions = (found ? p->sessions : 0) + 1;
	if (!found)
		tell_change(&who);
}

/* A session is over, or never began. */
void
connected_remove(uint64 session)
{
	Session *s = context ? hash_search(sessions, &session, HASH_FIND, NULL) : NULL;
	Present *p;

	if (s == NULL)
		return;
	p = hash_search(visitors, &s->who, HASH_FIND, NULL);
	if (p != NULL && --p->sessions == 0)
	{
		tell_change(&s->who);
		hash_search(visitors, &s->who, HASH_REMOVE, NULL);
	}
	hash_search(sessions, &session, HASH_REMOVE, NULL);
}

/* False: the visitor is known to be away. */
bool
connected_is(const pg_uuid_t *channel, const char *visitor)
{
	Who who;

	if (overrun)
		return true;
	return context != NULL && who_is(&who, channel, visitor) && hash_search(visitors, &who, HASH_FIND, NULL) != NULL;
}

/* Call for each session. */
void
connected_each(ConnectedCall call, void *arg)
{
	HASH_SEQ_STATUS scan;
	Session *s;

	if (context == NULL)
		return;
	hash_seq_init(&scan, sessions);
	while ((s = hash_seq_search(&scan)) != NULL)
		call(arg, s->who.channel, s->who.visitor, s->token_hash);
}

long
connected_count(void)
{
	return context ? hash_get_num_entries(sessions) : 0;
}

/* webchatt-net is gone, and with it every session. */
void
connected_reset(void)
{
	if (context != NULL)
		MemoryContextDelete(context);
	context = NULL;
	overrun = false;
}
