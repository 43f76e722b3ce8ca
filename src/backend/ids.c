/*
 * ids.c
 *	  Ids for messages: UUID version 7, rising within a session.
 */
#include "webchatt.h"

#include <time.h>

#include "../common/uuid7.h"

/* Random bytes are fetched for this many ids at a time. */
#define RANDOM_BATCH	64

void
wc_new_message_id(pg_uuid_t *id)
{
	static wc_uuid7_state state = {0};
	static uint8 pool[RANDOM_BATCH * 8];
	static int	left = 0;
	struct timespec now;

	if (left == 0)
	{
		if (!pg_strong_random(pool, sizeof(pool)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not get random bytes for a message id")));
		left = RANDOM_BATCH;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	left--;
	wc_uuid7_make(&state, (uint64) now.tv_sec * UINT64CONST(1000000000) + now.tv_nsec,
				  pool + left * 8, id->data);
}
