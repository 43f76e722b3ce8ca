/*
 * clock.c
 *	  The clock that pauses and deadlines go by: it never jumps.
 */
#include "postgres.h"

#include <time.h>

#include "utils/timestamp.h"

#include "shared/clock.h"
#include "shared/compat.h"

/* Microseconds since some time before the server started; always above 0. */
TimestampTz
wc_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (TimestampTz) t.tv_sec * USECS_PER_SEC + t.tv_nsec / 1000 + 1;
}

/* When the wall clock will show what this clock shows at "at", as of now; 0 stays 0. */
TimestampTz
wc_clock_to_wall(TimestampTz at)
{
	return at == 0 ? 0 : GetCurrentTimestamp() + (at - wc_clock());
}

/* A pause, a quarter more or less, so that not all come at once. */
int
wc_jittered(int ms)
{
	return ms - ms / 4 + (int) (wc_random_fraction() * (ms / 2));
}
