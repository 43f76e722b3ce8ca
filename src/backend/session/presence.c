/*
 * presence.c
 *	  webchatt.send_typing(), and what webchatt.presence and webchatt.end_sessions()
 *	  need: who is there and who types, as sessions see and say it.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

#include "common/event_rules.h"
#include "session/send.h"
#include "shared/compat.h"
#include "shared/extension_version.h"
#include "shared/outbox_append.h"
#include "shared/shmem.h"
#include "shared/step_down.h"

PG_FUNCTION_INFO_V1(webchatt_typing);

/* Leave it for the worker; false when there is none. */
static bool
leave_for_worker(const WcTyping *t)
{
	WcSlot *slot;

	if (wc_shared == NULL)
		return false;
	LWLockAcquire(wc_shared->lock, LW_SHARED);
	slot = wc_slot_of_database(MyDatabaseId);
	if (slot != NULL)
	{
		int i;

		SpinLockAcquire(&slot->mutex);
		for (i = 0; i < slot->nanswering; i++)
		{
			if (memcmp(&slot->answering[i].channel, &t->channel, sizeof(pg_uuid_t)) == 0 &&
				memcmp(&slot->answering[i].visitor, &t->visitor, sizeof(pg_uuid_t)) == 0)
				break;
		}
		if (i == slot->nanswering && i < WC_MAX_TYPING)
			slot->answering[slot->nanswering++] = *t;
		SpinLockRelease(&slot->mutex);
	}
	LWLockRelease(wc_shared->lock);
	return wc_wake_worker(MyDatabaseId, false);
}

/*
 * send_typing(channel uuid, visitor text) → boolean: false when no worker runs.
 * Errors: 42704 unknown channel, 42809 one on a remote hub, 22023 no visitor's
 * id, 22004 a NULL.
 */
WC_FUNCTION(webchatt_send_typing)
{
	WcTyping t;
	text *visitor;
	bool local;
	WcOuter outer;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the %s is NULL", PG_ARGISNULL(0) ? "channel" : "visitor")));
	t.channel = *PG_GETARG_UUID_P(0);
	t.until = 0;
	visitor = PG_GETARG_TEXT_PP(1);
	wc_step_down(&outer);
	SPI_connect();
	local = send_channel_is_local(&t.channel);
	SPI_finish();
	wc_step_up(&outer);
	if (!local)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("channel %s hangs on a remote hub, which shows no typing",
							   DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(0)))),
						errhint("Only channels made by webchatt.create_channel() do.")));
	if (!wc_uuid_parse(VARDATA_ANY(visitor), VARSIZE_ANY_EXHDR(visitor), t.visitor.data))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" is not the id of a local channel's visitor", text_to_cstring(visitor)),
						errhint("Take it from webchatt.presence or webchatt.visitors.")));
	PG_RETURN_BOOL(leave_for_worker(&t));
}

/* _close_sessions(channel uuid, visitor text): at commit the worker closes them */
WC_FUNCTION(webchatt_close_sessions)
{
	wc_outbox_append(0, 'x', PG_GETARG_UUID_P(0), text_to_cstring(PG_GETARG_TEXT_PP(1)), NULL, NULL, NULL);
	PG_RETURN_VOID();
}

/* _typing() → the visitors who are typing now */
Datum
webchatt_typing(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WcTyping typing[WC_MAX_TYPING];
	TimestampTz now = GetCurrentTimestamp();
	WcSlot *slot = NULL;
	int i;

	wc_init_materialized_srf(fcinfo);
	memset(typing, 0, sizeof(typing));
	if (wc_shared != NULL)
	{
		LWLockAcquire(wc_shared->lock, LW_SHARED);
		slot = wc_slot_of_database(MyDatabaseId);
		if (slot != NULL && slot->worker_pid != 0)
		{
			SpinLockAcquire(&slot->mutex);
			memcpy(typing, slot->typing, sizeof(typing));
			SpinLockRelease(&slot->mutex);
		}
		LWLockRelease(wc_shared->lock);
	}
	for (i = 0; i < WC_MAX_TYPING; i++)
	{
		char visitor[37];
		Datum values[2];
		bool nulls[2] = {false, false};

		if (typing[i].until <= now)
			continue;
		wc_uuid_print(typing[i].visitor.data, visitor);
		values[0] = UUIDPGetDatum(&typing[i].channel);
		values[1] = CStringGetTextDatum(visitor);
		wc_need_columns(result->setDesc, lengthof(values));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
