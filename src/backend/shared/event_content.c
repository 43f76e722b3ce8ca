/*
 * event_content.c
 *	  From an event's body to the jsonb values of its row.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "shared/event_content.h"

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

/*
 * The content and the fields that webchatt does not know, as the columns of
 * webchatt.messages have them.  Raises what jsonb_in() does.
 */
void
wc_event_content(const wc_event *event, Datum *content, Datum *extra, bool *no_extra)
{
	Datum text = CStringGetDatum(pnstrdup(event->body.p, event->body.len));
	Jsonb *body = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, text));
	JsonbValue *value = JB_ROOT_IS_OBJECT(body) ? member(body, "content") : NULL;

	if (value == NULL)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the event has no content")));
	*content = JsonbPGetDatum(JsonbValueToJsonb(value));
	find_extra(body, extra, no_extra);
}
