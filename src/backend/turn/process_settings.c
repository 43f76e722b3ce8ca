/*
 * process_settings.c
 *	  The settings that our processes with a database work under, whatever was set for
 *	  sessions.
 */
#include "postgres.h"

#include "pgstat.h"
#include "utils/guc.h"

#include "turn/process_settings.h"

/* auto_explain, where it is loaded, would log our statements' parameters: secrets among them. */
static void
keep_parameters_secret(void)
{
	static const char name[] = "auto_explain.log_parameter_max_length";

	if (GetConfigOption(name, true, false) != NULL)
		SetConfigOption(name, "0", PGC_SUSET, PGC_S_OVERRIDE);
}

/* Once, when the process is connected to its database.  name: what it is called in pg_stat_activity. */
void
process_settings_apply(const char *name)
{
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("synchronous_commit", "on", PGC_SUSET, PGC_S_OVERRIDE);
	/* there is a policy for us on every table: off would mean an error, where somebody turned it on */
	SetConfigOption("row_security", "on", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("idle_in_transaction_session_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	/* compiling a query takes longer than anything that is run here */
	SetConfigOption("jit", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("application_name", name, PGC_SUSET, PGC_S_OVERRIDE);
	pgstat_report_appname(name);
	keep_parameters_secret();
}
