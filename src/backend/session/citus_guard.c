/*
 * citus_guard.c
 *	  None of our tables becomes one of Citus's: who distributes one is told why not,
 *	  and nothing of it is done.
 *
 * The call itself passes no hook that knows its arguments.  But whatever Citus takes,
 * distributed, as a reference table or as one of its own that is local, gets its trigger
 * for TRUNCATE, in the same transaction; and each new trigger passes one.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_trigger.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "session/citus_guard.h"

static object_access_hook_type prev_object_access = NULL;

/* A new trigger: is it Citus's, on one of our tables? */
static void
check_trigger(Oid trigger)
{
	Relation triggers = table_open(TriggerRelationId, AccessShareLock);
	Oid table = InvalidOid;
	char *function = NULL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple row;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger));
	/* the command that makes it goes on: no other snapshot has it */
	scan = systable_beginscan(triggers, TriggerOidIndexId, true, SnapshotSelf, 1, &key);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
	{
		table = ((Form_pg_trigger) GETSTRUCT(row))->tgrelid;
		function = get_func_name(((Form_pg_trigger) GETSTRUCT(row))->tgfoid);
	}
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	if (function == NULL || strcmp(function, "citus_truncate_trigger") != 0 ||
		get_rel_namespace(table) != get_namespace_oid("webchatt", true))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		 errmsg("webchatt.%s cannot become one of Citus's tables", get_rel_name(table)),
		 errdetail(
			 "webchatt lives by triggers, unique keys and the order of ids on one machine; of a table that Citus has, "
			 "nothing works any more, and there is no way back."),
		 errhint("For more than one machine have several databases, and history in an archive: see doc/scale.md.")));
}

static void
object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (prev_object_access != NULL)
		prev_object_access(access, class_id, object_id, sub_id, arg);
	if (access == OAT_POST_CREATE && class_id == TriggerRelationId)
		check_trigger(object_id);
}

void
citus_guard_install_hook(void)
{
	prev_object_access = object_access_hook;
	object_access_hook = object_access;
}
