/*
 * file_sweep.c
 *	  A walk over the files, a page at a time and two that are dropped at most, as one
 *	  may be thousands of rows.  On its way it sums up the others: between two walks the
 *	  worker reckons with what it did itself.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "files/file_sweep.h"
#include "shared/columns.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "turn/config.h"
#include "turn/savepoint.h"

/* Files looked at in one step. */
#define PAGE 100

/* Between two steps, and two walks, in ms; a walk begins earlier where files are to go sooner. */
#define STEP_MS		   100
#define WALK_MS		   300000
#define WALKS_IN_SWEEP 4

typedef struct Walk
{
	pg_uuid_t channel; /* what was looked at last */
	char id[44];
	FileTotals stay; /* so far */
	FileTotals all;
	bool known; /* all of them */
	TimestampTz due;
} Walk;

static Walk walk;
static Walk fresh;
static bool running = false; /* this turn: fresh is another */
static bool told = false;	 /* webchatt-net knows as much */

static FileTotals
totals_in(int bytes, int files, int arriving)
{
	bool isnull;

	return (FileTotals){DatumGetInt64(wc_field(0, bytes, &isnull)), DatumGetInt64(wc_field(0, files, &isnull)),
						DatumGetInt64(wc_field(0, arriving, &isnull))};
}

/* Bytes of all files, in a transaction; as much as is known of it. */
int64
file_sweep_total(void)
{
	if (!walk.known)
	{
		(void) wc_run(WC_FILES_TOTAL, NULL, NULL);
		walk.all = totals_in(3, 1, 2);
		walk.known = true;
	}
	return walk.all.bytes;
}

static void
add(FileTotals *to, const FileTotals *more)
{
	to->bytes = Max(0, to->bytes + more->bytes);
	to->files = Max(0, to->files + more->files);
	to->arriving = Max(0, to->arriving + more->arriving);
}

/* So many came, or went, or became whole, by a turn that is committed. */
void
file_sweep_add(const FileTotals *more)
{
	if (more->bytes == 0 && more->files == 0 && more->arriving == 0)
		return;
	add(&walk.all, more);
	/* the walk may not meet it any more */
	if (more->bytes > 0)
		add(&walk.stay, more);
	told = false;
}

static int
pause_ms(void)
{
	return (int) Min(WALK_MS, Max(1000, (int64) wc_file_sweep_after * 1000 / WALKS_IN_SWEEP));
}

static void
step(void *arg)
{
	Datum args[4] = {UUIDPGetDatum(&walk.channel), CStringGetTextDatum(walk.id), Int32GetDatum(wc_file_sweep_after),
					 Int32GetDatum(PAGE)};
	bool over = wc_run(WC_SWEEP_FILES, args, NULL) == 0;
	TimestampTz now = *(TimestampTz *) arg;
	FileTotals more;
	Datum ids;
	bool isnull;

	fresh = walk;
	running = true;
	if (!over)
	{
		fresh.channel = *DatumGetUUIDP(wc_field(0, 1, &isnull));
		strlcpy(fresh.id, wc_field_text(0, 2), sizeof(fresh.id));
		over = DatumGetInt64(wc_field(0, 3, &isnull)) < PAGE && DatumGetInt64(wc_field(0, 4, &isnull)) < 2;
		more = totals_in(5, 7, 8);
		add(&fresh.stay, &more);
		ids = PointerGetDatum(PG_DETOAST_DATUM_COPY(wc_field(0, 6, &isnull)));
		if (DatumGetInt64(wc_field(0, 4, &isnull)) > 0)
			(void) wc_run(WC_DROP_STALE_FILES, &ids, NULL);
	}
	fresh.due = TimestampTzPlusMilliseconds(now, over ? pause_ms() : STEP_MS);
	if (!over)
		return;
	fresh.all = fresh.stay;
	fresh.known = true;
	memset(&fresh.stay, 0, sizeof(fresh.stay));
	memset(&fresh.channel, 0, sizeof(fresh.channel));
	fresh.id[0] = '\0';
}

/* A step of the walk, when it is due. */
void
file_sweep_apply(TimestampTz now)
{
	running = false;
	if (now < walk.due)
		return;
	savepoint_do(step, &now);
	if (!running)
		walk.due = TimestampTzPlusMilliseconds(now, WALK_MS);
}

/* The turn is committed. */
void
file_sweep_commit(void)
{
	if (running && memcmp(&fresh.all, &walk.all, sizeof(walk.all)) != 0)
		told = false;
	if (running)
		walk = fresh;
	running = false;
}

/* How much there is by now. */
void
file_sweep_tell(wc_buf *out)
{
	wc_file_totals m;

	if (told || !walk.known)
		return;
	m = (wc_file_totals){(uint64) walk.all.files, (uint64) walk.all.arriving, (uint64) walk.all.bytes};
	(void) wc_write_file_totals(out, &m);
	told = true;
}

static void
file_sweep_net_lost(void)
{
	told = false;
}

static void
file_sweep_rollback(const ErrorData *error)
{
	running = false;
}

static bool
file_sweep_ready(TimestampTz now)
{
	return walk.due <= now && config_is_read();
}

static TimestampTz
file_sweep_next_due(void)
{
	return walk.due;
}

static void
file_sweep_reset(void)
{
	memset(&walk, 0, sizeof(walk));
	running = told = false;
}

const TurnPart file_sweep_part = {
	.ready = file_sweep_ready,
	.next_due = file_sweep_next_due,
	.rollback = file_sweep_rollback,
	.net_lost = file_sweep_net_lost,
	.reset = file_sweep_reset,
};
