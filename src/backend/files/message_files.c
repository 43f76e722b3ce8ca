/*
 * message_files.c
 *	  webchatt-net lets a visitor's content name a file of ours in one place only, and
 *	  builds its URL anew (visitor_content.c); whose file it is, is known here.
 */
#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/builtins.h"

#include "files/message_files.h"
#include "shared/columns.h"
#include "shared/file_names.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* How a content begins that names a file, and what may be named so. */
static const struct
{
	const char *content;
	const char *kind;
} beginnings[] = {
	{"{\"type\":\"image\",", "image"},
	{"{\"type\":\"video\",", "video"},
	{"{\"type\":\"audio\",", "audio"},
	{"{\"type\":\"document\",", "document"},
};

typedef struct Use
{
	pg_uuid_t channel;
	pg_uuid_t message;
	int n;
	wc_str ids[WC_FILE_NAMES_MOST]; /* in the event */
} Use;

static List *uses = NIL; /* this turn's, in its context */

/* What a visitor's content names as; NULL: it names nothing. */
static const char *
kind_of(const wc_event *event)
{
	size_t i;

	if (event->hub != 0 || event->kind != WC_EVENT_MESSAGE || event->body.len < 16)
		return NULL;
	for (i = 0; i < lengthof(beginnings); i++)
	{
		size_t len = strlen(beginnings[i].content);

		if (event->body.len > len && memcmp(event->body.p, beginnings[i].content, len) == 0)
			return beginnings[i].kind;
	}
	return NULL;
}

/* May the visitor name what they name?  Of a channel of ours; connected to SPI. */
bool
message_files_are_good(const wc_event *event)
{
	const char *kind = kind_of(event);
	wc_str ids[WC_FILE_NAMES_MOST];
	Datum args[4];

	if (kind == NULL)
		return true;
	if (wc_file_names(event->body.p, event->body.len, ids) == 0)
		return false;
	args[0] = UUIDPGetDatum((const pg_uuid_t *) event->channel);
	args[1] = PointerGetDatum(cstring_to_text_with_len(ids[0].p, (int) ids[0].len));
	args[2] = PointerGetDatum(cstring_to_text_with_len(event->visitor.p, (int) event->visitor.len));
	args[3] = CStringGetTextDatum(kind);
	return wc_run(WC_IS_VISITORS_FILE, args, NULL) > 0;
}

/* A visitor's message is written: what it names is noted with message_files_write(), in the same turn. */
void
message_files_note(const wc_event *event, const pg_uuid_t *message)
{
	Use *use;

	if (kind_of(event) == NULL)
		return;
	use = palloc(sizeof(Use));
	memcpy(use->channel.data, event->channel, sizeof(use->channel.data));
	use->message = *message;
	use->n = wc_file_names(event->body.p, event->body.len, use->ids);
	uses = lappend(uses, use);
}

/* The turn is undone. */
void
message_files_forget(void)
{
	uses = NIL;
}

static void
write_step(void *arg)
{
	const Use *use = arg;

	wc_file_names_note(&use->channel, &use->message, use->ids, use->n);
}

void
message_files_write(void)
{
	List *mine = uses;
	ListCell *lc;

	uses = NIL;
	foreach (lc, mine)
	{
		ErrorData *error = savepoint_try_for(write_step, lfirst(lc), LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);

		if (error != NULL)
			report_error(error->message);
	}
}
