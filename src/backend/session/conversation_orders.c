/*
 * conversation_orders.c
 *	  webchatt.close_conversation() and the like, and that notes to colleagues changed.
 *
 * They write a work order, which the worker carries out once it is committed: it alone
 * writes webchatt.conversations, so that an agent never waits for a visitor, nor a
 * visitor for an agent.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/event_rules.h"
#include "session/send.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/extension_version.h"
#include "shared/message_id.h"
#include "shared/outbox_append.h"
#include "shared/statements.h"
#include "shared/step_down.h"

/* In bytes, as of messages.author. */
#define MAX_ASSIGNEE 255

/* Of a name, in bytes. */
#define MAX_CLOSER 255

/* The newest message that the caller can see, up to the given one (NULL: of all).  Connected to SPI. */
static pg_uuid_t
newest_message(const pg_uuid_t *channel, text *visitor, const pg_uuid_t *upto)
{
	Datum args[3] = {UUIDPGetDatum(channel), PointerGetDatum(visitor), UUIDPGetDatum(upto)};
	const char *nulls = upto == NULL ? "  n" : "   ";
	bool isnull;

	/* raises where there is no such channel */
	(void) send_channel_is_local(channel);
	if (wc_run(WC_NEWEST_MESSAGE, args, nulls) > 0)
		return *DatumGetUUIDP(wc_field(0, 1, &isnull));
	if (upto != NULL && wc_run(WC_NEWEST_MESSAGE, args, "  n") > 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the conversation has no message up to %s",
							   DatumGetCString(DirectFunctionCall1(uuid_out, args[2]))),
						errhint("Give the id of a message of it, from webchatt.conversation(), or NULL for all.")));
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
					errmsg("channel %s has no conversation with visitor %s",
						   DatumGetCString(DirectFunctionCall1(uuid_out, args[0])), text_to_cstring(visitor)),
					errhint("Take channel_id and visitor from webchatt.inbox.")));
}

static void
check_visitor_id(const text *visitor)
{
	if (VARSIZE_ANY_EXHDR(visitor) < 1 || VARSIZE_ANY_EXHDR(visitor) > WC_MAX_VISITOR_ID)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the visitor's id has %d bytes", (int) VARSIZE_ANY_EXHDR(visitor)),
						errhint("It has 1 to %d: take it from webchatt.inbox.", WC_MAX_VISITOR_ID)));
}

/* Write the order, with the newest message, which says of what conversation it is.  Both must have been given. */
static void
order(FunctionCallInfo fcinfo, char op, const pg_uuid_t *upto, const char *note)
{
	pg_uuid_t newest;
	text *visitor;
	WcOuter outer;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the %s is NULL", PG_ARGISNULL(0) ? "channel" : "visitor")));
	visitor = PG_GETARG_TEXT_PP(1);
	check_visitor_id(visitor);
	wc_step_down(&outer);
	SPI_connect();
	newest = newest_message(PG_GETARG_UUID_P(0), visitor, upto);
	wc_outbox_append_note(0, op, PG_GETARG_UUID_P(0), text_to_cstring(visitor), &newest, NULL, NULL, note);
	SPI_finish();
	wc_step_up(&outer);
}

/* When, in microseconds since 1970, and by whom: the desk's agent, or the role. */
static char *
closing(void)
{
	const char *who = GetConfigOption("webchatt.agent", true, false);
	const int64 epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

	if (who == NULL || who[0] == '\0')
		who = GetUserNameFromId(GetUserId(), true);
	if (who == NULL)
		who = "";
	return psprintf(INT64_FORMAT " %.*s", GetCurrentTimestamp() + epoch,
					pg_mbcliplen(who, (int) strlen(who), MAX_CLOSER), who);
}

/*
 * close_conversation(channel uuid, visitor text, upto uuid) → void.  The order carries the newest message that
 * the caller could see, so what comes behind it keeps the conversation open, whoever commits first.  Errors:
 * 42704 unknown channel or conversation, 22023 no message up to that one, 22004 a NULL.
 */
WC_FUNCTION(webchatt_close_conversation)
{
	order(fcinfo, 'l', PG_ARGISNULL(2) ? NULL : PG_GETARG_UUID_P(2), closing());
	PG_RETURN_VOID();
}

/* reopen_conversation(channel uuid, visitor text) → void.  Errors: 42704, 22023, 22004, as above. */
WC_FUNCTION(webchatt_reopen_conversation)
{
	order(fcinfo, 'o', NULL, NULL);
	PG_RETURN_VOID();
}

/* assign_conversation(channel uuid, visitor text, assignee text) → void; NULL: nobody's.  Errors as above. */
WC_FUNCTION(webchatt_assign_conversation)
{
	text *assignee = PG_ARGISNULL(2) ? NULL : PG_GETARG_TEXT_PP(2);

	if (assignee != NULL && (VARSIZE_ANY_EXHDR(assignee) < 1 || VARSIZE_ANY_EXHDR(assignee) > MAX_ASSIGNEE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the assignee has %d bytes", (int) VARSIZE_ANY_EXHDR(assignee)),
				 errhint("It has 1 to %d: the name of an agent or of a team, or NULL for nobody.", MAX_ASSIGNEE)));
	order(fcinfo, 'a', NULL, assignee ? text_to_cstring(assignee) : NULL);
	PG_RETURN_VOID();
}

/*
 * _conversation_changed(channel uuid, visitor text) → void: who looks at it reads it again.  Something that is
 * no message changed, so nothing else comes of the order.  Errors: 22023.
 */
WC_FUNCTION(webchatt_conversation_changed)
{
	text *visitor = PG_GETARG_TEXT_PP(1);
	WcOuter outer;

	check_visitor_id(visitor);
	wc_step_down(&outer);
	SPI_connect();
	wc_outbox_append(0, 't', PG_GETARG_UUID_P(0), text_to_cstring(visitor), NULL, NULL, NULL);
	SPI_finish();
	wc_step_up(&outer);
	PG_RETURN_VOID();
}

/* _conversation_gone(channel uuid, visitor text): the worker looks how it stands, at commit. */
WC_FUNCTION(webchatt_conversation_gone)
{
	text *visitor = PG_GETARG_TEXT_PP(1);
	WcOuter outer;

	check_visitor_id(visitor);
	wc_step_down(&outer);
	SPI_connect();
	wc_outbox_append(0, 'p', PG_GETARG_UUID_P(0), text_to_cstring(visitor), NULL, NULL, NULL);
	SPI_finish();
	wc_step_up(&outer);
	PG_RETURN_VOID();
}

/* _new_message_id(channel uuid) → uuid: version 7, behind those of the channel's messages. */
WC_FUNCTION(webchatt_new_message_id)
{
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	WcOuter outer;

	wc_step_down(&outer);
	SPI_connect();
	wc_learn_channel_ids(PG_GETARG_UUID_P(0));
	SPI_finish();
	wc_step_up(&outer);
	wc_new_message_id(id);
	PG_RETURN_UUID_P(id);
}
