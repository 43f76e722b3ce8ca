/*
 * step_down.c
 *	  Working as webchatt_worker in somebody's session.
 *
 * What writes messages runs an application's triggers, whoever calls it, and they
 * always run as webchatt_worker, as in the turn.  The functions belong to whoever
 * installed webchatt, so that nobody who gets to run code as that role can change
 * them, and they step down inside.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "shared/step_down.h"

/* No object of an application stands in front of PostgreSQL's own. */
#define SEARCH_PATH "pg_catalog, pg_temp"

/*
 * What was found out of the last few who called, until roles change: a function that sends
 * is another user than whoever's message it answers.
 */
#define KNOWN_MOST 8

bool wc_nobody_comes_back = false;

typedef struct Known
{
	Oid users[3];
	bool trusted;
} Known;

static Known known[KNOWN_MOST];
static unsigned nknown = 0; /* ever; the last KNOWN_MOST are there */

static void
roles_changed(Datum arg, int cache_id, uint32 hash)
{
	memset(known, 0, sizeof(known));
}

/*
 * Can the role become somebody who may more than its own tables and functions let it: a
 * superuser, who makes roles, who reads the server's files, ...?  Whoever owns the database
 * is none of them.
 */
static bool
can_do_more(Oid role)
{
	Relation rel;
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = superuser_arg(role);

	if (found)
		return true;
	rel = table_open(AuthIdRelationId, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_authid other = (Form_pg_authid) GETSTRUCT(tuple);

		found = (other->rolsuper || other->rolcreaterole || other->rolreplication || other->rolbypassrls ||
				 (IsReservedName(NameStr(other->rolname)) && other->oid != ROLE_PG_DATABASE_OWNER)) &&
				is_member_of_role_nosuper(role, other->oid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/*
 * Must what runs in this session for user leave nothing behind?  What it leaves could be
 * met by the session's user later: a temporary table in front of the one that is meant,
 * another statement under the name of a prepared one, a deferred trigger that runs at the
 * commit as whoever commits.  Nobody may leave a trap for those who can do more; that
 * they do it in another's name just now (SET ROLE, SET SESSION AUTHORIZATION, a SECURITY
 * DEFINER function) is no difference.
 */
bool
wc_session_is_trusted(Oid user)
{
	static bool watching = false;
	Oid users[3] = {GetAuthenticatedUserId(), GetSessionUserId(), user};
	Known *k;
	bool trusted = false;
	int i;

	for (i = 0; i < KNOWN_MOST; i++)
	{
		if (memcmp(known[i].users, users, sizeof(users)) == 0)
			return known[i].trusted;
	}
	if (!watching)
	{
		CacheRegisterSyscacheCallback(AUTHOID, roles_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, roles_changed, (Datum) 0);
		watching = true;
	}
	k = &known[nknown++ % KNOWN_MOST];
	memcpy(k->users, users, sizeof(users)); /* forgotten when roles change meanwhile */
	k->trusted = true;						/* should looking raise */
	for (i = 0; i < 3 && !trusted; i++)
		trusted = can_do_more(users[i]);
	k->trusted = trusted;
	return trusted;
}

static int
context_for(Oid user, Oid role, int outer)
{
	if (user == role && (outer & SECURITY_LOCAL_USERID_CHANGE) != 0)
		return outer; /* by a trigger of such a function, or of the turn */
	outer |= SECURITY_LOCAL_USERID_CHANGE;
	if (!wc_nobody_comes_back && wc_session_is_trusted(user))
		outer |= SECURITY_RESTRICTED_OPERATION;
	return outer;
}

/* webchatt_worker.  Error: 42704 the role is missing. */
Oid
wc_worker_role(void)
{
	Oid role = GetSysCacheOid1(AUTHNAME, Anum_pg_authid_oid, CStringGetDatum(WC_WORKER_ROLE));

	if (!OidIsValid(role))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role %s is missing", WC_WORKER_ROLE),
						errhint("Roles are the whole server's: restore them from a dump made by pg_dumpall, or drop "
								"and create the extension.")));
	return role;
}

/*
 * Be webchatt_worker until wc_step_up(); an error does that too, as it ends the
 * (sub)transaction.  Error: 42704 the role is missing.
 */
void
wc_step_down(WcOuter *outer)
{
	Oid role = wc_worker_role();

	GetUserIdAndSecContext(&outer->user, &outer->context);
	outer->guc_level = NewGUCNestLevel();
	if (strcmp(namespace_search_path, SEARCH_PATH) != 0)
		(void) set_config_option("search_path", SEARCH_PATH, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	SetUserIdAndSecContext(role, context_for(outer->user, role, outer->context));
}

/* Be whoever called again; what triggers SET ends here. */
void
wc_step_up(const WcOuter *outer)
{
	AtEOXact_GUC(false, outer->guc_level);
	SetUserIdAndSecContext(outer->user, outer->context);
}
