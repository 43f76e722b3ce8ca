/*
 * archive_page.c
 *	  A page of a visitor's older messages, or a part of an export, out of archives, which may
 *	  be slow, or away: so they are read by a process of its own, and within webchatt.archive_timeout.
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

/* In the transaction: what was asked for, as body and status. */
static void
ask_archive(const ArchiveAsk *ask)
{
	Datum page[WC_ARCHIVE_PAGE_PARAMETERS];
	Datum part[WC_ARCHIVE_EXPORT_PARAMETERS];
	char visitor[37];

	wc_uuid_print(ask->visitor, visitor);
	page[0] = part[0] = UUIDPGetDatum((const pg_uuid_t *) ask->channel);
	page[1] = part[1] = CStringGetTextDatum(visitor);
	page[2] = part[2] = UUIDPGetDatum((const pg_uuid_t *) ask->from);
	part[3] = Int32GetDatum(ask->most);
	page[3] = Int32GetDatum(PAGE_MESSAGES);
	page[4] = Int32GetDatum(PAGE_BYTES);
	page[5] = BoolGetDatum(ask->shows_author);
	if (ask->kind == ARCHIVE_OF_REST)
		wc_run(WC_ARCHIVE_EXPORT, part, NULL);
	else
		wc_run(WC_ARCHIVE_PAGE, page, NULL);
}

/* The body of the answer, in that context, and its status. */
static char *
read_archive(const ArchiveAsk *ask, MemoryContext context, int *status)
{
	char *body;
	bool isnull;

	transaction_begin();
	/* whoever waits for a lock here waits for as long as for anything else */
	LockTimeout = 0;
	transaction_time_limit(wc_archive_timeout);
	ask_archive(ask);
	transaction_time_limit(0);
	body = MemoryContextStrdup(context, wc_field_text(0, 1));
	*status = DatumGetInt32(wc_field(0, 2, &isnull));
	transaction_commit();
	return body;
}

/* Why an archive could not be read. */
const char *
archive_page_problem(const ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		return psprintf("it took longer than webchatt.archive_timeout (%d ms)", wc_archive_timeout);
	return error->message ? error->message : "unknown error";
}

/* What is wrong, in that context. */
static const char *
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
	return no_memory ? "out of memory" : archive_page_problem(error);
}

/* Read it and write the answer; never an error. */
void
archive_page_run(const wc_desk_call *call, wc_buf *out)
{
	MemoryContext context = CurrentMemoryContext;
	const char *volatile body = NULL;
	volatile int status = ARCHIVE_PAGE_LAST;
	wc_desk_answer m = {.request = call->request, .agent = wc_str_from("")};
	ArchiveAsk ask;

	if (call->args.len != sizeof(ask))
		return;
	memcpy(&ask, call->args.p, sizeof(ask));
	PG_TRY();
	{
		int its;

		body = read_archive(&ask, context, &its);
		status = its;
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
