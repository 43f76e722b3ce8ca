/*
 * handler_calls.c
 *	  Functions that an application registered by webchatt.on_message(),
 *	  webchatt.on_status() and webchatt.on_unread(): they are rows of a table, so a dump takes them along,
 *	  which it does not with triggers on an extension's tables.
 *
 * A row trigger of ours calls them.  It runs for every row, so what is registered is
 * remembered in each process, and read again only after it changed.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "shared/compat.h"
#include "shared/extension_version.h"
#include "shared/handler_calls.h"
#include "shared/outbox_append.h"
#include "shared/restores.h"
#include "shared/step_down.h"

PG_FUNCTION_INFO_V1(webchatt_handler_problem);

/* The columns of webchatt.registrations, and of what is handled. */
enum
{
	REG_ID = 1,
	REG_EVENT,
	REG_SCHEMA,
	REG_FUNCTION,
	REG_DIRECTION,
	REG_CHANNEL,
	REG_OWNER
};
#define CHANNEL_COLUMN	 1 /* of messages and statuses */
#define DIRECTION_COLUMN 4 /* of messages */

const char *const wc_handler_words[HANDLER_EVENTS] = {"message", "status", "unread"};
const char *const wc_handler_tables[HANDLER_EVENTS] = {"messages", "statuses", "unread"};

void (*wc_handler_report)(const char *text) = NULL;

static MemoryContext cache_context = NULL;
static Handler *cache = NULL; /* in the order of their numbers */
static int ncache = 0;
static int nfor[HANDLER_EVENTS] = {0}; /* by what they are for */
static bool cache_valid = false;
static Oid registrations = InvalidOid;

static void
relation_changed(Datum arg, Oid relation)
{
	if (relation == InvalidOid || relation == registrations)
		cache_valid = false;
}

/* A function, a schema or a role: of interest only to those that are registered. */
static void
catalog_changed(Datum arg, int cache_id, uint32 hash)
{
	if (ncache > 0)
		cache_valid = false;
}

static void
watch_changes(void)
{
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, catalog_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, catalog_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, catalog_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, catalog_changed, (Datum) 0);
	cache_context = AllocSetContextCreate(TopMemoryContext, "webchatt handlers", ALLOCSET_SMALL_SIZES);
}

/* The row type that a handler takes. */
Oid
wc_handler_argument(HandlerEvent event)
{
	return get_rel_type_id(wc_relation(wc_handler_tables[event]));
}

/* What keeps a function of that shape from being a handler; NULL: nothing. */
const char *
wc_handler_misfit(const FormData_pg_proc *proc, HandlerEvent event)
{
	if (proc->prokind != PROKIND_FUNCTION || proc->proretset || proc->prorettype != VOIDOID)
		return "it is not a function that returns void";
	if (proc->pronargs != 1 || proc->proargtypes.values[0] != wc_handler_argument(event))
		return psprintf("it does not take one argument of type webchatt.%s", wc_handler_tables[event]);
	if (isAnyTempNamespace(proc->pronamespace))
		return "it is temporary, and goes with its session";
	return NULL;
}

/*
 * Is it run by somebody other than when it was registered?  A function of the same name
 * that anybody may have made is not handed strangers' words; whoever sees them anyway may
 * take it over.
 */
static bool
owner_is_strange(const Handler *h)
{
	char *owner = GetUserNameFromId(h->owner, true);
	Oid admin = get_role_oid("webchatt_admin", true);

	if (owner != NULL && strcmp(owner, NameStr(h->owner_name)) == 0)
		return false;
	return !superuser_arg(h->owner) && !(OidIsValid(admin) && has_privs_of_role(h->owner, admin));
}

/* Find the function that a registration names; h->problem says why there is none. */
static void
resolve(Handler *h)
{
	Oid argument = wc_handler_argument(h->event);
	oidvector *arguments = buildoidvector(&argument, 1);
	Oid schema = get_namespace_oid(NameStr(h->schema), true);
	HeapTuple tuple;
	Form_pg_proc proc;

	h->function = InvalidOid;
	h->problem = "it is gone";
	if (!OidIsValid(schema))
		return;
	tuple = SearchSysCache3(PROCNAMEARGSNSP, CStringGetDatum(NameStr(h->name)), PointerGetDatum(arguments),
							ObjectIdGetDatum(schema));
	if (!HeapTupleIsValid(tuple))
		return;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	h->function = proc->oid;
	h->owner = proc->proowner;
	h->problem = wc_handler_misfit(proc, h->event);
	if (h->problem == NULL && owner_is_strange(h))
		h->problem = "it has another owner than when it was registered";
	ReleaseSysCache(tuple);
}

static void
copy_name(Name name, HeapTuple tuple, TupleDesc desc, int column)
{
	bool isnull;
	Datum value = heap_getattr(tuple, column, desc, &isnull);

	namestrcpy(name, isnull ? "" : TextDatumGetCString(value));
}

static void
read_registration(Handler *h, HeapTuple tuple, TupleDesc desc)
{
	NameData word;
	Datum channel;
	bool isnull;

	memset(h, 0, sizeof(*h));
	h->id = DatumGetInt32(heap_getattr(tuple, REG_ID, desc, &isnull));
	copy_name(&word, tuple, desc, REG_EVENT);
	h->event = strcmp(NameStr(word), "status") == 0	  ? HANDLER_STATUS
			   : strcmp(NameStr(word), "unread") == 0 ? HANDLER_UNREAD
													  : HANDLER_MESSAGE;
	copy_name(&h->schema, tuple, desc, REG_SCHEMA);
	copy_name(&h->name, tuple, desc, REG_FUNCTION);
	copy_name(&h->direction, tuple, desc, REG_DIRECTION);
	copy_name(&h->owner_name, tuple, desc, REG_OWNER);
	channel = heap_getattr(tuple, REG_CHANNEL, desc, &isnull);
	h->any_channel = isnull;
	if (!isnull)
		h->channel = *DatumGetUUIDP(channel);
	resolve(h);
}

static int
by_id(const void *a, const void *b)
{
	int32 x = ((const Handler *) a)->id;
	int32 y = ((const Handler *) b)->id;

	return x < y ? -1 : x > y;
}

/* Read the table: without an executor, and whoever we are. */
static void
load(void)
{
	Relation rel;
	Snapshot snapshot;
	SysScanDesc scan;
	HeapTuple tuple;
	int size = 16;

	if (cache_context == NULL)
		watch_changes();
	MemoryContextReset(cache_context);
	cache = NULL;
	ncache = 0;
	memset(nfor, 0, sizeof(nfor));
	cache_valid = true; /* unless it changes while it is read */
	registrations = wc_relation("registrations");
	rel = table_open(registrations, AccessShareLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (cache == NULL)
			cache = MemoryContextAlloc(cache_context, sizeof(Handler) * size);
		else if (ncache == size)
			cache = repalloc(cache, sizeof(Handler) * (size *= 2));
		read_registration(&cache[ncache], tuple, RelationGetDescr(rel));
		nfor[cache[ncache++].event]++;
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
	if (ncache > 1)
		qsort(cache, ncache, sizeof(Handler), by_id);
}

static char *
signature_of(const Handler *h)
{
	return psprintf("%s(webchatt.%s)", quote_qualified_identifier(NameStr(h->schema), NameStr(h->name)),
					wc_handler_tables[h->event]);
}

static void
say_which(void *arg)
{
	const Handler *h = arg;

	errcontext("function %s, registered under number %d", signature_of(h), h->id);
}

/* It cannot be called: nothing is lost by an error, as the event is kept. */
static void
refuse(const Handler *h)
{
	char *text =
		psprintf("function %s, registered under number %d, cannot be called: %s", signature_of(h), h->id, h->problem);

	if (wc_handler_report != NULL)
		wc_handler_report(text);
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg_internal("%s", text),
					errhint("Bring it back, or register it anew by its owner (SELECT webchatt.remove_handler(%d), and "
							"webchatt.%s()); then webchatt.retry_reject() for the events that are in webchatt.rejects.",
							h->id, psprintf("on_%s", wc_handler_words[h->event]))));
}

/*
 * Call it as its owner, with a search_path that nobody who inserts can turn against it.
 * It leaves nothing in the session of somebody who can do more (step_down.c), nor in the
 * turn, where a deferred trigger would run at the commit as webchatt_worker.
 */
static void
call(Handler *h, Datum row)
{
	ErrorContextCallback context = {error_context_stack, say_which, h};
	LOCAL_FCINFO(fcinfo, 1);
	FmgrInfo function;
	Oid user;
	int security;
	int nest;

	if (h->problem != NULL)
		refuse(h);
	error_context_stack = &context;
	fmgr_info(h->function, &function);
	InitFunctionCallInfoData(*fcinfo, &function, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = row;
	fcinfo->args[0].isnull = false;
	GetUserIdAndSecContext(&user, &security);
	nest = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	SetUserIdAndSecContext(h->owner, security | SECURITY_LOCAL_USERID_CHANGE |
										 (wc_session_is_trusted(user) ? SECURITY_RESTRICTED_OPERATION : 0));
	(void) FunctionCallInvoke(fcinfo);
	SetUserIdAndSecContext(user, security);
	AtEOXact_GUC(false, nest); /* what it SETs ends here */
	error_context_stack = context.previous;
}

static bool
goes_with(const Handler *h, const char *direction)
{
	return direction == NULL || strcmp(NameStr(h->direction), "any") == 0 ||
		   strcmp(NameStr(h->direction), direction) == 0;
}

static bool
is_meant(const Handler *h, HandlerEvent event, const char *direction, const pg_uuid_t *channel)
{
	if (h->event != event || !goes_with(h, direction))
		return false;
	return h->any_channel || memcmp(&h->channel, channel, sizeof(*channel)) == 0;
}

/* Call those that are meant, by a list of our own: one of them may register another. */
static void
call_all(HandlerEvent event, HeapTuple tuple, TupleDesc desc)
{
	Handler *meant = palloc(sizeof(Handler) * nfor[event]);
	int nmeant = 0;
	const char *direction = NULL;
	bool isnull;
	pg_uuid_t *channel = DatumGetUUIDP(heap_getattr(tuple, CHANNEL_COLUMN, desc, &isnull));
	Datum row;
	int i;

	if (event == HANDLER_MESSAGE)
		direction = OidOutputFunctionCall(F_ENUM_OUT, heap_getattr(tuple, DIRECTION_COLUMN, desc, &isnull));
	for (i = 0; i < ncache; i++)
	{
		if (is_meant(&cache[i], event, direction, channel))
			meant[nmeant++] = cache[i];
	}
	if (nmeant == 0)
		return;
	row = heap_copy_tuple_as_datum(tuple, desc);
	for (i = 0; i < nmeant; i++)
		call(&meant[i], row);
}

/*
 * Is a function registered, for statuses or for messages of that direction (NULL: of
 * either)?  If not, the row trigger does nothing.
 */
bool
wc_handlers_any(HandlerEvent event, const char *direction)
{
	int i;

	if (!cache_valid)
		load();
	for (i = 0; nfor[event] > 0 && i < ncache; i++)
	{
		if (cache[i].event == event && goes_with(&cache[i], direction))
			return true;
	}
	return false;
}

/* Row trigger on messages and statuses.  What a dump brings back was handled before it was made. */
WC_FUNCTION(webchatt_call_handlers)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	HandlerEvent event;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) || data->tg_trigger->tgnargs != 1)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("webchatt._call_handlers() is a trigger function")));
	event = data->tg_trigger->tgargs[0][0] == 's'	? HANDLER_STATUS
			: data->tg_trigger->tgargs[0][0] == 'u' ? HANDLER_UNREAD
													: HANDLER_MESSAGE;
	if (!cache_valid)
		load();
	if (nfor[event] == 0 || wc_loads_dump())
		return PointerGetDatum(NULL);
	/* whoever may call it could have it called for a row of any shape */
	if (RelationGetRelid(data->tg_relation) != wc_relation(wc_handler_tables[event]))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("webchatt._call_handlers() is a trigger function of webchatt's own tables")));
	call_all(event, data->tg_trigtuple, RelationGetDescr(data->tg_relation));
	return PointerGetDatum(NULL);
}

/* Statement trigger on registrations: what processes remember of it is over at commit. */
WC_FUNCTION(webchatt_handlers_changed)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("webchatt._handlers_changed() is a trigger function")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}

/* _handler_problem(id int) → text: why it cannot be called; NULL: it can */
Datum
webchatt_handler_problem(PG_FUNCTION_ARGS)
{
	int32 id = PG_GETARG_INT32(0);
	int i;

	if (!cache_valid)
		load();
	for (i = 0; i < ncache; i++)
	{
		if (cache[i].id == id && cache[i].problem != NULL)
			PG_RETURN_TEXT_P(cstring_to_text(cache[i].problem));
	}
	PG_RETURN_NULL();
}
