/*
 * mark_read.c
 *	  webchatt.mark_read(): the application has seen what a visitor wrote.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "session/send.h"
#include "shared/columns.h"
#include "shared/extension_version.h"
#include "shared/outbox_append.h"
#include "shared/statements.h"
#include "shared/step_down.h"

/*
 * mark_read(channel uuid, visitor text, upto uuid) → bigint: how many were
 * marked.  The worker tells the visitor's clients after the commit.  Errors:
 * 42704 unknown channel, 22004 a NULL.
 */
WC_FUNCTION(webchatt_mark_read)
{
	Datum args[3];
	char nulls[4] = "   ";
	int64 marked = 0;
	bool isnull;
	bool local;
	WcOuter outer;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the %s is NULL", PG_ARGISNULL(0) ? "channel" : "visitor")));
	args[0] = PG_GETARG_DATUM(0);
	args[1] = PG_GETARG_DATUM(1);
	args[2] = PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2);
	nulls[2] = PG_ARGISNULL(2) ? 'n' : ' ';
	wc_step_down(&outer);
	SPI_connect();
	local = send_channel_is_local(DatumGetUUIDP(args[0]));
	if (wc_run(WC_MARK_READ, args, nulls) > 0)
	{
		marked = DatumGetInt64(wc_field(0, 1, &isnull));
		if (local)
			wc_outbox_append(0, 'm', DatumGetUUIDP(args[0]), text_to_cstring(PG_GETARG_TEXT_PP(1)),
							 DatumGetUUIDP(wc_field(0, 2, &isnull)), NULL, NULL);
	}
	SPI_finish();
	wc_step_up(&outer);
	PG_RETURN_INT64(marked);
}
