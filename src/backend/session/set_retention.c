/*
 * set_retention.c
 *	  webchatt.set_retention(): how long conversations stay, and where they go then.
 *
 * Messages are written into an archive with its owner's rights, so nobody else's word
 * makes a table one.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "shared/extension_version.h"
#include "shared/outbox_append.h"
#include "shared/statements.h"

/* As Datums of text. */
typedef struct Archive
{
	Datum schema;
	Datum name;
	Datum owner;
} Archive;

static void
take_archive(Oid relation, Archive *archive)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Form_pg_class c;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no table %u", relation)));
	c = (Form_pg_class) GETSTRUCT(tuple);
	if (!has_privs_of_role(GetUserId(), c->relowner))
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of %s to make it an archive",
					quote_qualified_identifier(get_namespace_name(c->relnamespace), NameStr(c->relname))),
			 errhint("Messages are written into it with its owner's rights, so its owner says so, or a member of that "
					 "role. Make a table of your own by webchatt.create_archive(), or ask \"%s\".",
					 GetUserNameFromId(c->relowner, false))));
	archive->schema = CStringGetTextDatum(get_namespace_name(c->relnamespace));
	archive->name = CStringGetTextDatum(NameStr(c->relname));
	archive->owner = CStringGetTextDatum(GetUserNameFromId(c->relowner, false));
	ReleaseSysCache(tuple);
}

/* Connected to SPI, as the owner of the table. */
static void
write_row(FunctionCallInfo fcinfo, const Archive *archive)
{
	bool none[3] = {PG_ARGISNULL(0), PG_ARGISNULL(1), PG_ARGISNULL(2)};
	Datum keep = none[0] ? (Datum) 0 : PG_GETARG_DATUM(0);
	Datum channel = none[1] ? (Datum) 0 : PG_GETARG_DATUM(1);
	Datum check[3] = {keep, channel, none[2] ? (Datum) 0 : PG_GETARG_DATUM(2)};
	Datum set[5] = {keep, channel, archive->schema, archive->name, archive->owner};
	Datum remember[5] = {channel, archive->schema, archive->name, archive->owner, keep};
	char nulls[6] = {none[0] ? 'n' : ' ', none[1] ? 'n' : ' ', none[2] ? 'n' : ' ',
					 none[2] ? 'n' : ' ', none[2] ? 'n' : ' ', '\0'};

	wc_run(WC_CHECK_RETENTION, check, nulls);
	if (none[0] && none[1])
		wc_run(WC_UNSET_RETENTION, NULL, NULL);
	else
		wc_run(WC_SET_RETENTION, set, nulls);
	if (!none[2])
		wc_run(WC_REMEMBER_ARCHIVE, remember, none[1] ? "n    " : NULL);
	wc_run(WC_LOOK_ANEW, NULL, NULL);
}

/*
 * set_retention(keep interval, channel uuid, archive regclass) → void.  Errors: 22023 keep, 42704 unknown channel,
 * 42501 not the archive's owner, 42P16 it is not of the right shape.
 */
WC_FUNCTION(webchatt_set_retention)
{
	Archive archive = {0};
	Relation rel;
	Oid owner;
	Oid user;
	int security;

	if (!PG_ARGISNULL(2))
		take_archive(PG_GETARG_OID(2), &archive);
	rel = table_open(wc_relation("retentions"), ShareRowExclusiveLock);
	owner = rel->rd_rel->relowner;
	table_close(rel, NoLock);
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(owner, security | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	write_row(fcinfo, &archive);
	SPI_finish();
	SetUserIdAndSecContext(user, security);
	PG_RETURN_VOID();
}
