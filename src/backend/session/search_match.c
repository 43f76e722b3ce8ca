/*
 * search_match.c
 *	  webchatt.@@: PostgreSQL's own, which tells nobody of the rows that row security hides.
 *
 * A query may be so deep, and its caller so deep in functions, that there is stack for it only where a row lacks its
 * first word: then an error would say that some row has that word.  So there is room for all of it, or there is the error
 * before any row is looked at.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "tsearch/ts_type.h"
#include "utils/fmgrprotos.h"

#include "shared/compat.h"

/* Bytes that PostgreSQL takes for one level of a query, at most. */
#define LEVEL_BYTES 512

/* Levels' room between a scan's beginning and its rows. */
#define SCAN_LEVELS 64

PG_FUNCTION_INFO_V1(webchatt_search_matches);
PG_FUNCTION_INFO_V1(webchatt_search_keys);

/* Raises 54001 where there is no stack for so many levels: a query has no more than words and operators. */
static void
need_stack(int levels)
{
	volatile char room[LEVEL_BYTES];

	check_stack_depth();
	room[0] = 0;
	if (levels > 0)
		need_stack(levels - 1);
	/* (so that the call above is not the last thing, and this function no loop) */
	room[LEVEL_BYTES - 1] = room[0];
}

/* _search_matches(words tsvector, query tsquery) → boolean */
Datum
webchatt_search_matches(PG_FUNCTION_ARGS)
{
	need_stack(PG_GETARG_TSQUERY(1)->size);
	return ts_match_vq(fcinfo);
}

/* _search_keys(...): what an index is asked for, once in a scan: as gin_extract_tsquery(). */
Datum
webchatt_search_keys(PG_FUNCTION_ARGS)
{
	need_stack(PG_GETARG_TSQUERY(0)->size + SCAN_LEVELS);
	return gin_extract_tsquery(fcinfo);
}
