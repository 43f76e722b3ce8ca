/*
 * row_insert.h
 *	  Rows into one of our tables without parser, planner and executor nodes, as
 *	  COPY and logical replication insert them (doc/decisions/0010-row-insert.md).
 *
 * A caller has a target, static, for each table and set of columns that it writes:
 *
 *		static const WcRowColumn columns[] = {{"channel_id", UUIDOID}, {"visitor", TEXTOID},
 *			{.name = "direction", .label = "in"}, ...};
 *		static WcRowTarget target = WC_ROW_TARGET("messages", columns);
 *
 *		if (!wc_rows_insert(&target, values, nulls, nrows))
 *			wc_run(WC_..., ...);		-- the statement that does the same
 *
 * values and nulls have a row's columns beside each other, row after row, without those
 * that have a label: they are of an enum of ours, and the same in all rows.  Columns that
 * are not given get their defaults, or are generated, as with a statement.
 *
 * True: the rows are there, in their order; CHECK and NOT NULL were checked, indexes
 * are kept (a row that is there already raises 23505: there is no ON CONFLICT), and AFTER
 * triggers, row and statement, have run: they see all rows, as those of one statement do.
 * False: nothing was done, since only a statement does it right for this table and this
 * role: BEFORE ROW triggers, rules, row security that binds the role, no right to
 * INSERT, identity columns or defaults beside constants, now() and webchatt._now(), a
 * partition, another table access method, a module that watches over rights, a
 * transaction that may not write.  What was found out is kept until the table changes.
 * Costs of one row: those of its index entries and a few microseconds.
 *
 * A target with "key", a unique index, is for a table that has it: without it false, so that
 * the statement says so, instead of rows that are there twice.
 *
 * A target with "unless", a unique index, is for one row a call: as with ON CONFLICT DO
 * NOTHING for that index; "there" says that a row was there, and then nothing was written.  False
 * as well where the transaction keeps one snapshot.
 *
 * The caller need not be connected to SPI, and has set wc_own_insert as around the
 * statement, where the table is messages.
 */
#ifndef WC_ROW_INSERT_H
#define WC_ROW_INSERT_H

struct RowShape;

typedef struct WcRowColumn
{
	const char *name;
	Oid type;		   /* that the values have */
	const char *label; /* of an enum; NULL: the rows say */
} WcRowColumn;

typedef struct WcRowTarget
{
	const char *table; /* in schema webchatt */
	const WcRowColumn *columns;
	int ncolumns;
	const char *unless;		/* a row that this unique index has is passed over; NULL: raises */
	const char *key;		/* a unique index that has to be there, so that repeats are met; NULL: none */
	bool there;				/* the last call found one */
	struct RowShape *shape; /* row_insert.c's own, as is what follows */
	bool listed;
	struct WcRowTarget *next;
} WcRowTarget;

#define WC_ROW_TARGET_OF(of_table, of_columns)                                                                         \
	.table = of_table, .columns = of_columns, .ncolumns = lengthof(of_columns)
#define WC_ROW_TARGET(of_table, of_columns)                                                                            \
	{                                                                                                                  \
		WC_ROW_TARGET_OF(of_table, of_columns)                                                                         \
	}
#define WC_ROW_TARGET_UNLESS(of_table, of_columns, of_index)                                                           \
	{                                                                                                                  \
		WC_ROW_TARGET_OF(of_table, of_columns), .unless = of_index                                                     \
	}
#define WC_ROW_TARGET_KEYED(of_table, of_columns, of_index)                                                            \
	{                                                                                                                  \
		WC_ROW_TARGET_OF(of_table, of_columns), .key = of_index                                                        \
	}

/* False: wc_rows_insert() would say so, as far as is known without opening the table. */
extern bool wc_rows_possible(const WcRowTarget *target);
extern bool wc_rows_insert(WcRowTarget *target, const Datum *values, const bool *nulls, int nrows);

/*
 * The same by that role's rights, whoever is the user: only where nothing runs that is not
 * PostgreSQL's own or ours (others' triggers, constraints, functions that are registered),
 * for which one has to step down first; else false.  So too where wc_rows_insert() has not
 * found out yet what the table is like now: what its defaults and indexes call may run then.
 */
extern bool wc_rows_insert_as(WcRowTarget *target, Oid role, const Datum *values, const bool *nulls, int nrows);

#endif /* WC_ROW_INSERT_H */
