/*
 * import_history.c
 *	  webchatt.import_history(): conversations of another chat are taken over.
 *
 * A table is read with the caller's rights, a page at a time, and written with the
 * worker's.  Each page is committed, so that nobody waits long for what it has locked;
 * in a transaction block, where that cannot be, all is committed with it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/extension_version.h"
#include "shared/outbox_append.h"
#include "shared/statements.h"
#include "shared/step_down.h"

#define CALL_ARGS_MOST 6

/* The arguments of import_history(). */
enum
{
	ARG_CHANNEL,
	ARG_STAGING,
	ARG_SOURCE,
	ARG_ZONE,
	ARG_SKIP_BAD,
	ARG_HANDLERS,
	ARGS_GIVEN
};

/* How often conversations are tried that somebody has locked, and how long between, in us. */
#define STAND_TRIES	   600
#define STAND_PAUSE_US 100000

typedef struct Import
{
	Datum args[ARGS_GIVEN + 2]; /* and the row behind which the next page is */
	bool first;					/* there is no such row yet */
	bool atomic;
	MemoryContext context; /* outlives commits */
	int64 rows;
	int64 taken;
	int64 written;
} Import;

/* Call the function of the same arguments and the name with _as_worker, as that one. */
static Datum
call_as_worker(FunctionCallInfo fcinfo, bool quietly)
{
	LOCAL_FCINFO(inner, CALL_ARGS_MOST);
	char *name = psprintf("%s_as_worker", get_func_name(fcinfo->flinfo->fn_oid));
	FmgrInfo function;
	WcOuter outer;
	Oid *types;
	Datum result;
	int n;
	int i;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &n);
	if (n > CALL_ARGS_MOST)
		elog(ERROR, "%s() takes %d arguments at most", name, CALL_ARGS_MOST);
	fmgr_info(LookupFuncName(list_make2(makeString("webchatt"), makeString(name)), n, types, false), &function);
	InitFunctionCallInfoData(*inner, &function, n, fcinfo->fncollation, NULL, NULL);
	for (i = 0; i < n; i++)
		inner->args[i] = fcinfo->args[i];
	wc_step_down(&outer);
	/* no trigger of the application's, as while replicated rows are applied; our own would have nothing to do */
	if (quietly)
		(void) set_config_option("session_replication_role", "replica", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
								 0, false);
	result = FunctionCallInvoke(inner);
	wc_step_up(&outer);
	return result;
}

/* _import_x(...) → as _import_x_as_worker(...), strict. */
WC_FUNCTION(webchatt_import_call)
{
	return call_as_worker(fcinfo, false);
}

/* _import_messages(..., call_handlers boolean) → int, strict: the same, without triggers unless they are wanted. */
WC_FUNCTION(webchatt_import_messages)
{
	bool nested = wc_own_insert; /* by a trigger of such an insert */
	volatile Datum result = (Datum) 0;

	wc_own_insert = true;
	PG_TRY();
	{
		result = call_as_worker(fcinfo, !PG_GETARG_BOOL(PG_NARGS() - 1));
	}
	PG_FINALLY();
	{
		wc_own_insert = nested;
	}
	PG_END_TRY();
	return result;
}

static void
commit(const Import *import)
{
	CHECK_FOR_INTERRUPTS();
	if (import->atomic)
		return;
	SPI_commit();
	SPI_start_transaction();
}

/* A copy that outlives the commit. */
static Datum
keep(const Import *import, Datum value)
{
	MemoryContext before = MemoryContextSwitchTo(import->context);
	Datum copy = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));

	MemoryContextSwitchTo(before);
	return copy;
}

/* Conversations that go on: what somebody has locked just now is tried again, and nothing is held meanwhile. */
static void
settle(const Import *import, Datum unsettled)
{
	Datum args[2] = {import->args[ARG_CHANNEL], unsettled};
	int tries;

	for (tries = 0; tries < STAND_TRIES; tries++)
	{
		bool isnull;
		int n;

		wc_run(WC_IMPORT_STAND, args, NULL);
		n = DatumGetInt32(wc_field(0, 2, &isnull));
		pfree(DatumGetPointer(args[1]));
		args[1] = keep(import, wc_field(0, 1, &isnull));
		commit(import);
		if (n == 0)
			break;
		pg_usleep(STAND_PAUSE_US);
	}
	pfree(DatumGetPointer(args[1]));
	if (tries < STAND_TRIES)
		return;
	ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("conversations are locked by somebody else"),
					errhint("Look for a transaction that is left open, and call webchatt.import_history() again: what "
							"is imported stays, and is passed over.")));
}

/* The next page; false: there is none. */
static bool
import_page(Import *import)
{
	Datum unsettled = (Datum) 0;
	Datum visitor;
	bool isnull;
	bool none;

	wc_run(WC_IMPORT_PAGE, import->args, import->first ? "      nn" : NULL);
	visitor = wc_field(0, 1, &none);
	if (none)
		return false;
	if (!import->first)
		pfree(DatumGetPointer(import->args[ARGS_GIVEN]));
	import->args[ARGS_GIVEN] = keep(import, visitor);
	import->args[ARGS_GIVEN + 1] = Int64GetDatum(DatumGetInt64(wc_field(0, 2, &isnull)));
	import->first = false;
	import->taken += DatumGetInt32(wc_field(0, 3, &isnull));
	import->written += DatumGetInt32(wc_field(0, 4, &isnull));
	unsettled = wc_field(0, 5, &none);
	if (!none)
		unsettled = keep(import, unsettled);
	commit(import);
	if (!none)
		settle(import, unsettled);
	return true;
}

static Datum
counts(FunctionCallInfo fcinfo, const Import *import)
{
	Datum values[3] = {Int64GetDatum(import->written), Int64GetDatum(import->taken - import->written),
					   Int64GetDatum(import->rows - import->taken)};
	bool nulls[3] = {false, false, false};
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "import_history() gives three numbers");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/*
 * import_history(channel uuid, staging regclass, source text, time_zone text, skip_bad boolean, call_handlers boolean,
 * INOUT imported bigint, INOUT there_already bigint, INOUT refused bigint).  Errors: 23514 bad rows, 42704 unknown
 * channel, 42P16 the table is of another shape, 22023 source or zone, 22004 NULL, 55P03 conversations are locked.
 */
WC_FUNCTION(webchatt_import_history)
{
	Import import = {.first = true, .context = CurrentMemoryContext};
	Datum given[ARGS_GIVEN];
	char nulls[ARGS_GIVEN + 1];
	bool isnull;
	int i;

	import.atomic =
		fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) || ((CallContext *) fcinfo->context)->atomic;
	for (i = 0; i < ARGS_GIVEN; i++)
	{
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		given[i] = import.args[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
	}
	nulls[ARGS_GIVEN] = '\0';
	if (SPI_connect_ext(import.atomic ? 0 : SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect_ext() failed");
	wc_run(WC_BEGIN_IMPORT, given, nulls);
	import.rows = DatumGetInt64(wc_field(0, 1, &isnull));
	commit(&import);
	while (import_page(&import))
		;
	SPI_finish();
	return counts(fcinfo, &import);
}
