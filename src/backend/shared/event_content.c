/*
 * event_content.c
 *	  From an event's body to the jsonb values of its row.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "common/event_rules.h"
#include "shared/event_content.h"
#include "shared/flat_jsonb.h"

/* The fields that have columns of their own, or say what the event is; insert_messages has them too. */
static const char *const known[] = {"eventType", "channelId", "messageId", "from", "timestamp", "channel", "content"};

static JsonbValue *
member(Jsonb *object, const char *name)
{
	return getKeyJsonValueFromContainer(&object->root, name, (int) strlen(name), NULL);
}

/* What is left of the body without what is known; no_extra: nothing. */
static void
find_extra(Jsonb *body, Datum *extra, bool *no_extra)
{
	Datum names[lengthof(known)];
	uint32 found = 0;
	size_t i;

	for (i = 0; i < lengthof(known); i++)
		found += member(body, known[i]) != NULL;
	*no_extra = found == JB_ROOT_COUNT(body);
	*extra = (Datum) 0;
	if (*no_extra)
		return;
	for (i = 0; i < lengthof(known); i++)
		names[i] = CStringGetTextDatum(known[i]);
	*extra =
		DirectFunctionCall2(jsonb_delete_array, JsonbPGetDatum(body),
							PointerGetDatum(construct_array(names, lengthof(known), TEXTOID, -1, false, TYPALIGN_INT)));
}

/* A JSON string. */
static void
append_string(StringInfo out, wc_str s)
{
	escape_json(out, pnstrdup(s.p, s.len));
}

/*
 * The whole event: its body, or what it would be if a hub had sent the visitor's
 * message (doc/hub-contract.md, section 3).
 */
wc_str
wc_event_body(const wc_event *event)
{
	char channel[37];
	StringInfoData out;

	if (event->kind != WC_EVENT_MESSAGE || event->content_len == 0 || event->content_len < event->body.len)
		return event->body;
	wc_uuid_print(event->channel, channel);
	initStringInfo(&out);
	appendStringInfo(&out, "{\"eventType\":\"Message\",\"channelId\":\"%s\",\"messageId\":", channel);
	append_string(&out, event->message_id);
	appendStringInfoString(&out, ",\"from\":");
	append_string(&out, event->visitor);
	appendStringInfo(&out, ",\"timestamp\":" INT64_FORMAT ",\"channel\":", event->at_us / USECS_PER_SEC);
	append_string(&out, event->channel_type);
	appendStringInfoString(&out, ",\"content\":");
	appendBinaryStringInfo(&out, event->body.p, (int) event->body.len);
	appendStringInfoChar(&out, '}');
	return (wc_str){out.data, (uint32) out.len};
}

static Jsonb *
parse(wc_str text)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(text.p, text.len))));
}

/*
 * The content and the fields that webchatt does not know, as the columns of
 * webchatt.messages have them.  Raises what jsonb_in() does.
 */
void
wc_event_content(const wc_event *event, Datum *content, Datum *extra, bool *no_extra)
{
	Jsonb *body;
	JsonbValue *value;

	if (event->content_len > 0 && !event->extra)
	{
		wc_str text = {event->body.p + event->content_at, event->content_len};

		body = wc_flat_jsonb(text);
		*content = JsonbPGetDatum(body != NULL ? body : parse(text));
		*extra = (Datum) 0;
		*no_extra = true;
		return;
	}
	body = parse(wc_event_body(event));
	value = JB_ROOT_IS_OBJECT(body) ? member(body, "content") : NULL;
	if (value == NULL)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the event has no content")));
	*content = JsonbPGetDatum(JsonbValueToJsonb(value));
	find_extra(body, extra, no_extra);
}
