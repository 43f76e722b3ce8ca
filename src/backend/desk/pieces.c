/*
 * pieces.c
 *	  Work in the background, in pieces: how large the next one is, and when it is due.
 *
 * A fifth of the time at most.  Who does nothing but turns is the worker that visitors wait for, so the busier it is the longer
 * is rested: what counts for the slowest of them is in how many of their messages a piece falls.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "desk/pieces.h"
#include "shared/clock.h"
#include "shared/shmem.h"

/* The pause behind a piece, as many times as long as that took; in ms: at least, and the most for a worker that is busy. */
#define PAUSE_TIMES 4
#define PAUSE_LEAST 5
#define BUSY_MOST	12000

/* How long until the next one is due, in ms; 0: now. */
long
pieces_pause(const Pieces *pieces)
{
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), pieces->next);
}

void
pieces_due_in(Pieces *pieces, long ms)
{
	pieces->next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
}

/* How much of its time the worker spent in turns since this was last asked: 0 to 1. */
static double
worker_busy(Pieces *pieces)
{
	TimestampTz now = wc_clock();
	int64 busy = pieces->busy_us;
	double share;
	WcSlot *slot;

	LWLockAcquire(wc_shared->lock, LW_SHARED);
	slot = wc_slot_of_database(MyDatabaseId);
	if (slot != NULL)
	{
		SpinLockAcquire(&slot->mutex);
		busy = slot->stats.busy_us;
		SpinLockRelease(&slot->mutex);
	}
	LWLockRelease(wc_shared->lock);
	/* (a worker that was started anew counts anew) */
	share = (double) Max(busy - pieces->busy_us, 0) / Max(now - pieces->asked, 1);
	pieces->asked = now;
	pieces->busy_us = busy;
	return Min(share, 1);
}

/* The pause behind a piece that took so long; both in ms. */
long
pieces_rest(Pieces *pieces, long took)
{
	double busy = took * pieces->busy_times * worker_busy(pieces);

	return Max(PAUSE_LEAST, took * PAUSE_TIMES) + (long) Min(busy, BUSY_MOST);
}

/* A piece took so long, in ms, and did something or not. */
void
pieces_size(Pieces *pieces, long took, bool did)
{
	if (took > PIECE_MS)
		pieces->size = Max(pieces->least, pieces->size / 2);
	else if (did && took < PIECE_MS / 2)
		pieces->size = Min(pieces->most, pieces->size * 2);
}
