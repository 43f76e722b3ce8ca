/*
 * columns.c
 *	  Arrays for statements that take many rows at once, and the rows that statements yield.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "shared/columns.h"

Datum
wc_field(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

/* A text column's value as a C string; NULL for null. */
char *
wc_field_text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

WcColumn *
wc_column(Oid type, int size)
{
	WcColumn *col = palloc(sizeof(WcColumn));

	col->size = Max(size, 1);
	col->values = palloc(sizeof(Datum) * col->size);
	col->nulls = palloc(sizeof(bool) * col->size);
	col->n = 0;
	col->type = type;
	return col;
}

void
wc_columns_any(WcStatement which, WcColumn **cols, int size)
{
	const Oid *type;

	for (type = wc_statement_texts[which].types; OidIsValid(*type); type++)
	{
		Oid element = get_element_type(*type);

		if (OidIsValid(element))
			*cols++ = wc_column(element, size);
	}
}

/* Arguments out of columns, beginning with the first. */
void
wc_columns_arrays(WcColumn *const *cols, int n, Datum *args)
{
	int i;

	for (i = 0; i < n; i++)
		args[i] = wc_column_array(cols[i]);
}

static int
column_slot(WcColumn *col)
{
	if (col->n == col->size)
	{
		col->size *= 2;
		col->values = repalloc(col->values, sizeof(Datum) * col->size);
		col->nulls = repalloc(col->nulls, sizeof(bool) * col->size);
	}
	return col->n++;
}

void
wc_column_add(WcColumn *col, Datum value)
{
	int i = column_slot(col);

	col->values[i] = value;
	col->nulls[i] = false;
}

void
wc_column_add_null(WcColumn *col)
{
	int i = column_slot(col);

	col->values[i] = (Datum) 0;
	col->nulls[i] = true;
}

/* A text; no bytes: null. */
void
wc_column_add_bytes(WcColumn *col, const char *p, size_t len)
{
	if (len == 0)
		wc_column_add_null(col);
	else
		wc_column_add(col, PointerGetDatum(cstring_to_text_with_len(p, len)));
}

Datum
wc_column_array(const WcColumn *col)
{
	int dims[1] = {col->n};
	int lbs[1] = {1};
	int16 typlen;
	bool typbyval;
	char typalign;

	get_typlenbyvalalign(col->type, &typlen, &typbyval, &typalign);
	return PointerGetDatum(
		construct_md_array(col->values, col->nulls, 1, dims, lbs, col->type, typlen, typbyval, typalign));
}
