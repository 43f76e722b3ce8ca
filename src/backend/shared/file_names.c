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
 * What could be ids of files in a content, as JSON or as a jsonb has its strings: how many, at
 * most so many.  *ids, an array of them, is set where there are any; they point into it.
 */
int
wc_file_names(const char *text, size_t len, int most, wc_str **ids)
{
	const size_t before = sizeof(BEFORE) - 1;
	const char *p = text;
	const char *end = text + len;
	int n = 0;

	while (n < most && (size_t) (end - p) >= before + WC_FILE_ID)
	{
		p = memchr(p, BEFORE[0], (size_t) (end - p) - before - WC_FILE_ID + 1);
		if (p == NULL)
			break;
		if (memcmp(p, BEFORE, before) == 0 && is_id(p + before))
		{
			if (n == 0)
				*ids = palloc(sizeof(wc_str) * Min((size_t) most, (size_t) (end - p) / (before + WC_FILE_ID)));
			(*ids)[n++] = (wc_str){p + before, WC_FILE_ID};
			p += before + WC_FILE_ID;
		}
		else
			p++;
	}
	return n;
}

static void
add_names(WcColumn **cols, const uint8 *channel, const pg_uuid_t *message, wc_str visitor, const wc_str *ids, int n)
{
	int i;

	for (i = 0; i < n; i++)
	{
		wc_column_add(cols[0], UUIDPGetDatum((const pg_uuid_t *) channel));
		wc_column_add(cols[1], UUIDPGetDatum(message));
		wc_column_add_bytes(cols[2], visitor.p, visitor.len);
		wc_column_add_bytes(cols[3], ids[i].p, ids[i].len);
	}
}

static void
note(WcColumn **cols)
{
	Datum args[WC_NOTE_FILE_USES_PARAMETERS];

	wc_columns_arrays(cols, WC_NOTE_FILE_USES_ARRAYS, args);
	(void) wc_run(WC_NOTE_FILE_USES, args, NULL);
}

/*
 * A message to a visitor has them; connected to SPI, in the transaction that writes it.  What
 * is no file is passed over.
 */
void
wc_file_names_note(const pg_uuid_t *channel, const pg_uuid_t *message, const wc_str *ids, int n)
{
	WcColumn *cols[WC_NOTE_FILE_USES_ARRAYS];
	wc_str nobody = {NULL, 0};

	wc_columns(WC_NOTE_FILE_USES, cols, n);
	add_names(cols, channel->data, message, nobody, ids, n);
	note(cols);
}

/* The same of what visitors of ours wrote, under those ids (all zeros: it is not there), who name their own files only. */
void
wc_file_names_note_all(wc_event *const *messages, const pg_uuid_t *ids, int n)
{
	static const pg_uuid_t none;
	WcColumn *cols[WC_NOTE_FILE_USES_ARRAYS];
	bool any = false;
	int i;

	for (i = 0; i < n; i++)
	{
		const wc_event *e = messages[i];
		wc_str *names;
		int nnames;

		if (e->hub != 0 || memcmp(&ids[i], &none, sizeof(none)) == 0)
			continue;
		nnames = wc_file_names(e->body.p, e->body.len, WC_FILE_NAMES_MOST, &names);
		if (nnames > 0 && !any)
			wc_columns(WC_NOTE_FILE_USES, cols, WC_FILE_NAMES_MOST);
		if (nnames > 0)
			add_names(cols, e->channel, &ids[i], e->visitor, names, nnames);
		any = any || nnames > 0;
	}
	if (any)
		note(cols);
}
