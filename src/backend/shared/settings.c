/*
 * settings.c
 *	  The webchatt.* settings, as common/settings.def lists them.
 */
#include "shared/settings.h"

#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "shared/setting_checks.h"

#define MS		 GUC_UNIT_MS
#define S		 GUC_UNIT_S
#define KB		 GUC_UNIT_KB
#define OF(what) 0

/* gettext has something of its own for an empty text. */
#define MORE(more) (*(more) != '\0' ? (more) : NULL)

#define SETTING_INT(name, boot, ...) int wc_##name = boot;
#define SETTING_STRING(name, ...)	 char *wc_##name = NULL;
#include "common/settings.def"

/* When the library is loaded; the worker reads them when it starts, and when the configuration is reloaded. */
void
wc_define_settings(void)
{
#define SETTING_INT(name, boot, least, most, unit, carried, what, more)                                                \
	DefineCustomIntVariable("webchatt." #name, what, MORE(more), &wc_##name, boot, least, most, PGC_SUSET, unit, NULL, \
							NULL, NULL);
#define SETTING_STRING(name, boot, form, context, flags, check, carried, what, more)                                   \
	DefineCustomStringVariable("webchatt." #name, what, MORE(more), &wc_##name, boot, context, flags, check, NULL,     \
							   NULL);
#include "common/settings.def"
#if PG_VERSION_NUM >= 150000
	MarkGUCPrefixReserved("webchatt");
#else
	EmitWarningsOnPlaceholders("webchatt");
#endif
}
