/*
 * statements.h
 *	  All SQL that webchatt runs, by name, with plans kept.
 */
#ifndef WC_STATEMENTS_H
#define WC_STATEMENTS_H

#include "executor/spi.h"

#include "worker_sql.h"

#define WC_MOST_PARAMETERS 12

/* Made by sql/embed from sql/worker, as are WcStatement and how many parameters each takes. */
typedef struct WcStatementText
{
	const char *name;
	const char *sql;
	Oid types[WC_MOST_PARAMETERS + 1]; /* ends with 0 */
} WcStatementText;

extern const WcStatementText wc_statement_texts[WC_STATEMENTS];

/* NULL, the address of one Datum, or an array of them: how large that is (a pointer is as large as a Datum). */
#define WC_GIVEN(args) _Generic((args), void * : 0, default : sizeof(args))

#define WC_CHECK_GIVEN(which, args)                                                                                    \
	StaticAssertExpr(WC_GIVEN(args) == which##_PARAMETERS * sizeof(Datum), #which " takes another number of "          \
																				  "parameters")

/* The statement is named by its constant; who has it in a variable sees to the parameters' number. */
#define wc_run(which, args, nulls) (WC_CHECK_GIVEN(which, args), wc_run_any(which, args, nulls))
#define wc_open(which, args)	   (WC_CHECK_GIVEN(which, args), wc_open_any(which, args))

extern uint64 wc_run_any(WcStatement which, Datum *args, const char *nulls);
extern Portal wc_open_any(WcStatement which, Datum *args);
extern void wc_prepare_statements(void);
extern void wc_forget_statements(void);

#endif /* WC_STATEMENTS_H */
