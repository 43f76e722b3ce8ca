/*
 * overdue.c
 *	  Messages that nothing is heard of: which of them have just become old
 *	  enough, and sends whose answer was never seen.
 *
 * No index knows a message's status, and none shall, for it changes without
 * touching one.  But ids are times: so once a minute the worker reads, channel by
 * channel, those that have passed webchatt.overdue_after since it last looked, and
 * keeps what has no end in a small table.  What is sent when it is older than that
 * already (it was held, or retried) goes there as it is sent.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "outbound/overdue.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* Between two looks, in ms; less where webchatt.overdue_after is less. */
#define LOOK_MS 60000

/* What one turn reads: messages, candidates, channels. */
#define FIND_MOST	  1000
#define PRUNE_MOST	  1000
#define CHANNELS_MOST 100

/* Sends without an answer that are noted between two turns. */
#define UNANSWERED_MOST 2048

/* How far back the very first look goes, in ms. */
#define FIRST_LOOK_MS (24 * 60 * 60 * 1000)

typedef enum OverduePhase
{
	OVERDUE_RESTING,
	OVERDUE_FINDING,
	OVERDUE_PRUNING
} OverduePhase;

/* How far a look is. */
typedef struct OverdueLook
{
	OverduePhase phase;
	TimestampTz next; /* RESTING: when the next one begins, by wc_clock() */
	bool known;		  /* upto is what the table says */
	TimestampTz upto; /* all made before were looked at */
	TimestampTz goal; /* FINDING: upto where */
	bool in_channel;  /* behind id in channel; or behind channel */
	pg_uuid_t channel;
	pg_uuid_t id; /* FINDING: the last message; PRUNING: the last candidate's */
	int64 count;  /* of all candidates */
	int64 left;	  /* PRUNING: of those seen so far */
} OverdueLook;

static OverdueLook look;
static OverdueLook saved; /* as of the last commit */

static pg_uuid_t unanswered[2][UNANSWERED_MOST]; /* channel, message */
static int nunanswered = 0;
static int nwritten = 0; /* of them, in this turn */

/* The least id that can have been made at a time. */
static pg_uuid_t
id_at(TimestampTz at)
{
	int64 us = Max(0, at + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY);
	pg_uuid_t id;
	int i;

	memset(&id, 0, sizeof(id));
	for (i = 0; i < 6; i++)
		id.data[i] = (uint8) ((uint64) us / 1000 >> (8 * (5 - i)));
	return id;
}

/* webchatt.overdue_after may be another: look now. */
void
overdue_nudge(void)
{
	if (look.phase == OVERDUE_RESTING)
		look.next = saved.next = 0;
}

/* A send was written, and ended without an answer. */
void
overdue_note(const pg_uuid_t *channel, const pg_uuid_t *message)
{
	if (nunanswered == UNANSWERED_MOST)
		return;
	unanswered[0][nunanswered] = *channel;
	unanswered[1][nunanswered++] = *message;
}

/* Was it passed over by the looks, being queued or held when it became old enough? */
bool
overdue_is_late(const pg_uuid_t *message)
{
	pg_uuid_t seen = id_at(look.known ? look.upto : GetCurrentTimestamp() - wc_overdue_after * USECS_PER_SEC);

	return memcmp(message->data, seen.data, sizeof(seen.data)) < 0;
}

static TimestampTz
next_look(TimestampTz now)
{
	return TimestampTzPlusMilliseconds(now, Min(LOOK_MS, (int64) wc_overdue_after * 1000));
}

bool
overdue_ready(TimestampTz now)
{
	return nunanswered > 0 || look.phase != OVERDUE_RESTING || look.next <= now;
}

TimestampTz
overdue_next_due(void)
{
	return overdue_ready(0) ? 1 : Max(look.next, 1);
}

static void
write_unanswered(void *arg)
{
	WcColumn *channels = wc_column(UUIDOID, nunanswered);
	WcColumn *messages = wc_column(UUIDOID, nunanswered);
	Datum args[2];
	int i;

	for (i = 0; i < nunanswered; i++)
	{
		wc_column_add(channels, UUIDPGetDatum(&unanswered[0][i]));
		wc_column_add(messages, UUIDPGetDatum(&unanswered[1][i]));
	}
	args[0] = wc_column_array(channels);
	args[1] = wc_column_array(messages);
	wc_run(WC_OVERDUE_UNANSWERED, args, NULL);
}

/* Where the last look ended, as the table has it. */
static void
learn_cursor(TimestampTz wall)
{
	bool isnull;

	if (wc_run(WC_OVERDUE_CURSOR, NULL, NULL) > 0)
		look.upto = DatumGetTimestampTz(wc_field(0, 1, &isnull));
	else
		look.upto = TimestampTzPlusMilliseconds(wall, -(int64) FIRST_LOOK_MS);
	look.known = true;
}

static void
begin_look(void)
{
	TimestampTz wall = GetCurrentTimestamp();

	if (!look.known)
		learn_cursor(wall);
	look.goal = wall - wc_overdue_after * USECS_PER_SEC;
	memset(&look.channel, 0, sizeof(look.channel));
	memset(&look.id, 0, sizeof(look.id));
	look.in_channel = false;
	look.left = 0;
	look.phase = look.goal > look.upto ? OVERDUE_FINDING : OVERDUE_PRUNING;
}

static void
end_finding(void)
{
	Datum upto = TimestampTzGetDatum(look.goal);

	wc_run(WC_OVERDUE_UPTO, &upto, NULL);
	look.upto = look.goal;
	look.phase = OVERDUE_PRUNING;
	memset(&look.channel, 0, sizeof(look.channel));
	memset(&look.id, 0, sizeof(look.id));
}

/* A page of a channel; how many rows it had. */
static int
find_page(int most)
{
	pg_uuid_t before = id_at(look.goal);
	Datum args[4] = {UUIDPGetDatum(&look.channel), UUIDPGetDatum(&look.id), UUIDPGetDatum(&before),
					 Int32GetDatum(most)};
	bool isnull;
	int64 n;

	wc_run(WC_OVERDUE_FIND, args, NULL);
	n = DatumGetInt64(wc_field(0, 1, &isnull));
	if (n > 0)
		look.id = *DatumGetUUIDP(wc_field(0, 2, &isnull));
	look.count += DatumGetInt64(wc_field(0, 3, &isnull));
	return (int) n;
}

static void
find_step(void *arg)
{
	int left = FIND_MOST;
	int channels = 0;

	while (left > 0 && channels < CHANNELS_MOST)
	{
		int n;

		if (!look.in_channel)
		{
			Datum behind = UUIDPGetDatum(&look.channel);
			bool isnull;

			if (wc_run(WC_NEXT_CHANNEL, &behind, NULL) == 0)
			{
				end_finding();
				return;
			}
			look.channel = *DatumGetUUIDP(wc_field(0, 1, &isnull));
			look.id = id_at(look.upto);
			look.in_channel = true;
			channels++;
		}
		n = find_page(left);
		look.in_channel = n == left;
		left -= n;
	}
}

static void
prune_step(void *arg)
{
	Datum args[3] = {UUIDPGetDatum(&look.channel), UUIDPGetDatum(&look.id), Int32GetDatum(PRUNE_MOST)};
	int64 rows = 0;
	bool isnull;

	if (wc_run(WC_OVERDUE_PRUNE, args, NULL) > 0)
	{
		pg_uuid_t channel = *DatumGetUUIDP(wc_field(0, 2, &isnull));

		rows = DatumGetInt64(wc_field(0, 1, &isnull));
		look.id = *DatumGetUUIDP(wc_field(0, 3, &isnull));
		look.channel = channel;
		look.left += DatumGetInt64(wc_field(0, 4, &isnull));
	}
	if (rows == PRUNE_MOST)
		return;
	look.phase = OVERDUE_RESTING;
	look.next = next_look(wc_clock());
	look.count = look.left;
}

static void
look_step(void *arg)
{
	if (look.phase == OVERDUE_RESTING)
		begin_look();
	if (look.phase == OVERDUE_FINDING)
		find_step(NULL);
	else
		prune_step(NULL);
}

/* A part of what is to be done, no more than a turn can bear. */
void
overdue_apply(TimestampTz now)
{
	ErrorData *error;

	nwritten = 0;
	if (nunanswered > 0)
	{
		error = savepoint_try_for(write_unanswered, NULL, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
		if (error != NULL)
			report_error(error->message);
		nwritten = nunanswered;
	}
	if (look.phase == OVERDUE_RESTING && look.next > now)
		return;
	error = savepoint_try_for(look_step, NULL, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
	if (error == NULL)
		return;
	look = saved;
	look.phase = OVERDUE_RESTING;
	look.next = next_look(now);
	if (!savepoint_error_is_transient(error))
		report_error(error->message);
}

void
overdue_commit(void)
{
	saved = look;
	report_stats.overdue = look.count;
	if (nwritten > 0)
	{
		/* what was there already is counted twice until the next look */
		report_stats.overdue = saved.count = look.count += nwritten;
		nunanswered -= nwritten;
		memmove(unanswered[0], unanswered[0] + nwritten, sizeof(pg_uuid_t) * nunanswered);
		memmove(unanswered[1], unanswered[1] + nwritten, sizeof(pg_uuid_t) * nunanswered);
	}
	nwritten = 0;
}

void
overdue_rollback(void)
{
	look = saved;
	nwritten = 0;
}

void
overdue_reset(void)
{
	memset(&look, 0, sizeof(look));
	memset(&saved, 0, sizeof(saved));
	nunanswered = nwritten = 0;
}
