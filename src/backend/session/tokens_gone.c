/*
 * tokens_gone.c
 *	  Tokens of visitors that are deleted, by webchatt.end_sessions(), with their
 *	  visitors or by hand: whoever is connected by one of them begins anew.
 *
 * Mostly it is a few, and each is named to the worker, which tells webchatt-net.
 * From the whole of a table's rows the worker is asked once to look through those
 * who are connected instead: they are fewer.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "shared/compat.h"
#include "shared/extension_version.h"
#include "shared/outbox_append.h"

/* Tokens that one subtransaction names. */
#define NAMED_MOST 64

/* A rolled back subtransaction takes its orders with it, so each counts for itself. */
static struct
{
	TransactionId xid;
	SubTransactionId subxid;
	int named;
} naming;

/* May this one more be named?  If not, the first time the worker is asked to look. */
static bool
may_name(void)
{
	TransactionId xid = GetTopTransactionId();
	SubTransactionId subxid = GetCurrentSubTransactionId();

	if (naming.xid != xid || naming.subxid != subxid)
	{
		naming.xid = xid;
		naming.subxid = subxid;
		naming.named = 0;
	}
	if (naming.named < NAMED_MOST)
	{
		naming.named++;
		return true;
	}
	if (naming.named++ == NAMED_MOST)
		wc_outbox_append(0, 'b', NULL, NULL, NULL, NULL, NULL);
	else
		naming.named = NAMED_MOST + 1;
	return false;
}

static void
name_token(const pg_uuid_t *channel, const char *visitor, const bytea *hash)
{
	char hex[2 * WC_HASH_SIZE + 1];

	if (VARSIZE_ANY_EXHDR(hash) != WC_HASH_SIZE)
		return;
	hex_encode(VARDATA_ANY(hash), WC_HASH_SIZE, hex);
	hex[2 * WC_HASH_SIZE] = '\0';
	wc_outbox_append_note(0, 'x', channel, visitor, NULL, NULL, NULL, hex);
}

static void
name_tokens(TriggerData *trigger)
{
	Oid relation = RelationGetRelid(trigger->tg_relation);
	AttrNumber channel = get_attnum(relation, "channel_id");
	AttrNumber visitor = get_attnum(relation, "visitor");
	AttrNumber hash = get_attnum(relation, "token_hash");
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(trigger->tg_relation), &TTSOpsMinimalTuple);
	bool isnull;

	tuplestore_rescan(trigger->tg_oldtable);
	while (tuplestore_gettupleslot(trigger->tg_oldtable, true, false, slot) && may_name())
		name_token(DatumGetUUIDP(slot_getattr(slot, channel, &isnull)),
				   TextDatumGetCString(slot_getattr(slot, visitor, &isnull)),
				   DatumGetByteaPP(slot_getattr(slot, hash, &isnull)));
	ExecDropSingleTupleTableSlot(slot);
}

/* Statement trigger on visitor_tokens: with those that are deleted, or without when they are emptied or changed. */
WC_FUNCTION(webchatt_tokens_gone)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("webchatt._tokens_gone() is a trigger function")));
	if (trigger->tg_oldtable != NULL)
		name_tokens(trigger);
	else
		wc_outbox_append(0, 'b', NULL, NULL, NULL, NULL, NULL);
	return PointerGetDatum(NULL);
}
