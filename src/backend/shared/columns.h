/*
 * columns.h
 *	  Arrays for statements that take many rows at once, and the current rows of
 *	  SPI_tuptable.
 */
#ifndef WC_COLUMNS_H
#define WC_COLUMNS_H

#include "shared/statements.h"

/* arrays for statements that take many rows at once */
typedef struct WcColumn
{
	Datum *values;
	bool *nulls;
	int n;
	int size;
	Oid type;
} WcColumn;

extern WcColumn *wc_column(Oid type, int size);

/* A column for each array that a statement takes, into an array of so many. */
#define wc_columns(which, cols, size)                                                                                  \
	(StaticAssertExpr(lengthof(cols) == which##_ARRAYS, #which " takes another number of arrays"),                     \
	 wc_columns_any(which, cols, size))

extern void wc_columns_any(WcStatement which, WcColumn **cols, int size);
extern void wc_columns_arrays(WcColumn *const *cols, int n, Datum *args);
extern void wc_column_add(WcColumn *col, Datum value);
extern void wc_column_add_null(WcColumn *col);
extern void wc_column_add_bytes(WcColumn *col, const char *p, size_t len);
extern Datum wc_column_array(const WcColumn *col);
/* the current row of SPI_tuptable */
extern Datum wc_field(uint64 row, int column, bool *isnull);
extern char *wc_field_text(uint64 row, int column);

#endif /* WC_COLUMNS_H */
