/*
 * early_ends.c
 *	  Messages that ended before their row of the outbox was read: they were
 *	  cancelled, or their conversation was read anew and they were sent.
 *
 * What is in the outbox counts as queued until its row is read, and these do
 * not.  The set is bounded: beyond that there is a number only, which is put
 * right when all is read.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "outbound/early_ends.h"
#include "shared/blob_hash.h"

/* Messages that are remembered, at most. */
#define EARLY_ENDS_MOST 65536

typedef struct EarlyEnd
{
	pg_uuid_t message;
	int times;
} EarlyEnd;

/* What a turn did, so that it can be undone. */
typedef struct Step
{
	pg_uuid_t message;
	int times;
} Step;

struct EarlyEnds
{
	HTAB *messages; /* EarlyEnd */
	int64 remembered;
	int64 more; /* that are not remembered */
	int64 more_saved;
	Step *steps;
	int nsteps;
	int size;
};

/* A set in the current memory context. */
EarlyEnds *
early_ends_new(void)
{
	EarlyEnds *set = palloc0(sizeof(EarlyEnds));

	set->messages = wc_blob_hash("webchatt early ends", CurrentMemoryContext, sizeof(pg_uuid_t), sizeof(EarlyEnd), 64);
	set->size = 64;
	set->steps = palloc(sizeof(Step) * set->size);
	return set;
}

static void
change(EarlyEnds *set, const pg_uuid_t *message, int times)
{
	bool found;
	EarlyEnd *end = hash_search(set->messages, message, HASH_ENTER, &found);

	end->times = (found ? end->times : 0) + times;
	set->remembered += times;
	if (end->times <= 0)
	{
		set->remembered -= end->times;
		hash_search(set->messages, message, HASH_REMOVE, NULL);
	}
}

static void
note(EarlyEnds *set, const pg_uuid_t *message, int times)
{
	if (set->nsteps == set->size)
		set->steps = repalloc(set->steps, sizeof(Step) * (set->size *= 2));
	set->steps[set->nsteps].message = *message;
	set->steps[set->nsteps++].times = times;
	change(set, message, times);
}

static bool
is_full(const EarlyEnds *set)
{
	return hash_get_num_entries(set->messages) >= EARLY_ENDS_MOST;
}

/* It has ended, and its row is not read. */
void
early_ends_add(EarlyEnds *set, const pg_uuid_t *message)
{
	if (is_full(set))
		set->more++;
	else
		note(set, message, 1);
}

bool
early_ends_has(const EarlyEnds *set, const pg_uuid_t *message)
{
	return set->remembered > 0 && hash_search(set->messages, message, HASH_FIND, NULL) != NULL;
}

/* Its row is being read: had it ended?  It is forgotten then. */
bool
early_ends_take(EarlyEnds *set, const pg_uuid_t *message)
{
	if (!early_ends_has(set, message))
		return false;
	note(set, message, -1);
	return true;
}

int64
early_ends_count(const EarlyEnds *set)
{
	return set->remembered + set->more;
}

/* all_is_read: nothing is left that could have ended early. */
void
early_ends_commit(EarlyEnds *set, bool all_is_read)
{
	set->nsteps = 0;
	if (all_is_read && early_ends_count(set) > 0)
	{
		HASH_SEQ_STATUS scan;
		EarlyEnd *end;

		hash_seq_init(&scan, set->messages);
		while ((end = hash_seq_search(&scan)) != NULL)
			hash_search(set->messages, &end->message, HASH_REMOVE, NULL);
		set->remembered = set->more = 0;
	}
	set->more_saved = set->more;
}

void
early_ends_rollback(EarlyEnds *set)
{
	while (set->nsteps > 0)
	{
		const Step *step = &set->steps[--set->nsteps];

		change(set, &step->message, -step->times);
	}
	set->more = set->more_saved;
}
