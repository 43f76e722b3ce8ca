/*
 * step_down.c
 *	  Working as webchatt_worker in somebody's session.
 *
 * What writes messages runs an application's triggers, whoever calls it, and they
 * always run as webchatt_worker, as in the turn.  The functions belong to whoever
 * installed webchatt, so that nobody who gets to run code as that role can change
 * them, and they step down inside.
 */
#include "webchatt.h"

#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/syscache.h"

/* No object of an application stands in front of PostgreSQL's own. */
#define SEARCH_PATH		"pg_catalog, pg_temp"

/*
 * What a trigger leaves in the session could be met by its user later: a temporary
 * table in front of the one that is meant, another statement under the name of a
 * prepared one, a deferred trigger that runs at the commit as whoever commits.
 * Nobody may leave a trap for a superuser.
 */
static int
context_for(Oid user, Oid role, int outer)
{
	if (user == role && (outer & SECURITY_LOCAL_USERID_CHANGE) != 0)
		return outer;			/* by a trigger of such a function, or of the turn */
	outer |= SECURITY_LOCAL_USERID_CHANGE;
	if (superuser_arg(user) || superuser_arg(GetSessionUserId()))
		outer |= SECURITY_RESTRICTED_OPERATION;
	return outer;
}

/*
 * Be webchatt_worker until wc_step_up(); an error does that too, as it ends the
 * (sub)transaction.  Error: 42704 the role is missing.
 */
void
wc_step_down(WcOuter *outer)
{
	Oid			role = GetSysCacheOid1(AUTHNAME, Anum_pg_authid_oid, CStringGetDatum(WC_WORKER_ROLE));

	if (!OidIsValid(role))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role %s is missing", WC_WORKER_ROLE),
				 errhint("Roles are the whole server's: restore them from a dump made by pg_dumpall, or drop and create the extension.")));
	GetUserIdAndSecContext(&outer->user, &outer->context);
	outer->guc_level = NewGUCNestLevel();
	if (strcmp(namespace_search_path, SEARCH_PATH) != 0)
		(void) set_config_option("search_path", SEARCH_PATH, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	SetUserIdAndSecContext(role, context_for(outer->user, role, outer->context));
}

/* Be whoever called again; what triggers SET ends here. */
void
wc_step_up(const WcOuter *outer)
{
	AtEOXact_GUC(false, outer->guc_level);
	SetUserIdAndSecContext(outer->user, outer->context);
}
