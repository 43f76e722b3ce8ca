/*
 * message_id.c
 *	  Ids for messages: UUID version 7, rising within the server, also when its
 *	  clock is set back.
 *
 * Conversations and the inbox are in the order of ids.  So the time in the last id
 * is kept for all sessions, and what the clock says counts only while it is later.
 * After a restart the newest ids in the tables say what it was: the worker looks at
 * them first of all, and a session that comes before it at its channel's.
 */
#include "postgres.h"

#include <time.h>

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/uuid7.h"
#include "shared/columns.h"
#include "shared/message_id.h"
#include "shared/shmem.h"
#include "shared/statements.h"

/* Random bytes are fetched for this many ids at a time. */
#define RANDOM_BATCH 64

/* An id that is later than the clock by more than this many days says nothing of when it was made. */
#define DAYS_AHEAD 366

#define EPOCH_DIFF_US ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

PG_FUNCTION_INFO_V1(webchatt_now);

static pg_atomic_uint64 *
last_id(void)
{
	static pg_atomic_uint64 of_this_process;
	static bool ready = false;

	if (wc_shared != NULL)
		return &wc_shared->last_id;
	if (!ready)
		pg_atomic_init_u64(&of_this_process, 0);
	ready = true;
	return &of_this_process;
}

static uint64
tick_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return wc_uuid7_tick((uint64) now.tv_sec * UINT64CONST(1000000000) + now.tv_nsec);
}

void
wc_new_message_id(pg_uuid_t *id)
{
	static uint8 pool[RANDOM_BATCH * 8];
	static int left = 0;
	uint64 now = tick_now();
	uint64 last = pg_atomic_read_u64(last_id());
	uint64 tick;

	if (left == 0)
	{
		if (!pg_strong_random(pool, sizeof(pool)))
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not get random bytes for a message id")));
		left = RANDOM_BATCH;
	}
	do
		tick = Max(now, last + 1);
	while (!pg_atomic_compare_exchange_u64(last_id(), &last, tick));
	left--;
	wc_uuid7_at(tick, pool + left * 8, id->data);
}

/* The ids of SPI_tuptable are there: ours are later. */
static void
be_later(uint64 rows)
{
	uint64 most = tick_now() + wc_uuid7_tick(UINT64CONST(1000000000) * SECS_PER_DAY * DAYS_AHEAD);
	uint64 last = pg_atomic_read_u64(last_id());
	uint64 i;

	for (i = 0; i < rows; i++)
	{
		bool isnull;
		uint64 tick = wc_uuid7_tick_of(DatumGetUUIDP(wc_field(i, 1, &isnull))->data);

		if (tick > most)
			continue;
		while (last < tick && !pg_atomic_compare_exchange_u64(last_id(), &last, tick))
			continue;
	}
}

/* The least id that is later than all that are believed. */
static Datum
beyond_belief(pg_uuid_t *id)
{
	static const uint8 none[8];

	wc_uuid7_at(tick_now() + wc_uuid7_tick(UINT64CONST(1000000000) * SECS_PER_DAY * DAYS_AHEAD), none, id->data);
	return UUIDPGetDatum(id);
}

/* The worker begins: see how far the ids of its database are.  Connected to SPI. */
void
wc_learn_ids(WcSlot *slot)
{
	pg_uuid_t most;
	Datum arg = beyond_belief(&most);

	be_later(wc_run(WC_NEWEST_IDS, &arg, NULL));
	LWLockAcquire(wc_shared->lock, LW_EXCLUSIVE);
	slot->ids_known = true;
	LWLockRelease(wc_shared->lock);
}

/* A session is about to write into a channel for the first time: the same, if no worker did. */
void
wc_learn_channel_ids(const pg_uuid_t *channel)
{
	pg_uuid_t most;
	Datum args[2] = {UUIDPGetDatum(channel), beyond_belief(&most)};
	bool known = false;

	if (wc_shared != NULL)
	{
		WcSlot *slot;

		LWLockAcquire(wc_shared->lock, LW_SHARED);
		slot = wc_slot_of_database(MyDatabaseId);
		known = slot != NULL && slot->ids_known;
		LWLockRelease(wc_shared->lock);
	}
	if (!known)
		be_later(wc_run(WC_NEWEST_IDS_OF, args, NULL));
}

/*
 * _now() → timestamptz: now(), but never before the last message's id, so that
 * times rise as ids do after the clock was set back.
 */
Datum
webchatt_now(PG_FUNCTION_ARGS)
{
	uint64 last = pg_atomic_read_u64(last_id());

	if (last <= tick_now())
		PG_RETURN_TIMESTAMPTZ(GetCurrentTransactionStartTimestamp());
	PG_RETURN_TIMESTAMPTZ((TimestampTz) wc_uuid7_tick_us(last) - EPOCH_DIFF_US);
}
