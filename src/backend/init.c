/*
 * init.c
 *	  The library's entry: settings, shared memory, hooks and the launcher.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "session/citus_guard.h"
#include "session/drop_database.h"
#include "shared/plain_errors.h"
#include "shared/settings.h"
#include "shared/shmem.h"
#include "worker/launcher.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	wc_define_settings();
	wc_install_error_hook();

	/*
	 * In the servers that pg_upgrade starts nothing of ours may run: what the old
	 * one commits behind pg_upgrade's back is lost, and its transaction ids come
	 * again; the new one answers before its tables are there.
	 */
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	wc_install_shmem_hooks();
	drop_database_install_hook();
	citus_guard_install_hook();
	launcher_register();
}
