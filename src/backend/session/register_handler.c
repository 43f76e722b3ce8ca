/*
 * register_handler.c
 *	  webchatt.on_message(), on_status() and on_unread(): having a function called for
 *	  each message or status (see handler_calls.c).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_proc.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "shared/columns.h"
#include "shared/extension_version.h"
#include "shared/handler_calls.h"
#include "shared/outbox_append.h"
#include "shared/statements.h"

/* Registered functions, at most: each message looks through them. */
#define MOST_HANDLERS 100

/* What is registered, as Datums of text. */
typedef struct Registration
{
	Datum event;
	Datum schema;
	Datum name;
	Datum direction;
	Datum channel;
	bool any_channel;
	Datum owner;
} Registration;

static void
check_shape(const FormData_pg_proc *proc, Oid function, HandlerEvent event)
{
	const char *misfit = wc_handler_misfit(proc, event);

	if (misfit != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
						errmsg("function %s cannot be called for each %s: %s", format_procedure(function),
							   wc_handler_words[event], misfit),
						errhint("CREATE FUNCTION ...(%s webchatt.%s) RETURNS void ...", wc_handler_words[event],
								wc_handler_tables[event])));
}

/*
 * It will run with its owner's rights on what strangers write: nobody else's word
 * makes that so.
 */
static void
check_owner(const FormData_pg_proc *proc, Oid function)
{
	if (!has_privs_of_role(GetUserId(), proc->proowner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of function %s to register it", format_procedure(function)),
						errhint("It is called with its owner's rights, so its owner registers it, or a member of that "
								"role. Make a function of your own, or ask \"%s\".",
								GetUserNameFromId(proc->proowner, false))));
}

/* Look at the function, and take down what it is called. */
static void
take_function(Oid function, HandlerEvent event, Registration *r)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("there is no function %u", function),
						errhint("Name it with its argument, for example 'public.bot(webchatt.messages)'.")));
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	check_shape(proc, function, event);
	check_owner(proc, function);
	r->event = CStringGetTextDatum(wc_handler_words[event]);
	r->schema = CStringGetTextDatum(get_namespace_name(proc->pronamespace));
	r->name = CStringGetTextDatum(NameStr(proc->proname));
	r->owner = CStringGetTextDatum(GetUserNameFromId(proc->proowner, false));
	ReleaseSysCache(tuple);
}

static void
check_channel(const Registration *r)
{
	Datum channel = r->channel;

	if (!r->any_channel && wc_run(WC_REGISTER_CHANNEL, &channel, NULL) == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("there is no channel %s", DatumGetCString(DirectFunctionCall1(uuid_out, channel))),
						errhint("SELECT id, display_name FROM webchatt.channels lists them.")));
}

/* The number that it has already, or a new one.  Connected to SPI, as the owner of the table, which is locked. */
static int32
write_row(const Registration *r)
{
	Datum again[6] = {r->event, r->schema, r->name, r->direction, r->channel, r->owner};
	Datum new[7] = {r->event, r->schema, r->name, r->direction, r->channel, r->owner, Int32GetDatum(MOST_HANDLERS)};
	const char *nulls = r->any_channel ? "    n  " : "       ";
	bool isnull;

	if (wc_run(WC_REGISTER_AGAIN, again, nulls) == 0 && wc_run(WC_REGISTER_NEW, new, nulls) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("%d functions are registered already", MOST_HANDLERS),
				 errhint("SELECT * FROM webchatt.handlers lists them; webchatt.remove_handler(id) takes one out.")));
	return DatumGetInt32(wc_field(0, 1, &isnull));
}

/* Nobody writes the table but by this: as its owner, for the time of a statement. */
static int32
record(const Registration *r)
{
	Relation rel = table_open(wc_relation("registrations"), ShareRowExclusiveLock);
	Oid owner = rel->rd_rel->relowner;
	Oid user;
	int security;
	int32 id;

	table_close(rel, NoLock);
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(owner, security | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	check_channel(r);
	id = write_row(r);
	SPI_finish();
	SetUserIdAndSecContext(user, security);
	return id;
}

static void
need_function(bool given)
{
	if (!given)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the function is NULL")));
}

/* Register one for events that have no direction. */
static Datum
on_any_direction(FunctionCallInfo fcinfo, HandlerEvent event)
{
	Registration r;

	need_function(!PG_ARGISNULL(0));
	take_function(PG_GETARG_OID(0), event, &r);
	r.direction = CStringGetTextDatum("any");
	r.any_channel = PG_ARGISNULL(1);
	r.channel = r.any_channel ? (Datum) 0 : PG_GETARG_DATUM(1);
	PG_RETURN_INT32(record(&r));
}

/*
 * on_message(function regprocedure, direction text, channel uuid) → int.  Errors: 42501
 * not the function's owner, 42P13 not of the right shape, 22023 the direction,
 * 42704 unknown channel.
 */
WC_FUNCTION(webchatt_on_message)
{
	Registration r;
	char *direction = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));

	need_function(!PG_ARGISNULL(0));
	if (direction != NULL && strcmp(direction, "in") != 0 && strcmp(direction, "out") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("messages have no direction \"%s\"", direction),
				 errhint("Use in (from the visitor), out (to the visitor), or NULL for both.")));
	take_function(PG_GETARG_OID(0), HANDLER_MESSAGE, &r);
	r.direction = CStringGetTextDatum(direction ? direction : "any");
	r.any_channel = PG_ARGISNULL(2);
	r.channel = r.any_channel ? (Datum) 0 : PG_GETARG_DATUM(2);
	PG_RETURN_INT32(record(&r));
}

/* on_status(function regprocedure, channel uuid) → int.  Errors as on_message(). */
WC_FUNCTION(webchatt_on_status)
{
	return on_any_direction(fcinfo, HANDLER_STATUS);
}

/* on_unread(function regprocedure, channel uuid) → int.  Errors: as on_message(). */
WC_FUNCTION(webchatt_on_unread)
{
	return on_any_direction(fcinfo, HANDLER_UNREAD);
}
