/*
 * restores.c
 *	  Telling the loading of a dump from other work.
 */
#include "compat.h"
#include "webchatt.h"

#include "catalog/namespace.h"
#include "utils/guc.h"

/*
 * Does this session load a dump?  pg_dump and pg_restore, in every form, begin with
 * these two settings; nobody works with both of them.
 */
bool
wc_loads_dump(void)
{
	return namespace_search_path != NULL && namespace_search_path[0] == '\0' && !check_function_bodies;
}
