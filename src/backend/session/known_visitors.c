/*
 * known_visitors.c
 *	  Is a visitor's row there?  Looked up by its key without an executor, and
 *	  remembered by the session.
 *
 * Remembered is what others have committed, until somebody deletes visitors, or renames
 * one (_visitors_gone() in configuration's SQL), or for a minute, should that trigger not have run.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "session/known_visitors.h"
#include "shared/compat.h"
#include "shared/outbox_append.h"

/* Places at first, and for a session that writes to more visitors than these; powers of two, 8 bytes each. */
#define FEW	 512
#define MANY 32768

#define KNOWN_US (60 * USECS_PER_SEC)

/* So many places beside each other may have somebody's hash. */
#define BESIDE 4

/* Hashes of who is known; 0: nobody.  Whoever is remembered moves those beside up, and the last one out. */
static uint64 *places = NULL;
static uint64 nplaces = FEW;
static uint64 moved_out = 0;
static uint64 seed;
static Oid visitors = InvalidOid; /* the relation of whom we know; none: of nobody */
static TimestampTz since;

static void
forget(void)
{
	if (OidIsValid(visitors))
		memset(places, 0, sizeof(uint64) * nplaces);
	visitors = InvalidOid;
}

static void
relation_changed(Datum arg, Oid relation)
{
	if (relation == InvalidOid || relation == visitors)
		forget();
}

static uint64
hash_of(const pg_uuid_t *channel, const text *visitor)
{
	uint64 hash = hash_bytes_extended(channel->data, UUID_LEN, seed);

	hash = hash_bytes_extended((const unsigned char *) VARDATA_ANY(visitor), (int) VARSIZE_ANY_EXHDR(visitor), hash);
	return Max(hash, 1);
}

static uint64 *
place_of(uint64 hash)
{
	return &places[hash & (nplaces - 1) & ~(uint64) (BESIDE - 1)];
}

static bool
is_known(const pg_uuid_t *channel, const text *visitor)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	const uint64 *place;
	uint64 hash;
	int i;

	if (!OidIsValid(visitors))
		return false;
	AcceptInvalidationMessages();
	if (now < since || now - since > KNOWN_US)
		forget();
	if (!OidIsValid(visitors))
		return false;
	hash = hash_of(channel, visitor);
	place = place_of(hash);
	for (i = 0; i < BESIDE; i++)
	{
		if (place[i] == hash)
			return true;
	}
	return false;
}

static void
make_places(uint64 n)
{
	uint64 *made = MemoryContextAllocZero(TopMemoryContext, sizeof(uint64) * n);

	if (places == NULL)
	{
		if (!pg_strong_random(&seed, sizeof(seed)))
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not get random bytes")));
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	}
	else
		pfree(places);
	places = made;
	nplaces = n;
	visitors = InvalidOid;
}

/* Before one is looked up: what is said of the relation from here on is noticed. */
static void
watch(Oid relation)
{
	if (places == NULL)
		make_places(FEW);
	else if (nplaces == FEW && moved_out >= FEW)
		make_places(MANY);
	if (visitors == relation)
		return;
	forget();
	visitors = relation;
	since = GetCurrentTransactionStartTimestamp();
}

static void
remember(const pg_uuid_t *channel, const text *visitor)
{
	uint64 hash = hash_of(channel, visitor);
	uint64 *place = place_of(hash);

	moved_out += place[BESIDE - 1] != 0;
	memmove(place + 1, place, sizeof(uint64) * (BESIDE - 1));
	*place = hash;
}

static bool
look_up(const pg_uuid_t *channel, const text *visitor)
{
	Oid relation = wc_relation("visitors");
	Relation rel = table_open(relation, AccessShareLock);
	Snapshot snapshot;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found;

	watch(relation);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(channel));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_TEXTEQ, PointerGetDatum(visitor));
	scan = systable_beginscan(rel, wc_relation("visitors_pkey"), true, snapshot, 2, keys);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	/* not what our own transaction wrote, and may take back */
	if (found && visitors == relation && !TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)))
		remember(channel, visitor);
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
	return found;
}

bool
known_visitors_find(const pg_uuid_t *channel, const text *visitor)
{
	return is_known(channel, visitor) || look_up(channel, visitor);
}
