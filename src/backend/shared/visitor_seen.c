/*
 * visitor_seen.c
 *	  Who was seen a moment ago: their rows in webchatt.visitors need not be looked
 *	  up for each message.
 *
 * Known by 128 bits of hash, with seeds of this process's own.  A place is taken over
 * by whoever comes next; then the row is looked up again, which is all that it costs.
 * What was noted in a turn that is undone is forgotten with all the rest, and so is
 * everything when somebody deletes visitors (_visitors_gone() in configuration's SQL).
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "shared/extension_version.h"
#include "shared/outbox_append.h"
#include "shared/visitor_seen.h"

/*
 * last_seen is exact to a minute: the row may have been this old when it was last
 * written or looked at, and that may be as long ago.  The statement has it too.
 */
#define SEEN_US (30 * USECS_PER_SEC)

/* Places, a power of two; 24 bytes each. */
#define PLACES 65536

typedef struct Seen
{
	uint64 hash[2];
	TimestampTz at; /* 0: nobody */
} Seen;

bool wc_visitors_leave_empty = false;

static Seen *places = NULL;
static uint64 seeds[2];
static Oid visitors = InvalidOid;

void
wc_visitors_forget(void)
{
	if (places != NULL)
		memset(places, 0, sizeof(Seen) * PLACES);
	visitors = InvalidOid;
}

static void
relation_changed(Datum arg, Oid relation)
{
	if (OidIsValid(visitors) && (relation == InvalidOid || relation == visitors))
		wc_visitors_forget();
}

static void
make_places(void)
{
	if (!pg_strong_random(seeds, sizeof(seeds)))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not get random bytes")));
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	places = MemoryContextAllocZero(TopMemoryContext, sizeof(Seen) * PLACES);
}

/*
 * Is the visitor's row known to be there and young enough?  If not, the caller writes
 * it now, and it is known from here on.
 */
bool
wc_visitor_seen(const uint8 channel[16], wc_str visitor, TimestampTz now)
{
	uint64 hash[2];
	uint64 of_channel;
	Seen *s;
	int i;

	if (places == NULL)
		make_places();
	if (!OidIsValid(visitors))
		visitors = wc_relation("visitors");
	for (i = 0; i < 2; i++)
	{
		of_channel = hash_bytes_extended(channel, 16, seeds[i]);
		hash[i] = hash_bytes_extended((const unsigned char *) visitor.p, (int) visitor.len, of_channel);
	}
	s = &places[hash[0] & (PLACES - 1)];
	/* a clock that was set back is no reason to trust it for longer */
	if (s->hash[0] == hash[0] && s->hash[1] == hash[1] && s->at <= now && now - s->at < SEEN_US)
		return true;
	memcpy(s->hash, hash, sizeof(hash));
	s->at = now;
	return false;
}

/* Statement trigger on visitors: rows are gone, or called otherwise; at commit everybody forgets them. */
WC_FUNCTION(webchatt_visitors_gone)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("webchatt._visitors_gone() is a trigger function")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	/* their conversations are gone too; where they had none, nobody has to look */
	if (!wc_visitors_leave_empty)
		wc_outbox_append(0, 'g', NULL, NULL, NULL, NULL, NULL);
	return PointerGetDatum(NULL);
}
