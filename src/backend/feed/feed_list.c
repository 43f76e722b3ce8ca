/*
 * feed_list.c
 *	  Who gets events: webhooks and links, as feed_reader.c serves them.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "feed/feed_list.h"
#include "shared/columns.h"

dlist_head feed_list = DLIST_STATIC_INIT(feed_list);

/* An event type, as webchatt.feed and webchatt.webhooks have it. */
FeedKind
feed_list_kind(const char *event_type)
{
	return strcmp(event_type, "Message") == 0  ? FEED_MESSAGE
		   : strcmp(event_type, "Unread") == 0 ? FEED_UNREAD
											   : FEED_STATUS;
}

/* An API key's channels from a row that was read, kept in a context. */
FeedChannels
feed_list_channels(uint64 row, int column, MemoryContext context)
{
	FeedChannels channels = {NULL, 0};
	bool isnull;
	Datum array = wc_field(row, column, &isnull);

	if (!isnull)
	{
		ArrayType *a = DatumGetArrayTypeP(array);

		/* a CHECK sees to it that none is null */
		channels.n = ArrayGetNItems(ARR_NDIM(a), ARR_DIMS(a));
		channels.ids = MemoryContextAlloc(context, sizeof(pg_uuid_t) * Max(1, channels.n));
		memcpy(channels.ids, ARR_DATA_PTR(a), sizeof(pg_uuid_t) * channels.n);
	}
	return channels;
}

/* A link keeps its own copy, until it is given other ones, or all of none. */
void
feed_list_set_channels(Feed *feed, FeedChannels channels)
{
	Size size = sizeof(pg_uuid_t) * channels.n;
	pg_uuid_t *old = feed->channels.ids;

	feed->channels = channels;
	if (channels.ids != NULL)
		feed->channels.ids = memcpy(MemoryContextAlloc(TopMemoryContext, Max(1, size)), channels.ids, size);
	if (old != NULL)
		pfree(old);
}
