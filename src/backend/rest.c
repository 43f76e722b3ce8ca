/*
 * rest.c
 *	  Requests for /v1/organization of the REST API at home, each answered by
 *	  webchatt._rest() in a savepoint of the turn.
 */
#include "worker.h"

bool
rest_accept(const wc_frame *frame)
{
	return false;
}

int
rest_pending(void)
{
	return 0;
}

void
rest_apply(void)
{
}

void
rest_commit(wc_buf *out)
{
}

void
rest_rollback(void)
{
}

void
rest_forget(void)
{
}
