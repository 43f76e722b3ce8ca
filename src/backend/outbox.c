/*
 * outbox.c
 *	  Appending work orders to the outbox (design: PgQ's append-only log).
 *
 * The clock says which child is written to.  A session whose clock or
 * transaction lags behind writes to another one, which is harmless: the
 * worker reads them all, and truncates one only while nobody can write to it
 * and nothing in it is left to do.
 */
#include "compat.h"
#include "webchatt.h"

#include <time.h>

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"

/* How long one child is written to, in seconds. */
#define CHILD_SECONDS	60

bool		wc_own_insert = false;
bool		wc_outbox_touched = false;

PG_FUNCTION_INFO_V1(webchatt_config_changed);
PG_FUNCTION_INFO_V1(webchatt_messages_inserted);

int
wc_outbox_current(void)
{
	return (int) ((uint64) time(NULL) / CHILD_SECONDS % 3);
}

/*
 * Append one work order and wake the worker at commit.  The caller is
 * connected to SPI.  seq NULL: the next one.
 */
void
wc_outbox_append(int hub_id, char op, const pg_uuid_t *channel, const char *visitor,
				 const pg_uuid_t *message, const int64 *seq, const TimestampTz *expires)
{
	Datum		args[7];
	char		nulls[8] = "       ";

	args[0] = Int32GetDatum(hub_id);
	args[1] = CharGetDatum(op);
	args[2] = UUIDPGetDatum(channel);
	args[3] = visitor ? CStringGetTextDatum(visitor) : (Datum) 0;
	args[4] = UUIDPGetDatum(message);
	args[5] = seq ? Int64GetDatum(*seq) : (Datum) 0;
	args[6] = expires ? TimestampTzGetDatum(*expires) : (Datum) 0;
	nulls[2] = channel ? ' ' : 'n';
	nulls[3] = visitor ? ' ' : 'n';
	nulls[4] = message ? ' ' : 'n';
	nulls[5] = seq ? ' ' : 'n';
	nulls[6] = expires ? ' ' : 'n';
	wc_run(WC_APPEND_0 + wc_outbox_current(), args, nulls);
	wc_outbox_touched = true;
	wc_wake_at_commit();
}

static void
append_control(char op)
{
	SPI_connect();
	wc_outbox_append(0, op, NULL, NULL, NULL, NULL, NULL);
	SPI_finish();
}

/* Statement trigger on hubs, channels and webhooks. */
Datum
webchatt_config_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("webchatt._config_changed() is a trigger function")));
	append_control('c');
	return PointerGetDatum(NULL);
}

/*
 * Statement trigger on messages: what a restore or a person inserted has no
 * work order, so the worker is asked to look for it.
 */
Datum
webchatt_messages_inserted(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("webchatt._messages_inserted() is a trigger function")));
	if (!wc_own_insert)
		append_control('d');
	return PointerGetDatum(NULL);
}
