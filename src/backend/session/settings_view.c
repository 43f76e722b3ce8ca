/*
 * settings_view.c
 *	  What webchatt.settings shows: each setting of common/settings.def, and what the
 *	  database's worker has of it.
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/tuplestore.h"

#include "shared/compat.h"
#include "shared/extension_version.h"
#include "shared/shmem.h"

#define SETTING_COLUMNS 10

PG_FUNCTION_INFO_V1(webchatt_settings);
PG_FUNCTION_INFO_V1(webchatt_setting_value);

typedef enum Unit
{
	UNIT_NONE,
	UNIT_MS,
	UNIT_S,
	UNIT_KB
} Unit;

typedef struct Setting
{
	const char *section; /* a heading, and nothing else; NULL: a setting */
	const char *name;
	bool number;
	int boot;
	const char *boot_text;
	Unit unit;
	const char *unit_text;
	bool secret;
	const char *what;
	const char *more;
} Setting;

#define MS		 UNIT_MS, "ms"
#define S		 UNIT_S, "s"
#define KB		 UNIT_KB, "kB"
#define OF(what) UNIT_NONE, what

static const Setting settings[] = {
#define SETTING_SECTION(title, text) {.section = title},
#define SETTING_INT(name, boot, least, most, unit, carried, what, more)                                                \
	{NULL, #name, true, boot, NULL, unit, false, what, more},
#define SETTING_STRING(name, boot, form, context, flags, check, carried, what, more)                                   \
	{NULL, #name, false, 0, boot, UNIT_NONE, form, ((flags) &GUC_SUPERUSER_ONLY) != 0, what, more},
#include "common/settings.def"
};

/* The flags by which PostgreSQL reads a number with that unit. */
static const int guc_units[] = {[UNIT_MS] = GUC_UNIT_MS, [UNIT_S] = GUC_UNIT_S, [UNIT_KB] = GUC_UNIT_KB};

/* A number as one writes it in postgresql.conf: 10000 ms is 10s. */
static char *
in_words(int n, Unit unit)
{
	static const struct
	{
		Unit of;
		const char *name;
		int times; /* of the one before */
	} larger[] = {{UNIT_MS, "ms", 1}, {UNIT_MS, "s", 1000}, {UNIT_MS, "min", 60}, {UNIT_MS, "h", 60},
				  {UNIT_MS, "d", 24}, {UNIT_S, "s", 1},		{UNIT_S, "min", 60},  {UNIT_S, "h", 60},
				  {UNIT_S, "d", 24},  {UNIT_KB, "kB", 1},	{UNIT_KB, "MB", 1024}};
	const char *name = "";
	size_t i;

	for (i = 0; i < lengthof(larger); i++)
	{
		if (larger[i].of != unit)
			continue;
		if (n % larger[i].times != 0 || (n == 0 && larger[i].times > 1))
			break;
		n /= larger[i].times;
		name = larger[i].name;
	}
	return psprintf("%d%s", n, name);
}

/* What pg_settings calls its value, in our form. */
static char *
shown(const Setting *s, const char *value)
{
	return s->number ? in_words((int) strtol(value, NULL, 10), s->unit) : pstrdup(value);
}

/* What the worker told of that setting; false: it is as it comes. */
static bool
told(const char *all, uint32 len, const char *name, const char **value, const char **source)
{
	const char *p = all;

	while (p < all + len)
	{
		bool this_one = strcmp(p, name) == 0;

		*value = p + strlen(p) + 1;
		*source = *value + strlen(*value) + 1;
		if (this_one)
			return true;
		p = *source + strlen(*source) + 1;
	}
	return false;
}

/* Copy what the worker told; false: none runs. */
static bool
copy_told(char *all, uint32 *len)
{
	WcSlot *slot;
	bool running = false;

	*len = 0;
	if (wc_shared == NULL)
		return false;
	LWLockAcquire(wc_shared->lock, LW_SHARED);
	slot = wc_slot_of_database(MyDatabaseId);
	if (slot != NULL && slot->worker_pid != 0)
	{
		running = true;
		SpinLockAcquire(&slot->mutex);
		*len = slot->settings_len;
		memcpy(all, slot->settings, *len);
		SpinLockRelease(&slot->mutex);
	}
	LWLockRelease(wc_shared->lock);
	return running;
}

/* _settings() → all settings, in their order, and what the worker has of each */
Datum
webchatt_settings(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char *all = palloc(WC_SETTINGS_SIZE);
	const char *section = "";
	uint32 len;
	bool running = copy_told(all, &len);
	size_t i;

	wc_init_materialized_srf(fcinfo);
	for (i = 0; i < lengthof(settings); i++)
	{
		const Setting *s = &settings[i];
		char *boot = s->number ? in_words(s->boot, s->unit) : pstrdup(s->boot_text ? s->boot_text : "");
		const char *value = NULL;
		const char *source = "default";
		bool set;
		Datum values[SETTING_COLUMNS] = {0};
		bool nulls[SETTING_COLUMNS] = {false};

		if (s->section != NULL)
		{
			section = s->section;
			continue;
		}
		set = told(all, len, s->name, &value, &source);
		nulls[3] = !running || s->secret;
		nulls[6] = !running;
		nulls[9] = s->more[0] == '\0';
		values[0] = Int32GetDatum((int) i);
		values[1] = CStringGetTextDatum(section);
		values[2] = CStringGetTextDatum(s->name);
		values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(set ? shown(s, value) : boot);
		values[4] = CStringGetTextDatum(s->unit_text);
		values[5] = CStringGetTextDatum(boot);
		values[6] = CStringGetTextDatum(set ? source : "default");
		values[7] = BoolGetDatum(s->secret);
		values[8] = CStringGetTextDatum(s->what);
		values[9] = CStringGetTextDatum(s->more);
		wc_need_columns(result->setDesc, SETTING_COLUMNS);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* _setting_value(name text, given text) → the value in the form of _settings(); null: it is none, or there is no such setting */
Datum
webchatt_setting_value(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *given = text_to_cstring(PG_GETARG_TEXT_PP(1));
	size_t i;

	for (i = 0; i < lengthof(settings); i++)
	{
		const Setting *s = &settings[i];
		int n;

		if (s->section != NULL || strcmp(s->name, name) != 0)
			continue;
		if (!s->number)
			PG_RETURN_TEXT_P(
				cstring_to_text_with_len(given, pg_mbcliplen(given, (int) strlen(given), WC_SETTING_VALUE_MOST)));
		if (!parse_int(given, &n, guc_units[s->unit], NULL))
			PG_RETURN_NULL();
		PG_RETURN_TEXT_P(cstring_to_text(in_words(n, s->unit)));
	}
	PG_RETURN_NULL();
}
