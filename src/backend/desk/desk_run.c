/*
 * desk_run.c
 *	  One call of the desk, in a transaction of its own: whose session it is is found as
 *	  webchatt_worker, and the function is called as webchatt_agent or webchatt_admin,
 *	  with their rights and row security.
 *
 * The process is a superuser's, and nothing that runs for an agent gets back to that:
 * the transaction is locked in (transaction.c), also while another role is worn.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "pgstat.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "desk/archive_page.h"
#include "desk/desk_run.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/desk_session.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "turn/standbys.h"
#include "turn/transaction.h"

/* Of a function's name, without desk_. */
#define NAME_MOST 40

/* Bytes of an answer. */
#define ANSWER_MOST (8 * 1024 * 1024)

/* Bytes of what is told of an error. */
#define WORDS_MOST 4096

/* Sessions that one agent has at a time. */
#define SESSIONS_MOST 50

#define AGENT_ROLE "webchatt_agent"
#define ADMIN_ROLE "webchatt_admin"

typedef struct Answer
{
	int status;
	const char *agent; /* NULL: nobody's */
	const char *body;
} Answer;

typedef struct Caller
{
	int64 session;
	const char *agent;
	bool is_admin;
} Caller;

/* What outlives the transaction, until it is told. */
static MemoryContext answer_context = NULL;

/* What an error says: an operator's trigger may say more than any frame holds, and who called would wait forever. */
static const char *
clipped(const char *words)
{
	int len = (int) strnlen(words, WORDS_MOST + 1);

	return len > WORDS_MOST ? pnstrdup(words, pg_mbcliplen(words, len, WORDS_MOST)) : words;
}

/* An answer in the form of webchatt-net's refusals. */
static Answer
refusal_in_detail(int status, const char *code, const char *message, const char *detail, const char *hint)
{
	MemoryContext old = MemoryContextSwitchTo(answer_context);
	Answer a = {status, NULL, NULL};
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"errorCode\": \"%s\", \"errorMessage\": ", code);
	escape_json(&json, clipped(message));
	if (detail != NULL)
	{
		appendStringInfoString(&json, ", \"detail\": ");
		escape_json(&json, clipped(detail));
	}
	if (hint != NULL)
	{
		appendStringInfoString(&json, ", \"hint\": ");
		escape_json(&json, clipped(hint));
	}
	appendStringInfoChar(&json, '}');
	a.body = json.data;
	MemoryContextSwitchTo(old);
	return a;
}

static Answer
refusal(int status, const char *code, const char *message, const char *hint)
{
	return refusal_in_detail(status, code, message, NULL, hint);
}

static Datum
hash_datum(const uint8 *hash)
{
	bytea *b = palloc(VARHDRSZ + WC_HASH_SIZE);

	SET_VARSIZE(b, VARHDRSZ + WC_HASH_SIZE);
	memcpy(VARDATA(b), hash, WC_HASH_SIZE);
	return PointerGetDatum(b);
}

static Datum
text_datum(wc_str s)
{
	return PointerGetDatum(cstring_to_text_with_len(s.p, (int) s.len));
}

/* Raises 22P02 where it is no JSON, 22023 where it is no object. */
static Datum
read_args(wc_str args)
{
	Datum jsonb = DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(args.p, args.len)));

	if (!JB_ROOT_IS_OBJECT(DatumGetJsonbP(jsonb)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the arguments are not a JSON object")));
	return jsonb;
}

/* False: it is nobody's session, or it is over. */
static bool
find_caller(const wc_desk_call *call, Caller *caller)
{
	/* one that waits for an archive would keep the session's row locked, and the agent's other calls waiting */
	bool touches = !call->unattended && !wc_str_equals(call->function, "socket") &&
				   !wc_str_equals(call->function, ARCHIVE_DESK_CALL);
	Datum args[4] = {hash_datum(call->session), Int32GetDatum(wc_desk_session_idle), BoolGetDatum(touches),
					 text_datum(call->user)};
	bool isnull;

	if (!call->has_session || wc_run(WC_DESK_CALLER, args, NULL) == 0)
		return false;
	caller->session = DatumGetInt64(wc_field(0, 1, &isnull));
	caller->agent = MemoryContextStrdup(answer_context, wc_field_text(0, 2));
	caller->is_admin = strcmp(wc_field_text(0, 3), "admin") == 0;
	return true;
}

/*
 * The session that webchatt-net has a token for, of the agent whom somebody has shown to be; login: it is that one's of a
 * proxy (empty: of none).  The one that the browser had ends.
 */
static Answer
open_session(const wc_desk_call *call, const char *agent, wc_str login)
{
	Datum tidy[2] = {Int32GetDatum(wc_desk_session_idle), Int32GetDatum(SESSIONS_MOST)};
	Datum args[7] = {CStringGetTextDatum(agent), hash_datum(call->new_session), Int32GetDatum(wc_desk_session_max),
					 text_datum(call->client),	 text_datum(call->user_agent),	text_datum(login),
					 hash_datum(call->session)};
	Answer a = {200, NULL, NULL};

	if (wc_run(WC_DESK_OPEN_SESSION, args, NULL) == 0)
		return refusal(401, "locked_out", "You may not use the desk any more.", NULL);
	a.agent = MemoryContextStrdup(answer_context, wc_field_text(0, 1));
	a.body = MemoryContextStrdup(answer_context, wc_field_text(0, 2));
	wc_run(WC_DESK_TIDY, tidy, NULL);
	return a;
}

static Answer
use_link(const wc_desk_call *call)
{
	Datum args = read_args(call->args);

	if (wc_run(WC_DESK_USE_LINK, &args, NULL) == 0)
		return refusal(401, "invalid_link", "The link was used already, or its time is over.", "Ask for another one.");
	return open_session(call, wc_field_text(0, 1), wc_str_from(""));
}

static Answer
challenge_passkey(const wc_desk_call *call)
{
	Answer a = {200, NULL, NULL};

	wc_run(WC_DESK_PASSKEY_CHALLENGE, NULL, NULL);
	a.body = MemoryContextStrdup(answer_context, wc_field_text(0, 1));
	return a;
}

/* What does not sign in uses its challenge up all the same, so it is no error. */
static Answer
use_passkey(const wc_desk_call *call)
{
	Datum args = read_args(call->args);
	bool isnull;

	wc_run(WC_DESK_USE_PASSKEY, &args, NULL);
	(void) wc_field(0, 1, &isnull);
	if (isnull)
		return refusal_in_detail(401, "invalid_passkey", "The passkey was not accepted.", wc_field_text(0, 2),
								 "Try again, or ask for a link.");
	return open_session(call, wc_field_text(0, 1), wc_str_from(""));
}

/* Somebody whom a trusted proxy has signed in. */
static Answer
enter(const wc_desk_call *call)
{
	Datum user = text_datum(call->user);

	if (call->user.len == 0)
		return refusal(401, "unauthorized", "You are not signed in any more.", NULL);
	if (wc_run(WC_DESK_AGENT_OF, &user, NULL) == 0)
		return refusal(
			401, "unknown_user",
			psprintf("The proxy says that you are \"%.*s\", and no agent who may use the desk is called that.",
					 (int) call->user.len, call->user.p),
			"An admin makes an agent of that name, or gives one that login (webchatt.agents).");
	return open_session(call, wc_field_text(0, 1), call->user);
}

/* What can be called in no session, as webchatt_worker: webchatt-net has the same names (desk_api.c). */
static const struct
{
	const char *function;
	Answer (*carry_out)(const wc_desk_call *call);
} of_strangers[] = {
	{"enter", enter},
	{"sign_in", use_link},
	{"passkey_challenge", challenge_passkey},
	{"passkey_sign_in", use_passkey},
};

/* The function of this name; InvalidOid: there is none. */
static Oid
find_function(wc_str name)
{
	Oid type = JSONBOID;
	Oid function;
	uint32 i;

	if (name.len < 1 || name.len > NAME_MOST || name.p[0] == '_')
		return InvalidOid;
	for (i = 0; i < name.len; i++)
	{
		if ((name.p[i] < 'a' || name.p[i] > 'z') && name.p[i] != '_')
			return InvalidOid;
	}
	function = LookupFuncName(
		list_make2(makeString("webchatt"), makeString(psprintf("desk_%.*s", (int) name.len, name.p))), 1, &type, true);
	if (!OidIsValid(function) || get_func_rettype(function) != JSONBOID || get_func_retset(function))
		return InvalidOid;
	return function;
}

/* From here to the transaction's end it is done with the caller's rights. */
static void
become(const Caller *caller)
{
	Oid role = get_role_oid(caller->is_admin ? ADMIN_ROLE : AGENT_ROLE, false);
	Oid user;
	int context;

	GetUserIdAndSecContext(&user, &context);
	(void) set_config_option("webchatt.agent", caller->agent, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	wc_desk_session = caller->session;
	SetUserIdAndSecContext(role, context | SECURITY_LOCAL_USERID_CHANGE);
}

static Answer
call_function(const wc_desk_call *call, const Caller *caller)
{
	Answer a = {200, caller->agent, "{}"};
	Oid function;
	Jsonb *result;
	char *text;

	if (wc_str_equals(call->function, "socket"))
		return a;
	become(caller);
	function = find_function(call->function);
	if (!OidIsValid(function))
		return refusal(404, "not_found", "The desk has no such function.", NULL);
	if (!wc_may_execute(function, GetUserId()))
		return refusal(403, "forbidden", "Only admins may do that.", NULL);
	PushActiveSnapshot(GetTransactionSnapshot());
	result = DatumGetJsonbP(OidFunctionCall1(function, read_args(call->args)));
	text = JsonbToCString(NULL, &result->root, VARSIZE(result));
	PopActiveSnapshot();
	if (strlen(text) > ANSWER_MOST)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the answer is too large")));
	a.body = MemoryContextStrdup(answer_context, text);
	return a;
}

static Answer
choose(const wc_desk_call *call)
{
	Caller caller;

	for (int i = 0; i < lengthof(of_strangers); i++)
	{
		if (wc_str_equals(call->function, of_strangers[i].function))
			return of_strangers[i].carry_out(call);
	}
	if (find_caller(call, &caller))
		return call_function(call, &caller);
	return refusal(401, "unauthorized", "You are not signed in any more.", NULL);
}

/* The whole of it, in so many ms. */
static Answer
carry_out(const wc_desk_call *call, int most_ms)
{
	Answer a;
	XLogRecPtr seen;

	transaction_begin();
	/* an agent may wait longer than a turn may; the time limit ends that, too */
	LockTimeout = 0;
	transaction_time_limit(most_ms);
	a = choose(call);
	transaction_time_limit(0);
	seen = standbys_seen();
	transaction_commit();
	/* what was only read may be of a commit that the standbys do not have yet */
	standbys_wait(seen);
	return a;
}

/* Is it the caller's to mend?  What our functions and the operator's triggers raise by themselves is among it. */
static bool
is_callers(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
		case ERRCODE_FEATURE_NOT_SUPPORTED:
			return true;
		default:
			return sqlstate == ERRCODE_RAISE_EXCEPTION || sqlstate == ERRCODE_DUPLICATE_OBJECT ||
				   sqlstate == ERRCODE_WRONG_OBJECT_TYPE || sqlstate == ERRCODE_RESERVED_NAME;
	}
}

static void
report(const char *what, wc_buf *out)
{
	wc_log m = {WC_LOG_WARNING, wc_str_from(what)};

	(void) wc_write_log(out, &m);
}

/* What an error means to who called.  What is nobody's fault there goes into the log. */
static Answer
answer_error(const wc_desk_call *call, const ErrorData *error, wc_buf *out)
{
	const char *message = clipped(error->message ? error->message : "unknown error");

	switch (error->sqlerrcode)
	{
		case ERRCODE_QUERY_CANCELED:
			return refusal(503, "too_slow", "It took too long.",
						   "webchatt.desk_statement_timeout says how long it may take.");
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
		case ERRCODE_T_R_SERIALIZATION_FAILURE:
			return refusal(503, "busy", "The database could not do it now; try again shortly.", NULL);
		case ERRCODE_INSUFFICIENT_PRIVILEGE:
			return refusal(403, "forbidden", message, error->hint);
		case ERRCODE_UNDEFINED_OBJECT:
		case ERRCODE_NO_DATA:
		case ERRCODE_NO_DATA_FOUND:
			return refusal(404, "not_found", message, error->hint);
		default:
			break;
	}
	if (is_callers(error->sqlerrcode))
	{
		/* What is wrong with a value is said of it in the detail; that of a constraint may show a row. */
		bool of_value = ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_DATA_EXCEPTION;

		return refusal_in_detail(400, "invalid_request", message, of_value ? error->detail : NULL, error->hint);
	}
	report(psprintf("a call of the desk (%.*s) failed: %s", (int) call->function.len, call->function.p, message), out);
	ereport(
		LOG,
		(errcode(error->sqlerrcode),
		 errmsg("webchatt: a call of the desk (%.*s) failed: %s", (int) call->function.len, call->function.p, message),
		 error->detail ? errdetail("%s", error->detail) : 0, error->context ? errcontext("%s", error->context) : 0));
	return refusal(500, "internal_error",
				   "The database could not do it; its operator finds out why in webchatt.status.", NULL);
}

/* Of a call that reads archives: what is not the caller's is why they cannot be read, which the worker tells of. */
static Answer
answer_archive_error(const wc_desk_call *call, const ErrorData *error, wc_buf *out)
{
	Answer a = {ARCHIVE_PAGE_ERROR, NULL, NULL};

	if (error->sqlerrcode == ERRCODE_UNDEFINED_OBJECT || error->sqlerrcode == ERRCODE_INVALID_PARAMETER_VALUE)
		return answer_error(call, error, out);
	a.body = clipped(archive_page_problem(error));
	return a;
}

/* It would have needed more than a process of the desk may have (desk_worker.c). */
static Answer
answer_no_memory(const wc_desk_call *call, wc_buf *out)
{
	report(psprintf("a call of the desk (%.*s) needed too much memory", (int) call->function.len, call->function.p),
		   out);
	return refusal(400, "too_large", "It takes more memory than a call of the desk may have.", "Ask for less.");
}

static void
run(const wc_desk_call *call, int most_ms, Answer (*on_error)(const wc_desk_call *, const ErrorData *, wc_buf *),
	wc_buf *out)
{
	MemoryContext context = CurrentMemoryContext;
	wc_desk_answer m;
	Answer a;

	answer_context = context;
	PG_TRY();
	{
		a = carry_out(call, most_ms);
	}
	PG_CATCH();
	{
		bool no_memory = geterrcode() == ERRCODE_OUT_OF_MEMORY;
		ErrorData *error;

		MemoryContextSwitchTo(context);
		/* there may be none for a copy, before the abort gives it back */
		error = no_memory ? NULL : CopyErrorData();
		FlushErrorState();
		transaction_abort();
		MemoryContextSwitchTo(context);
		a = no_memory ? answer_no_memory(call, out) : on_error(call, error, out);
	}
	PG_END_TRY();
	wc_desk_session = 0;
	m.request = call->request;
	m.http_status = (uint32) a.status;
	m.agent = wc_str_from(a.agent ? a.agent : "");
	m.body = wc_str_from(a.body);
	if (wc_write_desk_answer(out, &m))
		return;
	/* it has no memory for that, but somebody waits */
	wc_buf_free(out);
	m.http_status = 503;
	m.body =
		wc_str_from("{\"errorCode\": \"busy\", \"errorMessage\": \"The database had no memory for the answer; look "
					"whether it was done, and try again.\"}");
	(void) wc_write_desk_answer(out, &m);
}

/*
 * Carry a call out and write its answer: never an error, but the end of the process.  Behind a commit, or when
 * nothing is left of it.
 */
void
desk_run(const wc_desk_call *call, wc_buf *out)
{
	run(call, wc_desk_statement_timeout, answer_error, out);
}

/* The same of a call that reads archives; the answer ARCHIVE_PAGE_ERROR has why that could not be. */
void
desk_run_archived(const wc_desk_call *call, wc_buf *out)
{
	run(call, wc_archive_timeout, answer_archive_error, out);
}
