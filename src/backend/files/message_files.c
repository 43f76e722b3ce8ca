/*
 * message_files.c
 *	  webchatt-net lets a visitor's content name a file of ours in one place only, and
 *	  builds its URL anew (visitor_content.c); whose file it is, is known here.  That it is
 *	  named is written with the message (shared/file_names.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "files/message_files.h"
#include "shared/columns.h"
#include "shared/file_names.h"

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
	wc_str *ids;
	Datum args[4];

	if (kind == NULL)
		return true;
	if (wc_file_names(event->body.p, event->body.len, 1, &ids) == 0)
		return false;
	args[0] = UUIDPGetDatum((const pg_uuid_t *) event->channel);
	args[1] = PointerGetDatum(cstring_to_text_with_len(ids[0].p, (int) ids[0].len));
	args[2] = PointerGetDatum(cstring_to_text_with_len(event->visitor.p, (int) event->visitor.len));
	args[3] = CStringGetTextDatum(kind);
	return wc_run(WC_IS_VISITORS_FILE, args, NULL) > 0;
}
