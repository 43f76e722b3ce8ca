/*
 * called.c
 *	  Does somebody wait for the end of the turn that is under way?  What a turn could
 *	  as well leave to the next one it does piece by piece, and asks in between.
 */
#include "postgres.h"

#include "port/atomics.h"

#include "turn/called.h"
#include "turn/report.h"

static uint32 heard = 0;

/* The turn that begins now sees whatever was committed until now. */
void
called_heard(void)
{
	heard = pg_atomic_read_u32(&report_slot->calls);
}

/* Was something committed for the worker since then? */
bool
called_again(void)
{
	return pg_atomic_read_u32(&report_slot->calls) != heard;
}
