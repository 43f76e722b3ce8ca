/*
 * ingest.c
 *	  webchatt.ingest(): a hub's event by webchatt-net's rules, for other
 *	  front ends; and bringing back what was rejected.
 */
#include "postgres.h"

#include <time.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "common/event_rules.h"
#include "common/json_text.h"
#include "common/signature.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/event_writer.h"
#include "shared/extension_version.h"
#include "shared/feed_wanted.h"
#include "shared/outbox_append.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "shared/step_down.h"

static void
refuse(const char *reason)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("this is not an event: %s", reason),
					errhint("Give the request's body exactly as the hub sent it.")));
}

/* A number as webchatt-net's parser has it; the mended text has none that is too large. */
static double
number_of(Numeric n)
{
	return strtod(DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(n))), NULL);
}

static wc_json_field
field_of(Jsonb *body, const char *text, const char *key)
{
	wc_json_field f;
	JsonbValue k;
	JsonbValue *v;

	memset(&f, 0, sizeof(f));
	k.type = jbvString;
	k.val.string.val = unconstify(char *, key);
	k.val.string.len = strlen(key);
	v = findJsonbValueFromContainer(&body->root, JB_FOBJECT, &k);
	if (v == NULL || v->type == jbvNull)
		f.type = WC_JSON_ABSENT;
	else if (v->type == jbvString)
	{
		f.type = WC_JSON_STRING;
		f.string.p = v->val.string.val;
		f.string.len = v->val.string.len;
	}
	else if (v->type == jbvNumeric)
	{
		f.type = WC_JSON_NUMBER;
		f.number = number_of(v->val.numeric);
		(void) wc_json_member(text, strlen(text), key, &f.string);
	}
	else if (v->type == jbvBinary && JsonContainerIsObject(v->val.binary.data))
		f.type = WC_JSON_OBJECT;
	else
		f.type = WC_JSON_OTHER;
	return f;
}

static bool
parse_jsonb(const char *body, Jsonb **out)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool ok = true;

	PG_TRY();
	{
		*out = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(body)));
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION &&
			ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			PG_RE_THROW();
		FlushErrorState();
		ok = false;
	}
	PG_END_TRY();
	return ok;
}

/*
 * Take the event out of the body.  False, and reason says why: it is none, which
 * webchatt-net answers 400 to, or keeps.
 */
static bool
parse_event(const char *body, const uint8 *expected, wc_event *event, char scratch[32], char reason[WC_REASON_SIZE])
{
	wc_event_fields fields;
	Jsonb *j;

	memset(event, 0, sizeof(*event));
	body = wc_events_mended(body, strlen(body));
	if (!wc_json_shallow(body, strlen(body)))
		strlcpy(reason, "it is nested too deeply", WC_REASON_SIZE);
	else if (!parse_jsonb(body, &j))
		strlcpy(reason, "it is not JSON", WC_REASON_SIZE);
	else if (!JB_ROOT_IS_OBJECT(j))
		strlcpy(reason, "it is not a JSON object", WC_REASON_SIZE);
	else
	{
		fields.event_type = field_of(j, body, "eventType");
		fields.channel_id = field_of(j, body, "channelId");
		fields.message_id = field_of(j, body, "messageId");
		fields.from = field_of(j, body, "from");
		fields.timestamp = field_of(j, body, "timestamp");
		fields.channel = field_of(j, body, "channel");
		fields.content = field_of(j, body, "content");
		fields.status = field_of(j, body, "status");
		fields.error_code = field_of(j, body, "errorCode");
		fields.error_message = field_of(j, body, "errorMessage");
		event->body = wc_str_from(body);
		return wc_event_check(&fields, expected, event, scratch, reason);
	}
	return false;
}

/* The channel that an event belongs to, when the caller does not say. */
static pg_uuid_t *
channel_of(const wc_event *event)
{
	static const uint8 zeros[16];
	pg_uuid_t *channel = palloc(sizeof(pg_uuid_t));
	Datum arg;
	bool isnull;

	memcpy(channel->data, event->channel, 16);
	if (memcmp(event->channel, zeros, 16) != 0)
		return channel;
	arg = PointerGetDatum(cstring_to_text_with_len(event->message_id.p, event->message_id.len));
	if (wc_run(WC_INGEST_CHANNEL_OF, &arg, NULL) == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("the status does not say which channel it belongs to, and its message is not known"),
						errhint("Give the channel: webchatt.ingest(body, signature, channel).")));
	*channel = *DatumGetUUIDP(wc_field(0, 1, &isnull));
	return channel;
}

static void
add_secret(wc_secret *secrets, int *n, const char *secret, int64 until)
{
	if (secret == NULL || *n >= WC_MAX_SECRETS)
		return;
	secrets[*n].secret = wc_str_from(secret);
	secrets[*n].valid_until = until;
	(*n)++;
}

/* webchatt-net's rule for signatures; raises what that answers 401 and 404 to. */
static void
check_signature(const pg_uuid_t *channel, const char *body, text *signature)
{
	wc_secret secrets[WC_MAX_SECRETS];
	int nsecrets = 0;
	bool accept_unsigned = false;
	Datum arg = UUIDPGetDatum(channel);
	uint64 n = wc_run(WC_INGEST_SECRETS, &arg, NULL);
	uint64 i;
	wc_signature_verdict verdict;

	if (n == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("there is no channel %s", DatumGetCString(DirectFunctionCall1(uuid_out, arg))),
						errhint("SELECT id, display_name FROM webchatt.channels lists them.")));
	for (i = 0; i < n; i++)
	{
		bool isnull;
		Datum until = wc_field(i, 4, &isnull);

		add_secret(secrets, &nsecrets, wc_field_text(i, 1), 0);
		add_secret(secrets, &nsecrets, wc_field_text(i, 2), isnull ? 1 : DatumGetInt64(until));
		if (DatumGetBool(wc_field(i, 3, &isnull)))
			accept_unsigned = true;
	}
	if (nsecrets > 0)
		accept_unsigned = false; /* as webchatt-net has it: see config.c */
	verdict = wc_signature_verify(secrets, nsecrets, accept_unsigned, signature ? VARDATA_ANY(signature) : NULL,
								  signature ? VARSIZE_ANY_EXHDR(signature) : 0, body, strlen(body), (int64) time(NULL),
								  wc_signature_tolerance);
	if (verdict != WC_SIG_GOOD)
		ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
						errmsg("the event is refused: %s", wc_signature_reason(verdict)),
						errhint("Give the value of the header X-hub-Signature, and the body byte for byte; the secret "
								"is set by webchatt.set_webhook_secret().")));
}

/*
 * Webhooks and links are to hear of it too.  The worker publishes; where a trigger
 * of its own got here, it has.
 */
static void
tell(const wc_event *event, pg_uuid_t message)
{
	Datum channel = UUIDPGetDatum((const pg_uuid_t *) event->channel);

	if (event->kind == WC_EVENT_STATUS && !wc_uuid_parse(event->message_id.p, event->message_id.len, message.data))
		return;
	if (!wc_feed_wanted() && wc_run(WC_WANTS_EVENTS, &channel, NULL) > 0)
		wc_outbox_append(0, 'e', (const pg_uuid_t *) event->channel, NULL, &message, NULL, NULL);
}

/* Write one event, in the caller's transaction. */
static const char *
write_event(wc_event *event)
{
	WcShowedUp showed_up = {wc_column(UUIDOID, 1), wc_column(TEXTOID, 1)};
	pg_uuid_t message;
	uint64 written = wc_events_write(&event, 1, WC_REPEATS_EXPECTED, &message, &showed_up);
	int i;

	if (written > 0)
		tell(event, message);
	for (i = 0; i < showed_up.channels->n; i++)
		wc_outbox_append(0, 'v', DatumGetUUIDP(showed_up.channels->values[i]),
						 TextDatumGetCString(showed_up.visitors->values[i]),
						 event->kind == WC_EVENT_MESSAGE && written > 0 ? &message : NULL, NULL, NULL);
	return written > 0 ? "stored" : "repeat";
}

/* What is no event is kept where the signature shows that it is the hub's, as webchatt-net does. */
static const char *
keep_unreadable(const char *body, const pg_uuid_t *channel, wc_event *event, const char *reason)
{
	memset(event, 0, sizeof(*event));
	event->kind = WC_EVENT_UNREADABLE;
	memcpy(event->channel, channel->data, 16);
	event->error_message = wc_str_from(reason);
	event->body = wc_str_from(body);
	wc_events_keep_unreadable(event);
	return "rejected";
}

/*
 * ingest(body text, signature text, channel uuid) → text.  Errors: 22023 what
 * webchatt-net answers 400 to, 28000 what it answers 401 to, 42704 unknown
 * channel, 54000 too large; and whatever the application's triggers raise.
 */
WC_FUNCTION(webchatt_ingest)
{
	text *signature = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	pg_uuid_t *channel = PG_ARGISNULL(2) ? NULL : PG_GETARG_UUID_P(2);
	wc_event event;
	char scratch[32];
	char reason[WC_REASON_SIZE];
	bool readable;
	char *body;
	const char *result;
	WcOuter outer;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the event's body is NULL")));
	body = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (strlen(body) > (size_t) wc_max_body_size * 1024)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the event has %zu bytes", strlen(body)),
						errhint("webchatt.max_body_size allows %d kB.", wc_max_body_size)));
	wc_step_down(&outer);
	SPI_connect();
	if (channel != NULL)
		check_signature(channel, body, signature);
	readable = parse_event(body, channel ? channel->data : NULL, &event, scratch, reason);
	if (!readable && (channel == NULL || signature == NULL || wc_event_is_anothers(&event, channel->data)))
		refuse(reason);
	if (channel == NULL)
	{
		channel = channel_of(&event);
		check_signature(channel, body, signature);
		memcpy(event.channel, channel->data, 16);
	}
	result = readable ? write_event(&event) : keep_unreadable(body, channel, &event, reason);
	SPI_finish();
	wc_step_up(&outer);
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

/* retry_reject(id bigint) → text */
WC_FUNCTION(webchatt_retry_reject)
{
	Datum id = PG_GETARG_DATUM(0);
	static const pg_uuid_t nowhere;
	pg_uuid_t channel;
	bool placed;
	wc_event event;
	char scratch[32];
	char reason[WC_REASON_SIZE];
	const char *result;
	bool isnull;
	WcOuter outer;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	wc_step_down(&outer);
	SPI_connect();
	if (wc_run(WC_FIND_REJECT, &id, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no reject " INT64_FORMAT, DatumGetInt64(id)),
				 errhint("SELECT id, reason FROM webchatt.rejects lists them.")));
	channel = *DatumGetUUIDP(wc_field(0, 1, &isnull));
	/* what a hub sent to its own endpoint says itself where it belongs, once it can be read */
	placed = memcmp(&channel, &nowhere, sizeof(channel)) != 0;
	if (!parse_event(wc_field_text(0, 2), placed ? channel.data : NULL, &event, scratch, reason))
		refuse(reason);
	if (!placed)
		channel = *channel_of(&event);
	memcpy(event.channel, channel.data, 16);
	result = write_event(&event);
	wc_run(WC_DROP_REJECT, &id, NULL);
	SPI_finish();
	wc_step_up(&outer);
	PG_RETURN_TEXT_P(cstring_to_text(result));
}
