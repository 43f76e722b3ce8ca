/*
 * statements.c
 *	  All SQL that webchatt runs, by name (sql/worker has it); plans are made
 *	  once and kept.
 *
 * Tables that were empty when a plan was made can hold millions of rows a
 * minute later, before any statistics say so.  So our statements are planned
 * once, generically, as for tables that are large already, and by index; only
 * the planning is done so, never the running, which may fire an application's
 * triggers.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "optimizer/plancat.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/resowner.h"

#include "shared/statements.h"

static SPIPlanPtr plans[WC_STATEMENTS];
static bool planned[WC_STATEMENTS];

/* What the planner is told of our tables: pages and rows that they may have one day. */
#define LARGE_PAGES	 1000000
#define LARGE_TUPLES 100000000.0

static get_relation_info_hook_type prev_get_relation_info = NULL;
static bool pretending = false;

/*
 * With a table of no pages every index costs the same, and the planner may take
 * one that has the key's columns but not in front.
 */
static void
pretend_large(PlannerInfo *root, Oid relation, bool inherited, RelOptInfo *rel)
{
	ListCell *lc;

	if (prev_get_relation_info)
		prev_get_relation_info(root, relation, inherited, rel);
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

/* Plan, or plan anew, in a way that no statistics can lead astray. */
static void
make_generic_plan(SPIPlanPtr plan)
{
	static const char *const off[] = {"enable_seqscan",
									  "enable_hashjoin",
									  "enable_mergejoin",
									  "enable_bitmapscan",
									  "enable_material",
									  "enable_memoize",
									  "jit"};
	int nest = NewGUCNestLevel();
	static bool hooked = false;
	CachedPlan *volatile cached = NULL;
	size_t i;

	if (!hooked)
	{
		prev_get_relation_info = get_relation_info_hook;
		get_relation_info_hook = pretend_large;
		hooked = true;
	}

	for (i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	PG_TRY();
	{
		pretending = true;
		cached = SPI_plan_get_cached_plan(plan);
	}
	PG_FINALLY();
	{
		pretending = false;
	}
	PG_END_TRY();
	AtEOXact_GUC(true, nest);
	if (cached != NULL)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
}

static SPIPlanPtr
prepared(WcStatement which)
{
	const WcStatementText *st = &wc_statement_texts[which];
	int nargs = 0;

	if (plans[which] != NULL && !SPI_plan_is_valid(plans[which]))
		planned[which] = false;
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
		plans[which] = plan;
		planned[which] = false;
	}
	if (!planned[which])
	{
		make_generic_plan(plans[which]);
		planned[which] = true;
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
		(void) prepared(i);
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
		planned[i] = false;
	}
}
