/*
 * texts_keeping.c
 *	  The SQL by which hub connections are kept: registration, repair, what is overdue.
 */
#include "statements.h"

#include "catalog/pg_type.h"

const Statement wc_texts_keeping[WC_STATEMENTS] = {
	[WC_STATEMENTS - 1] = {NULL, {0}},
};
