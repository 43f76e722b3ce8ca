/*
 * webhook_requests.c
 *	  Requests for /v1/organization of the REST API at home, each answered by
 *	  webchatt._rest() in a savepoint of the turn.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "rest/webhook_requests.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/statements.h"
#include "shared/valid_text.h"
#include "turn/archive_asks.h"
#include "turn/frame_memory.h"
#include "turn/net_process.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* Requests that one turn answers, and the time in ms after which it takes no more. */
#define CALLS_MOST	64
#define CALLS_MS	200
#define CALLS_BYTES (4 * 1024 * 1024)

typedef struct RestCall
{
	dlist_node node;
	wc_api_call said;
	bool done; /* in this turn */
	int status;
	char *body;		/* in the turn's context; NULL: none */
	ArchiveAsk ask; /* status 0: that is read elsewhere */
	char bytes[FLEXIBLE_ARRAY_MEMBER];
} RestCall;

static dlist_head calls = DLIST_STATIC_INIT(calls);
static int ncalls = 0;

/* Take a request; false when it is none. */
bool
webhook_requests_accept(const wc_frame *frame)
{
	wc_frame copy;
	RestCall *c = frame_memory_keep(offsetof(RestCall, bytes), frame, &copy);
	bool right;

	right = wc_read_api_call(&copy, &c->said);
	if (right)
	{
		wc_str texts[] = {c->said.method, c->said.path, c->said.query, c->said.body};

		right = wc_texts_are_valid(texts, lengthof(texts));
	}
	if (!right)
	{
		frame_memory_free(c);
		return false;
	}
	dlist_push_tail(&calls, &c->node);
	ncalls++;
	return true;
}

static int
webhook_requests_pending(void)
{
	return ncalls;
}

static Datum
text_datum(wc_str s)
{
	return PointerGetDatum(cstring_to_text_with_len(s.p, s.len));
}

static void
copy_uuid(uint8 *to, int column)
{
	bool isnull;
	Datum value = wc_field(0, column, &isnull);

	if (!isnull)
		memcpy(to, DatumGetUUIDP(value)->data, UUID_LEN);
}

/* What the process that reads archives is to be asked for. */
static void
note_ask(RestCall *c)
{
	bool isnull;

	c->ask = (ArchiveAsk){.kind = ARCHIVE_OF_REST, .number = c->said.request};
	copy_uuid(c->ask.channel, 3);
	copy_uuid(c->ask.visitor, 4);
	copy_uuid(c->ask.from, 5);
	c->ask.most = DatumGetInt32(wc_field(0, 6, &isnull));
}

static void
webhook_requests_step(void *arg)
{
	RestCall *c = arg;
	Datum args[5] = {Int32GetDatum((int32) c->said.key), text_datum(c->said.method), text_datum(c->said.path),
					 text_datum(c->said.query), text_datum(c->said.body)};
	bool isnull;
	const char *body;

	if (wc_run(WC_REST, args, NULL) != 1)
		elog(ERROR, "the REST API gave no answer");
	c->status = DatumGetInt32(wc_field(0, 1, &isnull));
	if (c->status == 0)
		note_ask(c);
	body = wc_field_text(0, 2);
	c->body = body ? MemoryContextStrdup(frame_memory_of_turn, body) : NULL;
}

/* An answer in the form of webchatt-net's refusals. */
static void
refuse(RestCall *c, int status, const char *code, const char *message)
{
	StringInfoData json;
	MemoryContext old = MemoryContextSwitchTo(frame_memory_of_turn);

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"errorMessage\": ");
	escape_json(&json, message);
	appendStringInfo(&json, ", \"errorCode\": \"%s\"}", code);
	MemoryContextSwitchTo(old);
	c->status = status;
	c->body = json.data;
}

/* What _rest() did not foresee. */
static void
answer_error(RestCall *c, const ErrorData *error)
{
	const char *message = error->message ? error->message : "unknown error";
	int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (savepoint_error_is_transient(error) || error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		refuse(c, 503, "busy", "The database could not do it now; send it again shortly.");
	else if (category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
			 category == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		refuse(c, 400, "invalid_payload", message);
	else
	{
		report_error(psprintf("a request of the REST API failed: %s", message));
		refuse(c, 500, "internal_error",
			   "The database could not do it; its operator finds out why in webchatt.status.");
	}
}

/* Answer what waits. */
void
webhook_requests_apply(void)
{
	TimestampTz began = wc_clock();
	size_t bytes = 0;
	int n = 0;
	dlist_iter iter;

	if (!net_process_has_room())
		return;
	dlist_foreach(iter, &calls)
	{
		RestCall *c = dlist_container(RestCall, node, iter.cur);
		ErrorData *error;

		if (n++ == CALLS_MOST)
			break;
		c->body = NULL;
		if ((error = savepoint_try_for(webhook_requests_step, c, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS)) != NULL)
			answer_error(c, error);
		c->done = true;
		/* everybody waits with a long page */
		bytes += c->body ? strlen(c->body) : 0;
		if (bytes > CALLS_BYTES || TimestampDifferenceExceeds(began, wc_clock(), CALLS_MS))
			break;
	}
}

/* The turn is committed: answer. */
void
webhook_requests_commit(wc_buf *out)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &calls)
	{
		RestCall *c = dlist_container(RestCall, node, iter.cur);
		wc_api_answer m;

		if (!c->done)
			break;
		if (c->status == 0 && !archive_asks_add(&c->ask))
			refuse(c, 503, "busy", "Too many wait for an archive; send it again shortly.");
		m.request = c->said.request;
		m.http_status = (uint32_t) c->status;
		m.body = wc_str_from(c->body ? c->body : "");
		if (c->status != 0)
			(void) wc_write_api_answer(out, &m);
		dlist_delete(&c->node);
		frame_memory_free(c);
		ncalls--;
	}
}

/* The turn is undone: everything waits as before. */
static void
webhook_requests_rollback(const ErrorData *error)
{
	dlist_iter iter;

	dlist_foreach(iter, &calls) dlist_container(RestCall, node, iter.cur)->done = false;
}

/* webchatt-net is gone, and with it whoever waits for an answer. */
static void
webhook_requests_forget(void)
{
	while (!dlist_is_empty(&calls))
		frame_memory_free(dlist_container(RestCall, node, dlist_pop_head_node(&calls)));
	ncalls = 0;
}

static bool
webhook_requests_ready(TimestampTz now)
{
	return ncalls > 0 && net_process_has_room();
}

const TurnPart webhook_requests_part = {
	.pending = webhook_requests_pending,
	.ready = webhook_requests_ready,
	.rollback = webhook_requests_rollback,
	.net_lost = webhook_requests_forget,
	.reset = webhook_requests_forget,
};
