/*
 * extension_version.h
 *	  Whether the library and the SQL that this database has are of one version.
 */
#ifndef WC_EXTENSION_VERSION_H
#define WC_EXTENSION_VERSION_H

#include "access/tupdesc.h"
#include "fmgr.h"

extern bool wc_version_is_same(void);
extern bool wc_version_differs(char **installed, const char **hint);
extern void wc_need_same_version(void);
extern void wc_need_columns(TupleDesc desc, int n);

/*
 * The head of a function of SQL that works on our tables, or whose arguments may be
 * others in another version: it raises where the versions differ (55000).  What
 * indexes and views compute by is without, and keeps its arguments for ever.
 */
#define WC_FUNCTION(name)                                                                                              \
	PG_FUNCTION_INFO_V1(name);                                                                                         \
	static Datum name##_same_version(PG_FUNCTION_ARGS);                                                                \
	Datum name(PG_FUNCTION_ARGS)                                                                                       \
	{                                                                                                                  \
		wc_need_same_version();                                                                                        \
		return name##_same_version(fcinfo);                                                                            \
	}                                                                                                                  \
	static Datum name##_same_version(PG_FUNCTION_ARGS)

#endif /* WC_EXTENSION_VERSION_H */
