/*
 * erasure.c
 *	  webchatt.erase_visitor() and webchatt.redact_message(): what they do as the
 *	  worker's role, so that whoever asks needs no rights on our tables, and the
 *	  application's triggers get none of theirs.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "shared/columns.h"
#include "shared/extension_version.h"
#include "shared/outbox_append.h"
#include "shared/statements.h"
#include "shared/step_down.h"

/* Messages that are erased by one statement. */
#define PIECE_ROWS 5000

static void
erase_all(const pg_uuid_t *erasure)
{
	Datum args[2] = {UUIDPGetDatum(erasure), Int32GetDatum(PIECE_ROWS)};
	bool isnull;

	do
	{
		CHECK_FOR_INTERRUPTS();
		SPI_freetuptable(SPI_tuptable);
		(void) wc_run(WC_ERASE_SOME, args, NULL);
	} while (DatumGetBool(wc_field(0, 1, &isnull)));
}

/* _erase(channel uuid, visitor text, asked_by text, only_archived boolean) → uuid, or NULL when there is nobody. */
WC_FUNCTION(webchatt_erase)
{
	Datum args[4];
	pg_uuid_t made;
	WcOuter outer;
	bool isnull = true;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(3))
		PG_RETURN_NULL();
	args[0] = PG_GETARG_DATUM(0);
	args[1] = PG_GETARG_DATUM(1);
	args[2] = PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2);
	args[3] = PG_GETARG_DATUM(3);
	wc_step_down(&outer);
	SPI_connect();
	if (wc_run(WC_BEGIN_ERASURE, args, PG_ARGISNULL(2) ? "  n " : NULL) > 0)
	{
		Datum id = wc_field(0, 1, &isnull);

		if (!isnull)
		{
			made = *DatumGetUUIDP(id);
			erase_all(&made);
		}
	}
	SPI_finish();
	wc_step_up(&outer);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(memcpy(palloc(sizeof(made)), &made, sizeof(made)));
}

/*
 * _redact(channel uuid, id uuid, content jsonb, redacted_by text) → boolean.  Open pages lose the message, and say hello
 * again, which brings it with its new content.  What left for an archive is on no page.
 */
WC_FUNCTION(webchatt_redact)
{
	Datum args[4];
	WcOuter outer;
	char *visitor = NULL;
	int i;

	for (i = 0; i < 4; i++)
	{
		if (PG_ARGISNULL(i))
			PG_RETURN_BOOL(false);
		args[i] = PG_GETARG_DATUM(i);
	}
	wc_step_down(&outer);
	SPI_connect();
	if (wc_run(WC_REDACT, args, NULL) > 0)
		visitor = wc_field_text(0, 1);
	if (visitor != NULL && *visitor != '\0')
		wc_outbox_append_note(0, 'y', DatumGetUUIDP(args[0]), visitor, DatumGetUUIDP(args[1]), NULL, NULL, "again");
	SPI_finish();
	wc_step_up(&outer);
	PG_RETURN_BOOL(visitor != NULL);
}
