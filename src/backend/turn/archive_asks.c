/*
 * archive_asks.c
 *	  What is to be read in archives, pages for visitors and parts of exports: which channels
 *	  have one, what was asked for, and which is not tried for a while as it could not be read.
 *
 * A turn adds what it could not answer, behind its commit; desk_calls.c takes it between turns, and
 * has it read by a process of its own.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/uuid.h"

#include "shared/columns.h"
#include "shared/statements.h"
#include "turn/archive_asks.h"

/* How long an archive that could not be read is left alone, in ms: at first, and at most; it doubles. */
#define PAUSE_FIRST_MS 2000
#define PAUSE_MOST_MS  60000

/* What waits to be taken: more than this is asked for again by whoever wants it. */
#define ASKS_MOST 256

typedef struct Pause
{
	TimestampTz not_before;
	int failures; /* in a row */
} Pause;

typedef struct Archived
{
	uint8 channel[16];
	uint32 archive; /* channels with the same one have the same number; 0: it only had some once */
	Interval keep;	/* who came since then has nothing in it */
	Pause pages;
	Pause exports; /* these read all that it ever had */
} Archived;

static Archived *archived = NULL;
static int narchived = 0;

static ArchiveAsk asks[ASKS_MOST];
static int nasks = 0;

static Archived *
find(const uint8 *channel)
{
	int i;

	for (i = 0; i < narchived; i++)
	{
		if (memcmp(archived[i].channel, channel, 16) == 0)
			return &archived[i];
	}
	return NULL;
}

/* In a turn: what the configuration says.  What was known of an archive's failures is forgotten. */
void
archive_asks_configure(void)
{
	int n = (int) wc_run(WC_ARCHIVED_CHANNELS, NULL, NULL);
	Archived *rows = n > 0 ? MemoryContextAllocZero(TopMemoryContext, sizeof(Archived) * n) : NULL;
	int i;

	for (i = 0; i < n; i++)
	{
		bool isnull;

		memcpy(rows[i].channel, DatumGetUUIDP(wc_field(i, 1, &isnull))->data, 16);
		rows[i].archive = DatumGetUInt32(wc_field(i, 2, &isnull));
		if (rows[i].archive != 0)
			rows[i].keep = *DatumGetIntervalP(wc_field(i, 3, &isnull));
	}
	if (archived != NULL)
		pfree(archived);
	archived = rows;
	narchived = n;
}

/* How long conversations stay here: who came earlier may have some in the archive.  NULL: the channel has none. */
const Interval *
archive_asks_keep(const uint8 *channel)
{
	const Archived *a = find(channel);

	return a != NULL && a->archive != 0 ? &a->keep : NULL;
}

/* Behind the turn's commit.  False: there is no room. */
bool
archive_asks_add(const ArchiveAsk *ask)
{
	if (nasks == ASKS_MOST)
		return false;
	asks[nasks++] = *ask;
	return true;
}

/* A visitor's page, likewise. */
bool
archive_asks_add_page(const wc_history_ask *said, bool shows_author)
{
	ArchiveAsk ask = {.kind = ARCHIVE_OF_VISITOR, .number = said->session, .shows_author = shows_author};

	memcpy(ask.channel, said->channel, 16);
	memcpy(ask.visitor, said->visitor, 16);
	memcpy(ask.from, said->before, 16);
	return archive_asks_add(&ask);
}

/* False: there is none. */
bool
archive_asks_next(ArchiveAsk *ask)
{
	if (nasks == 0)
		return false;
	*ask = asks[0];
	memmove(asks, asks + 1, sizeof(ArchiveAsk) * --nasks);
	return true;
}

static Pause *
pause_of(ArchiveKind kind, Archived *a)
{
	return kind == ARCHIVE_OF_REST ? &a->exports : &a->pages;
}

/* Until when a channel's archive is left alone; 0: it is not. */
TimestampTz
archive_asks_pause(ArchiveKind kind, const uint8 *channel)
{
	Archived *a = find(channel);

	return a != NULL ? pause_of(kind, a)->not_before : 0;
}

/* The same for all channels that have the archive of that one. */
static void
set_pause(ArchiveKind kind, const Archived *its, Pause pause)
{
	uint32 archive = its->archive;
	int i;

	for (i = 0; i < narchived; i++)
	{
		if (&archived[i] == its || (kind != ARCHIVE_OF_REST && archive != 0 && archived[i].archive == archive))
			*pause_of(kind, &archived[i]) = pause;
	}
}

/* It could not be read.  True: and this is the first time. */
bool
archive_asks_failed(ArchiveKind kind, const uint8 *channel, TimestampTz now)
{
	Archived *its = find(channel);
	int failures;

	if (its == NULL)
		return true;
	failures = pause_of(kind, its)->failures;
	set_pause(kind, its,
			  (Pause){TimestampTzPlusMilliseconds(now, Min((int64) PAUSE_FIRST_MS << failures, PAUSE_MOST_MS)),
					  Min(failures + 1, 16)});
	return failures == 0;
}

/* It could. */
void
archive_asks_read(ArchiveKind kind, const uint8 *channel)
{
	Archived *its = find(channel);

	if (its != NULL && pause_of(kind, its)->failures > 0)
		set_pause(kind, its, (Pause){0});
}

/* Whoever asked is gone. */
void
archive_asks_forget(void)
{
	nasks = 0;
}

void
archive_asks_reset(void)
{
	archive_asks_forget();
	if (archived != NULL)
		pfree(archived);
	archived = NULL;
	narchived = 0;
}
