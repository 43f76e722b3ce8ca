/*
 * desk_session.c
 *	  Whose call of the desk this process is carrying out: what no session can claim of
 *	  itself, as it can webchatt.agent.
 */
#include "postgres.h"

#include "fmgr.h"

#include "shared/desk_session.h"

PG_FUNCTION_INFO_V1(webchatt_desk_session);

int64 wc_desk_session = 0;

/* _desk_session() → bigint: null in a session of PostgreSQL's */
Datum
webchatt_desk_session(PG_FUNCTION_ARGS)
{
	if (wc_desk_session == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(wc_desk_session);
}
