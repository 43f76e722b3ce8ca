/*
 * retract.c
 *	  webchatt.retract_message().
 *
 * The row is marked, and stays: who works at the desk can see what the visitor was
 * told.  No status moves on from there, so nothing that is under way brings the
 * message back.  The visitor's pages hear of it by the worker, behind whatever it
 * has sent; those that are not open hear it from their next welcome.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "session/retract.h"
#include "session/send.h"
#include "shared/columns.h"
#include "shared/extension_version.h"
#include "shared/outbox_append.h"
#include "shared/outbox_lane.h"
#include "shared/statements.h"
#include "shared/step_down.h"

/* Nothing was taken back: is it that which cannot be? */
static void
complain(const pg_uuid_t *channel, const pg_uuid_t *id)
{
	Datum args[2] = {UUIDPGetDatum(channel), UUIDPGetDatum(id)};
	bool isnull;

	if (wc_run(WC_RETRACT_WHOSE, args, NULL) == 0 || !DatumGetBool(wc_field(0, 1, &isnull)))
		return;
	ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("message %s is the visitor's own", DatumGetCString(DirectFunctionCall1(uuid_out, args[1]))),
					errdetail("Only what was sent to a visitor can be taken back."),
					errhint("DELETE it from webchatt.messages: the visitor's pages lose it when they next connect.")));
}

/* What a remote hub has been given is its own: only what still waits here can be stopped. */
static void
check_remote(const pg_uuid_t *channel, const pg_uuid_t *id)
{
	Datum args[2] = {UUIDPGetDatum(channel), UUIDPGetDatum(id)};
	char *status;

	if (wc_run(WC_RETRACT_WHOSE, args, NULL) == 0)
		return;
	status = wc_field_text(0, 2);
	if (strcmp(status, "queued") == 0 || strcmp(status, "held") == 0 || strcmp(status, "retracted") == 0)
		return;
	complain(channel, id);
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("message %s is with a remote hub, which takes nothing back",
						   DatumGetCString(DirectFunctionCall1(uuid_out, args[1]))),
					errdetail("It is %s, and the hub's API has no call for it (doc/hub-contract.md).", status),
					errhint("Send a message that corrects it; what is still queued or held can be taken back.")));
}

bool
retract_message(const pg_uuid_t *channel, const pg_uuid_t *id)
{
	Datum args[2] = {UUIDPGetDatum(channel), UUIDPGetDatum(id)};
	bool local = send_channel_is_local(channel);
	bool none;
	bool isnull;
	bool waited;
	bool wanted;
	int hub_id;
	char *visitor;

	if (!local)
		check_remote(channel, id);
	if (wc_run(WC_RETRACT, args, NULL) == 0)
	{
		complain(channel, id);
		return false;
	}
	visitor = wc_field_text(0, 1);
	waited = DatumGetBool(wc_field(0, 2, &isnull));
	wanted = DatumGetBool(wc_field(0, 3, &isnull));
	hub_id = DatumGetInt32(wc_field(0, 4, &none));
	if (local && wanted)
		wc_outbox_append(0, 'e', channel, visitor, id, NULL, NULL);
	/* as of one that is cancelled */
	if (waited)
		wc_outbox_append(none ? 0 : WC_BULK_LANE(hub_id), 'k', channel, visitor, id, NULL, NULL);
	/* also of one that waited: the worker may just have sent it */
	wc_outbox_append(0, 'y', channel, visitor, id, NULL, NULL);
	return true;
}

/*
 * retract_message(channel uuid, id uuid) → boolean.  Errors: 42704 unknown channel, 42809 the visitor's own,
 * 0A000 with a remote hub, 22004 a NULL.
 */
WC_FUNCTION(webchatt_retract_message)
{
	WcOuter outer;
	bool done;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the %s is NULL", PG_ARGISNULL(0) ? "channel" : "message's id")));
	wc_step_down(&outer);
	SPI_connect();
	done = retract_message(PG_GETARG_UUID_P(0), PG_GETARG_UUID_P(1));
	SPI_finish();
	wc_step_up(&outer);
	PG_RETURN_BOOL(done);
}
