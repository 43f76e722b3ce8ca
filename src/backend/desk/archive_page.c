/*
 * archive_page.c
 *	  A page of a visitor's older messages, out of an archive, which may be slow, or away:
 *	  so it is read by a process of its own, and within webchatt.archive_timeout.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "common/event_rules.h"
#include "desk/archive_page.h"
#include "shared/columns.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "turn/archive_asks.h"
#include "turn/transaction.h"

/* As a page of what is here (sessions.c). */
#define PAGE_MESSAGES 50
#define PAGE_BYTES	  (64 * 1024)

/* The messages, in that context. */
static char *
read_page(const ArchiveAsk *ask, MemoryContext context, bool *more)
{
	Datum args[WC_ARCHIVE_PAGE_PARAMETERS];
	char visitor[37];
	char *messages;
	bool isnull;

	wc_uuid_print(ask->visitor, visitor);
	args[0] = UUIDPGetDatum((const pg_uuid_t *) ask->channel);
	args[1] = CStringGetTextDatum(visitor);
	args[2] = UUIDPGetDatum((const pg_uuid_t *) ask->before);
	args[3] = Int32GetDatum(PAGE_MESSAGES);
	args[4] = Int32GetDatum(PAGE_BYTES);
	args[5] = BoolGetDatum(ask->shows_author);
	transaction_begin();
	/* whoever waits for a lock here waits for as long as for anything else */
	LockTimeout = 0;
	transaction_time_limit(wc_archive_timeout);
	wc_run(WC_ARCHIVE_PAGE, args, NULL);
	transaction_time_limit(0);
	messages = MemoryContextStrdup(context, wc_field_text(0, 1));
	*more = DatumGetBool(wc_field(0, 2, &isnull));
	transaction_commit();
	return messages;
}

/* What is wrong, in that context. */
static char *
note_failure(MemoryContext context)
{
	bool no_memory = geterrcode() == ERRCODE_OUT_OF_MEMORY;
	ErrorData *error;

	MemoryContextSwitchTo(context);
	/* there may be none for a copy, before the abort gives it back */
	error = no_memory ? NULL : CopyErrorData();
	FlushErrorState();
	transaction_abort();
	MemoryContextSwitchTo(context);
	if (no_memory)
		return pstrdup("out of memory");
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		return psprintf("it took longer than webchatt.archive_timeout (%d ms)", wc_archive_timeout);
	return error->message ? error->message : pstrdup("unknown error");
}

/* Read it and write the answer; never an error. */
void
archive_page_run(const wc_desk_call *call, wc_buf *out)
{
	MemoryContext context = CurrentMemoryContext;
	char *volatile body = NULL;
	volatile int status = ARCHIVE_PAGE_LAST;
	wc_desk_answer m = {.request = call->request, .agent = wc_str_from("")};
	ArchiveAsk ask;

	if (call->args.len != sizeof(ask))
		return;
	memcpy(&ask, call->args.p, sizeof(ask));
	PG_TRY();
	{
		bool more;

		body = read_page(&ask, context, &more);
		status = more ? ARCHIVE_PAGE_MORE : ARCHIVE_PAGE_LAST;
	}
	PG_CATCH();
	{
		body = note_failure(context);
		status = ARCHIVE_PAGE_ERROR;
	}
	PG_END_TRY();
	m.http_status = (uint32) status;
	m.body = wc_str_from(body);
	if (wc_write_desk_answer(out, &m))
		return;
	wc_buf_free(out);
	m.http_status = ARCHIVE_PAGE_ERROR;
	m.body = wc_str_from("out of memory");
	(void) wc_write_desk_answer(out, &m);
}
