/*
 * extension_version.c
 *	  Whether the library and the SQL that this database has are of one version.
 *
 * They differ from the restart after a package was replaced until ALTER EXTENSION, for
 * ever where somebody forgot one of them, and in each database by itself.  Then the
 * arguments of functions, the columns of tables and the statements of the worker may be
 * others: so nothing is done.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "common/version.h"
#include "shared/extension_version.h"

PG_FUNCTION_INFO_V1(webchatt_library_version);

/* Looked up, and no function was changed since: each version's script changes some. */
static bool known_same = false;

static void
forget(Datum arg, int cache, uint32 hash)
{
	known_same = false;
}

/* The version of the SQL; NULL: the extension is not there. */
static char *
look_up(void)
{
	Relation rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	char *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("webchatt"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool isnull;
		Datum value = heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(rel), &isnull);

		if (!isnull)
			version = TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return version;
}

/* Numbers with points between them: less than, equal to or greater than 0. */
static int
compare(const char *a, const char *b)
{
	while (*a != '\0' || *b != '\0')
	{
		long x = strtol(a, (char **) &a, 10);
		long y = strtol(b, (char **) &b, 10);

		if (x != y)
			return x < y ? -1 : 1;
		if (*a != '.' && *b != '.')
			return strcmp(a, b);
		a += *a == '.';
		b += *b == '.';
	}
	return 0;
}

/*
 * True: the SQL in this database is of another version than the library.  installed:
 * which; hint: what to do.  Without the extension there is nothing that differs.  In
 * a transaction.
 */
bool
wc_version_differs(char **installed, const char **hint)
{
	*installed = look_up();
	*hint = NULL;
	if (*installed == NULL || strcmp(*installed, WC_VERSION) == 0)
		return false;
	if (compare(*installed, WC_VERSION) < 0)
		*hint = "Run ALTER EXTENSION webchatt UPDATE in this database.";
	else
		*hint = "Restart the server where webchatt was upgraded and the server was not; else install the library of "
				"that version.";
	return true;
}

/* Is it the same, as far as anybody has told this process?  In a transaction; costs nothing but where a function was changed. */
bool
wc_version_is_same(void)
{
	static bool registered = false;
	char *installed;
	const char *hint;

	if (likely(known_same))
		return true;
	if (!registered)
	{
		CacheRegisterSyscacheCallback(PROCOID, forget, (Datum) 0);
		registered = true;
	}
	known_same = true; /* before it is looked up: what changes meanwhile takes it back */
	if (wc_version_differs(&installed, &hint))
		known_same = false;
	return known_same || hint == NULL;
}

/* Errors: 55000. */
void
wc_need_same_version(void)
{
	char *installed;
	const char *hint;

	/* the scripts of several versions run one behind the other */
	if (likely(known_same) || creating_extension || wc_version_is_same() || !wc_version_differs(&installed, &hint))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("webchatt's library is version %s, its SQL in this database is version %s", WC_VERSION, installed),
			 errhint("%s", hint)));
}

/* For what is to go on in other versions, too, as long as its rows have that many columns.  Errors: 55000. */
void
wc_need_columns(TupleDesc desc, int n)
{
	if (desc->natts == n)
		return;
	wc_need_same_version();
	elog(ERROR, "%d columns and not %d", desc->natts, n);
}

/* _library_version() → text. */
Datum
webchatt_library_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(WC_VERSION));
}
