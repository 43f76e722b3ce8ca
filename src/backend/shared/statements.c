/*
 * statements.c
 *	  All SQL that webchatt runs, by name (sql/worker has it); plans are made
 *	  once and kept.
 *
 * Tables that were empty when a plan was made can hold millions of rows a
 * minute later, before any statistics say so.  So our statements are planned
 * generically, as for tables that are large already, and by index; only the
 * planning is done so, never the running, which may fire an application's
 * triggers.
 *
 * PostgreSQL plans anew by itself whenever something about a table has changed,
 * also in the midst of running a statement: when that takes its locks it may
 * learn of an ANALYZE that it did not know of.  So the planner is asked at its
 * own door (planner_hook), and not by us beforehand.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "optimizer/planner.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/resowner.h"

#include "shared/compat.h"
#include "shared/statements.h"

static SPIPlanPtr plans[WC_STATEMENTS];

/* The texts of the kept plans, by which the planner knows them: their addresses, not what they say. */
static const char *texts[WC_STATEMENTS];

/* What the planner is told of our tables: pages and rows that they may have one day. */
#define LARGE_PAGES	 1000000
#define LARGE_TUPLES 100000000.0

static planner_hook_type prev_planner = NULL;
static wc_table_hook_type prev_table_hook = NULL;
static bool pretending = false;

/*
 * With a table of no pages every index costs the same, and the planner may take
 * one that has the key's columns but not in front.
 */
static void
pretend_large(WC_TABLE_ARGS)
{
	ListCell *lc;

	if (prev_table_hook)
		prev_table_hook(WC_TABLE_GIVEN);
	if (!pretending || rel->rtekind != RTE_RELATION)
		return;
	rel->pages = Max(rel->pages, LARGE_PAGES);
	rel->tuples = Max(rel->tuples, LARGE_TUPLES);
	foreach (lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(lc);

		index->pages = Max(index->pages, LARGE_PAGES / 4);
		index->tuples = Max(index->tuples, rel->tuples);
		index->tree_height = Max(index->tree_height, 3);
	}
}

static PlannedStmt *
plan_as_given(WC_PLANNER_ARGS)
{
	return prev_planner ? prev_planner(WC_PLANNER_GIVEN) : standard_planner(WC_PLANNER_GIVEN);
}

/* In a way that no statistics can lead astray. */
static PlannedStmt *
plan_for_large(WC_PLANNER_ARGS)
{
	static const char *const off[] = {"enable_seqscan",
									  "enable_hashjoin",
									  "enable_mergejoin",
									  "enable_bitmapscan",
									  "enable_material",
									  "enable_memoize",
									  "jit"};
	int nest = NewGUCNestLevel();
	PlannedStmt *volatile plan = NULL;
	size_t i;

	for (i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	pretending = true;
	PG_TRY();
	{
		plan = plan_as_given(WC_PLANNER_GIVEN);
	}
	PG_FINALLY();
	{
		pretending = false;
	}
	PG_END_TRY();
	AtEOXact_GUC(true, nest);
	return plan;
}

static PlannedStmt *
plan_statement(WC_PLANNER_ARGS)
{
	int i;

	for (i = 0; text != NULL && i < WC_STATEMENTS; i++)
		if (texts[i] == text)
			return plan_for_large(WC_PLANNER_GIVEN);
	return plan_as_given(WC_PLANNER_GIVEN);
}

static void
hook_planner(void)
{
	static bool hooked = false;

	if (hooked)
		return;
	prev_planner = planner_hook;
	planner_hook = plan_statement;
	prev_table_hook = wc_table_hook;
	wc_table_hook = pretend_large;
	hooked = true;
}

static SPIPlanPtr
prepared(WcStatement which)
{
	const WcStatementText *st = &wc_statement_texts[which];
	int nargs = 0;

	if (plans[which] == NULL)
	{
		SPIPlanPtr plan;
		Oid types[WC_MOST_PARAMETERS + 1];

		while (st->types[nargs] != 0)
		{
			types[nargs] = st->types[nargs];
			nargs++;
		}
		plan = SPI_prepare_cursor(st->sql, nargs, types, CURSOR_OPT_GENERIC_PLAN);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare statement %s: %s", st->name, SPI_result_code_string(SPI_result));
		hook_planner();
		plans[which] = plan;
		texts[which] = ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->query_string;
	}
	return plans[which];
}

/*
 * Make all plans, so that what is wrong with our own statements shows at the
 * start and not as an event's fault.  The caller is connected to SPI.
 */
void
wc_prepare_statements(void)
{
	int i;

	for (i = 0; i < WC_STATEMENTS; i++)
	{
		CachedPlan *plan = SPI_plan_get_cached_plan(prepared(i));

		if (plan != NULL)
			ReleaseCachedPlan(plan, CurrentResourceOwner);
	}
}

/*
 * Run a statement; the caller is connected to SPI.  Returns the rows that it
 * yielded or changed; what it yielded is in SPI_tuptable.
 */
uint64
wc_run_any(WcStatement which, Datum *args, const char *nulls)
{
	int rc = SPI_execute_plan(prepared(which), args, nulls, false, 0);

	if (rc < 0)
		elog(ERROR, "statement %s failed: %s", wc_statement_texts[which].name, SPI_result_code_string(rc));
	return SPI_processed;
}

/* Begin to read the rows of a statement, some at a time; what is long is never there as a whole. */
Portal
wc_open_any(WcStatement which, Datum *args)
{
	Portal portal = SPI_cursor_open(NULL, prepared(which), args, NULL, false);

	if (portal == NULL)
		elog(ERROR, "statement %s failed: %s", wc_statement_texts[which].name, SPI_result_code_string(SPI_result));
	return portal;
}

/* Drop the plans: the extension is gone. */
void
wc_forget_statements(void)
{
	int i;

	for (i = 0; i < WC_STATEMENTS; i++)
	{
		if (plans[i] != NULL)
			SPI_freeplan(plans[i]);
		plans[i] = NULL;
		texts[i] = NULL;
	}
}
