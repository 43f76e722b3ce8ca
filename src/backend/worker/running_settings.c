/*
 * running_settings.c
 *	  The settings that the worker works by, for webchatt.settings: another session may
 *	  have others, and cannot know where ours are from.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "storage/spin.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "shared/columns.h"
#include "shared/shmem.h"
#include "shared/statements.h"
#include "turn/report.h"
#include "turn/transaction.h"
#include "worker/running_settings.h"

/* A path on the server is not for everybody's eyes. */
static bool
is_secret(const char *name)
{
#define SETTING_INT(name, ...)
#define SETTING_STRING(n, boot, form, context, flags, check, carried, what, more)                                      \
	if (((flags) &GUC_SUPERUSER_ONLY) != 0 && strcmp(name, #n) == 0)                                                   \
		return true;
#include "common/settings.def"
	return false;
}

static void
add(StringInfo all, const char *name, const char *value, const char *source)
{
	int most = pg_mbcliplen(value, (int) strlen(value), WC_SETTING_VALUE_MOST);

	appendBinaryStringInfo(all, name, (int) strlen(name) + 1);
	appendBinaryStringInfo(all, value, is_secret(name) ? 0 : most);
	appendStringInfoChar(all, '\0');
	appendBinaryStringInfo(all, source, (int) strlen(source) + 1);
}

/* At the start, and when the configuration was read anew. */
void
running_settings_publish(void)
{
	StringInfoData all;
	uint64 n;
	uint64 i;

	initStringInfo(&all);
	transaction_open();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	n = wc_run(WC_SETTINGS_BY_SOURCE, NULL, NULL);
	for (i = 0; i < n; i++)
	{
		int before = all.len;

		add(&all, wc_field_text(i, 1), wc_field_text(i, 2), wc_field_text(i, 3));
		if (all.len > WC_SETTINGS_SIZE)
		{
			all.len = before;
			break;
		}
	}
	SPI_finish();
	PopActiveSnapshot();
	transaction_close();

	SpinLockAcquire(&report_slot->mutex);
	report_slot->settings_len = (uint32) all.len;
	memcpy(report_slot->settings, all.data, all.len);
	SpinLockRelease(&report_slot->mutex);
	pfree(all.data);
}
