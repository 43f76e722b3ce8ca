/*
 * pages.c
 *	  On which page visitors are: the newest of each is kept in memory, and written
 *	  for many at once, a while after the last time.
 *
 * Nobody waits for it, and of what is lost nothing is missed for long.  So it is
 * bounded by leaving out, and never makes anything else wait.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/event_rules.h"
#include "shared/blob_hash.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/statements.h"
#include "shared/valid_text.h"
#include "turn/changes.h"
#include "turn/config.h"
#include "turn/report.h"
#include "turn/savepoint.h"
#include "visitors/pages.h"

/* Visitors whose page waits to be written; of more it is forgotten.  Each takes 2 kB at most. */
#define PAGES_MOST 4096

/* So many are written by one statement, and it is so long until the next one, in ms. */
#define WRITE_MOST	512
#define WRITE_EVERY 2000
#define WRITE_ON	100 /* while there are more */

/* How long those may take that are written each alone, in ms. */
#define ALONE_MS 100

typedef struct PageKey
{
	uint8 channel[16];
	uint8 visitor[16];
} PageKey;

/* Each is empty where it was not said. */
enum
{
	PAGE_URL,
	PAGE_TITLE,
	PAGE_LOCALE,
	PAGE_TIME_ZONE,
	PAGE_TEXTS
};

typedef struct VisitorPage
{
	PageKey key; /* hash key: must be first */
	char *texts; /* all of them, one behind the other; NULL: not filled yet */
	uint32 lens[PAGE_TEXTS];
	bool done;	  /* all that it has was written in this turn */
	bool changed; /* by this turn */
} VisitorPage;

static MemoryContext context = NULL;
static HTAB *pages = NULL;
static TimestampTz due = 0; /* not to be written before */

/* this turn's */
static VisitorPage **taken = NULL;
static int ntaken = 0;

static bool
has_length(const wc_str *text, uint32 most)
{
	return text->len <= most && wc_texts_are_valid(text, 1);
}

/* webchatt-net has checked them; but it may not be itself any more. */
static bool
is_page(const wc_str *url, const wc_str *title)
{
	return has_length(url, WC_MAX_PAGE_URL) && has_length(title, WC_MAX_PAGE_TITLE) &&
		   (url->len == 0 || (url->len > 7 && strncmp(url->p, "http", 4) == 0));
}

/* Is what a hello says of the page, the language and the time zone as the corridor has it? */
bool
pages_are_good(const wc_arrived *said)
{
	return is_page(&said->page_url, &said->page_title) && has_length(&said->locale, WC_MAX_LOCALE) &&
		   has_length(&said->time_zone, WC_MAX_TIME_ZONE);
}

/* What is said anew takes the place of what was said before; what is not said leaves it. */
static void
fill(VisitorPage *page, const wc_str said[PAGE_TEXTS])
{
	const wc_str none = {"", 0};
	wc_str all[PAGE_TEXTS];
	const char *old = page->texts;
	size_t len = 0;
	char *texts;
	int i;

	for (i = 0; i < PAGE_TEXTS; i++)
	{
		all[i] = old != NULL ? (wc_str){old, page->lens[i]} : none;
		old = old != NULL ? old + page->lens[i] : NULL;
		/* a title is its page's */
		if (said[i].len > 0 || (i == PAGE_TITLE && said[PAGE_URL].len > 0))
			all[i] = said[i];
		len += all[i].len;
	}
	texts = MemoryContextAlloc(context, len + 1);
	len = 0;
	for (i = 0; i < PAGE_TEXTS; i++)
	{
		if (all[i].len > 0)
			memcpy(texts + len, all[i].p, all[i].len);
		page->lens[i] = all[i].len;
		len += all[i].len;
	}
	if (page->texts != NULL)
		pfree(page->texts);
	page->texts = texts;
	/* this turn may have written what it had before */
	page->done = false;
}

static void
add(const PageKey *key, const wc_str said[PAGE_TEXTS])
{
	VisitorPage *page;
	bool found;

	if (said[PAGE_URL].len + said[PAGE_LOCALE].len + said[PAGE_TIME_ZONE].len == 0)
		return;
	if (context == NULL)
	{
		context = AllocSetContextCreate(TopMemoryContext, "webchatt pages", ALLOCSET_DEFAULT_SIZES);
		pages = wc_blob_hash("webchatt pages", context, sizeof(PageKey), sizeof(VisitorPage), 64);
	}
	page = hash_search(pages, key, HASH_FIND, &found);
	if (!found && hash_get_num_entries(pages) >= PAGES_MOST)
		return;
	if (!found)
	{
		page = hash_search(pages, key, HASH_ENTER, NULL);
		memset((char *) page + sizeof(PageKey), 0, sizeof(VisitorPage) - sizeof(PageKey));
	}
	fill(page, said);
}

/* PAGE: a visitor has gone to another one. */
bool
pages_accept(const wc_frame *frame)
{
	wc_str said[PAGE_TEXTS] = {{"", 0}};
	PageKey key;
	wc_page m;

	if (!wc_read_page(frame, &m) || !is_page(&m.url, &m.title))
		return false;
	memcpy(key.channel, m.channel, sizeof(key.channel));
	memcpy(key.visitor, m.visitor, sizeof(key.visitor));
	said[PAGE_URL] = m.url;
	said[PAGE_TITLE] = m.title;
	add(&key, said);
	return true;
}

/* A visitor who was known is welcomed: what their hello said. */
void
pages_add_arrived(const wc_arrived *arrived, const char *visitor)
{
	const wc_str said[PAGE_TEXTS] = {arrived->page_url, arrived->page_title, arrived->locale, arrived->time_zone};
	PageKey key;

	memcpy(key.channel, arrived->channel, sizeof(key.channel));
	if (wc_uuid_parse(visitor, strlen(visitor), key.visitor))
		add(&key, said);
}

static bool
any_waits(void)
{
	return pages != NULL && hash_get_num_entries(pages) > 0;
}

static bool
pages_ready(TimestampTz now)
{
	return any_waits() && due <= now && config_is_read();
}

/* When the next are to be written; 0: there are none. */
static TimestampTz
pages_next_due(void)
{
	return any_waits() ? due : 0;
}

typedef struct Batch
{
	VisitorPage **pages;
	int n;
} Batch;

static void
write_step(void *arg)
{
	Batch *batch = arg;
	WcColumn *cols[WC_NOTE_PAGES_ARRAYS];
	Datum args[WC_NOTE_PAGES_PARAMETERS];
	uint64 found;
	uint64 row;
	int i;

	wc_columns(WC_NOTE_PAGES, cols, batch->n);
	for (i = 0; i < batch->n; i++)
	{
		const VisitorPage *page = batch->pages[i];
		const char *text = page->texts;
		char visitor[37];
		int k;

		wc_uuid_print(page->key.visitor, visitor);
		wc_column_add(cols[0], UUIDPGetDatum((const pg_uuid_t *) page->key.channel));
		wc_column_add(cols[1], CStringGetTextDatum(visitor));
		for (k = 0; k < PAGE_TEXTS; k++)
		{
			wc_column_add_bytes(cols[2 + k], text, page->lens[k]);
			text += page->lens[k];
		}
	}
	wc_columns_arrays(cols, lengthof(cols), args);
	found = wc_run(WC_NOTE_PAGES, args, NULL);
	for (i = 0; i < batch->n; i++)
		batch->pages[i]->done = true;
	for (row = 0; row < found; row++)
	{
		bool isnull;
		VisitorPage *page = batch->pages[DatumGetInt32(wc_field(row, 1, &isnull)) - 1];

		/* whose row is held is written the next time */
		page->done = !DatumGetBool(wc_field(row, 2, &isnull));
		page->changed = page->done;
	}
}

/*
 * Those that were taken, together; when that fails for a reason of one of them, each alone, as many as there
 * is time for.  Those have had their try then, and the others come the next time.
 */
static void
write_taken(void)
{
	Batch all = {taken, ntaken};
	ErrorData *error = savepoint_try_for(write_step, &all, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);
	TimestampTz began = wc_clock();
	int i;

	if (error == NULL || savepoint_error_is_transient(error))
		return;
	for (i = 0; i < ntaken && !TimestampDifferenceExceeds(began, wc_clock(), ALONE_MS); i++)
	{
		Batch one = {taken + i, 1};

		error = savepoint_try_for(write_step, &one, LOCK_WAIT_BLOCKED_MS, ALONE_MS);
		if (error == NULL || savepoint_error_is_transient(error))
			continue;
		taken[i]->done = true;
		report_error(error->message);
	}
}

/* Write where visitors are, of whom that was said since the last time. */
void
pages_apply(TimestampTz now)
{
	HASH_SEQ_STATUS all;
	VisitorPage *page = NULL;

	ntaken = 0;
	if (!pages_ready(now))
		return;
	if (taken == NULL)
		taken = MemoryContextAlloc(TopMemoryContext, sizeof(VisitorPage *) * WRITE_MOST);
	hash_seq_init(&all, pages);
	while (ntaken < WRITE_MOST && (page = hash_seq_search(&all)) != NULL)
	{
		page->done = page->changed = false;
		taken[ntaken++] = page;
	}
	if (page != NULL)
		hash_seq_term(&all);
	due = TimestampTzPlusMilliseconds(now, hash_get_num_entries(pages) > ntaken ? WRITE_ON : WRITE_EVERY);
	write_taken();
}

static void
pages_reset(void)
{
	if (context != NULL)
		MemoryContextDelete(context);
	context = NULL;
	pages = NULL;
	ntaken = 0;
}

/* The turn is committed: desks that have such a conversation open are told, and nobody else. */
void
pages_commit(wc_buf *out)
{
	int i;

	for (i = 0; i < ntaken; i++)
	{
		VisitorPage *page = taken[i];
		wc_desk_changed m = {.aside = 1};
		char visitor[37];

		if (page->changed && changes_are_watched())
		{
			wc_uuid_print(page->key.visitor, visitor);
			memcpy(m.channel, page->key.channel, sizeof(m.channel));
			m.visitor = wc_str_from(visitor);
			(void) wc_write_desk_changed(out, &m);
		}
		if (!page->done)
			continue;
		if (page->texts != NULL) /* memory was short when it came */
			pfree(page->texts);
		hash_search(pages, &page->key, HASH_REMOVE, NULL);
	}
	ntaken = 0;
	/* what a crowd has taken is given back */
	if (context != NULL && !any_waits())
		pages_reset();
}

/* The turn is undone: all of them wait as before. */
static void
pages_rollback(const ErrorData *error)
{
	ntaken = 0;
}

const TurnPart pages_part = {
	.ready = pages_ready,
	.next_due = pages_next_due,
	.rollback = pages_rollback,
	.reset = pages_reset,
};
