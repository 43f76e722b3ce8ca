/*
 * file_names.c
 *	  A file stays as long as a message names it, whoever wrote that one and wherever
 *	  in its content the URL stands.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/uuid.h"

#include "shared/columns.h"
#include "shared/file_names.h"
#include "shared/statements.h"

/* What stands before a file's id in its URL. */
#define BEFORE "/files/"

static bool
is_id(const char *s)
{
	int i;

	for (i = 0; i < WC_FILE_ID; i++)
	{
		char c = s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return true;
}

/*
 * What could be ids of files in a content, as JSON or as a jsonb has its strings: how many.  They
 * point into it.
 */
int
wc_file_names(const char *text, size_t len, wc_str ids[WC_FILE_NAMES_MOST])
{
	const size_t before = sizeof(BEFORE) - 1;
	const char *p = text;
	const char *end = text + len;
	int n = 0;

	while (n < WC_FILE_NAMES_MOST && (size_t) (end - p) >= before + WC_FILE_ID)
	{
		p = memchr(p, BEFORE[0], (size_t) (end - p) - before - WC_FILE_ID + 1);
		if (p == NULL)
			break;
		if (memcmp(p, BEFORE, before) == 0 && is_id(p + before))
			ids[n++] = (wc_str){p + before, WC_FILE_ID};
		p++;
	}
	return n;
}

/* The message has them; connected to SPI.  What is no file of that channel is passed over. */
void
wc_file_names_note(const pg_uuid_t *channel, const pg_uuid_t *message, const wc_str *ids, int n)
{
	WcColumn *column = wc_column(TEXTOID, n);
	Datum args[3] = {UUIDPGetDatum(channel), UUIDPGetDatum(message), 0};
	int i;

	for (i = 0; i < n; i++)
		wc_column_add_bytes(column, ids[i].p, ids[i].len);
	args[2] = wc_column_array(column);
	(void) wc_run(WC_NOTE_FILE_USE, args, NULL);
}
