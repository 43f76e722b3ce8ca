/*
 * archive_call.c
 *	  What is done in an archive (webchatt.set_retention()) is done with its owner's
 *	  rights: a function _archive_x() calls _archive_x_as_owner() as that one.
 *
 * Only while the table is an archive, and still its who said so: whoever is given a table
 * does not get to run its triggers as somebody else, nor to see messages.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "shared/compat.h"
#include "shared/extension_version.h"
#include "shared/outbox_append.h"
#include "shared/step_down.h"

/* The columns of webchatt.retentions, and in the same places of webchatt.archives: all that ever were. */
enum
{
	RET_CHANNEL = 1,
	RET_KEEP,
	RET_SCHEMA,
	RET_NAME,
	RET_OWNER
};

#define ARGS_MOST 5

static bool
says(HeapTuple tuple, TupleDesc desc, int column, const char *what)
{
	bool isnull;
	Datum value = heap_getattr(tuple, column, desc, &isnull);

	return !isnull && strcmp(TextDatumGetCString(value), what) == 0;
}

/* Is there a row that says so?  Without an executor, and whoever we are. */
static bool
is_archive(const char *table, const char *schema, const char *name, const char *owner)
{
	Relation rel = table_open(wc_relation(table), AccessShareLock);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	TupleDesc desc = RelationGetDescr(rel);
	HeapTuple tuple;
	bool found = false;

	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = says(tuple, desc, RET_SCHEMA, schema) && says(tuple, desc, RET_NAME, name) &&
				says(tuple, desc, RET_OWNER, owner);
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
	return found;
}

/* Whose the archive is; raises where the table does not say that it is one. */
static Oid
owner_of(Oid archive, const char *table)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(archive));
	Form_pg_class c;
	Oid owner;
	const char *schema;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no table %u", archive)));
	c = (Form_pg_class) GETSTRUCT(tuple);
	owner = c->relowner;
	schema = get_namespace_name(c->relnamespace);
	if (schema == NULL || !is_archive(table, schema, NameStr(c->relname), GetUserNameFromId(owner, false)))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("%s is no archive, or has another owner than when it was made one",
							   quote_qualified_identifier(schema ? schema : "?", NameStr(c->relname))),
						errhint("Its owner makes it one: webchatt.set_retention(..., archive => ...).")));
	ReleaseSysCache(tuple);
	return owner;
}

/* The function of the same arguments that does it. */
static Oid
find_function(FunctionCallInfo fcinfo)
{
	Oid *types;
	int n;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &n);
	return LookupFuncName(
		list_make2(makeString("webchatt"), makeString(psprintf("%s_as_owner", get_func_name(fcinfo->flinfo->fn_oid)))),
		n, types, false);
}

/*
 * As whom an archive is read.  What the worker reads is for visitors.  Whoever else calls reads what they may read without
 * it: where row security chooses it does.  Error: 42501.
 */
static Oid
reader_of(Oid archive, Oid owner)
{
	AclResult may = pg_class_aclcheck(archive, GetUserId(), ACL_SELECT);

	if (GetUserId() == wc_worker_role())
		return owner;
	if (may != ACLCHECK_OK)
		aclcheck_error(may, OBJECT_TABLE, get_rel_name(archive));
	return check_enable_rls(archive, InvalidOid, true) == RLS_ENABLED ? GetUserId() : owner;
}

/*
 * _archive_x(archive regclass, ...), strict.  Errors: 55000 it is no archive, 42501 it is to be read by who may not; what
 * the archive raises.
 */
WC_FUNCTION(webchatt_archive_call)
{
	LOCAL_FCINFO(inner, ARGS_MOST);
	/* written to is only the one that is set */
	const char *name = get_func_name(fcinfo->flinfo->fn_oid);
	bool puts = strcmp(name, "_archive_put") == 0;
	Oid owner = owner_of(PG_GETARG_OID(0), puts ? "retentions" : "archives");
	FmgrInfo function;
	Oid user;
	int security;
	int nest;
	int i;
	Datum result;

	if (strcmp(name, "_archive_read") == 0 || strcmp(name, "_archive_export") == 0)
		owner = reader_of(PG_GETARG_OID(0), owner);
	if (PG_NARGS() > ARGS_MOST)
		elog(ERROR, "_archive_call() takes %d arguments at most", ARGS_MOST);
	fmgr_info(find_function(fcinfo), &function);
	InitFunctionCallInfoData(*inner, &function, PG_NARGS(), fcinfo->fncollation, NULL, NULL);
	for (i = 0; i < PG_NARGS(); i++)
		inner->args[i] = fcinfo->args[i];
	GetUserIdAndSecContext(&user, &security);
	nest = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	SetUserIdAndSecContext(owner, security | SECURITY_LOCAL_USERID_CHANGE |
									  (wc_session_is_trusted(user) ? SECURITY_RESTRICTED_OPERATION : 0));
	result = FunctionCallInvoke(inner);
	SetUserIdAndSecContext(user, security);
	AtEOXact_GUC(false, nest);
	return result;
}
