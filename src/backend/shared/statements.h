/*
 * statements.h
 *	  The texts of the statements that statements.c runs.
 */
#ifndef WC_STATEMENTS_H
#define WC_STATEMENTS_H

#include "shared/webchatt.h"

#define MAX_ARGS 12

typedef struct Statement
{
	const char *sql;
	Oid types[MAX_ARGS + 1]; /* ends with 0 */
} Statement;

/* each has an entry for every WcStatement; one of them has its text */
extern const Statement wc_texts_messages[];
extern const Statement wc_texts_feeds[];
extern const Statement wc_texts_keeping[];

#endif /* WC_STATEMENTS_H */
