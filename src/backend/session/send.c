/*
 * send.c
 *	  webchatt.send_message() and what can be done to a message afterwards.
 *
 * These run in the application's session and transaction, as webchatt_worker
 *	  (step_down.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/event_rules.h"
#include "session/known_visitors.h"
#include "session/offer_check.h"
#include "session/send.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/extension_version.h"
#include "shared/file_names.h"
#include "shared/message_id.h"
#include "shared/outbox_append.h"
#include "shared/outbox_lane.h"
#include "shared/row_insert.h"
#include "shared/shmem.h"
#include "shared/statements.h"
#include "shared/step_down.h"

/* Limits, in bytes. */
#define MAX_CONTENT	   (64 * 1024)
#define MAX_DEDUPE_KEY 255

/* Channels that a session remembers. */
#define KNOWN_CHANNELS 256

typedef struct Sending
{
	pg_uuid_t *channel;
	text *visitor;
	Jsonb *content;
	bool is_text;	   /* the content is {"text": ...} and no more */
	text *dedupe_key;  /* NULL: none */
	Interval *expires; /* NULL: never */
	TimestampTz expires_at;
	text *author; /* who answers; NULL: not said */
	bool final;	  /* false: it need not be the answer */
	WcPriority priority;
	int hub_id;
} Sending;

static void
need(bool given, const char *what)
{
	if (!given)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s is NULL", what)));
}

static bool
has_key(Jsonb *content, const char *key)
{
	JsonbValue k;

	k.type = jbvString;
	k.val.string.val = unconstify(char *, key);
	k.val.string.len = strlen(key);
	return findJsonbValueFromContainer(&content->root, JB_FOBJECT, &k) != NULL;
}

static char *
type_of(Jsonb *content)
{
	JsonbValue k;
	JsonbValue *v;

	k.type = jbvString;
	k.val.string.val = "type";
	k.val.string.len = 4;
	v = findJsonbValueFromContainer(&content->root, JB_FOBJECT, &k);
	if (v == NULL || v->type != jbvString)
		return NULL;
	return pnstrdup(v->val.string.val, v->val.string.len);
}

/* Content types that other channels have and Web Chatt has not (doc/hub-contract.md, section 2). */
static const char *
not_on_web_chatt(Jsonb *content)
{
	static const char *const names[][4] = {{"template", "template", "template", "template"},
										   {"payment request", "payment_request", "paymentRequest", "payment-request"},
										   {"order status", "order_status", "orderStatus", "order-status"},
										   {"mark-as-seen", "mark_as_seen", "markAsSeen", "mark-as-seen"}};
	char *type = type_of(content);
	size_t i;
	int j;

	for (i = 0; i < lengthof(names); i++)
	{
		for (j = 1; j < 4; j++)
		{
			if (has_key(content, names[i][j]) || (type != NULL && strcmp(type, names[i][j]) == 0))
				return names[i][0];
		}
	}
	return NULL;
}

static void
check_content(Jsonb *content)
{
	if (!JB_ROOT_IS_OBJECT(content) || JB_ROOT_COUNT(content) == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the content is not a JSON object with something in it"),
						errhint("Send for example '{\"text\": \"Hello\"}' or '{\"imageUrl\": \"https://...\", "
								"\"text\": \"caption\"}'.")));
	if (VARSIZE_ANY_EXHDR(content) > MAX_CONTENT)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the content has %zu bytes", (size_t) VARSIZE_ANY_EXHDR(content)),
						errhint("The most is %d: send media as public URLs.", MAX_CONTENT)));
}

static void
check_kind(const Sending *s, const char *kind)
{
	const char *wrong;

	if (s->is_text || strcmp(kind, "web-chatt2me") != 0)
		return;
	wrong = not_on_web_chatt(s->content);
	if (wrong != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("Web Chatt has no %s messages", wrong),
						errhint("Web Chatt has text, image, video, audio, document, sticker, location, contacts, "
								"interactive, reaction and reply.")));
}

static void
check_arguments(const Sending *s)
{
	if (VARSIZE_ANY_EXHDR(s->visitor) < 1 || VARSIZE_ANY_EXHDR(s->visitor) > WC_MAX_VISITOR_ID)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the visitor's id has %d bytes", (int) VARSIZE_ANY_EXHDR(s->visitor)),
						errhint("It has 1 to %d: take it from webchatt.visitors.id.", WC_MAX_VISITOR_ID)));
	if (s->dedupe_key != NULL &&
		(VARSIZE_ANY_EXHDR(s->dedupe_key) < 1 || VARSIZE_ANY_EXHDR(s->dedupe_key) > MAX_DEDUPE_KEY))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the dedupe key has %d bytes", (int) VARSIZE_ANY_EXHDR(s->dedupe_key)),
						errhint("It has 1 to %d.", MAX_DEDUPE_KEY)));
	if (s->author != NULL && (VARSIZE_ANY_EXHDR(s->author) < 1 || VARSIZE_ANY_EXHDR(s->author) > WC_MAX_AUTHOR))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the author has %d bytes", (int) VARSIZE_ANY_EXHDR(s->author)),
						errhint("It has 1 to %d: the name of an agent or of an application, or NULL.", WC_MAX_AUTHOR)));
	check_content(s->content);
}

/* Now plus the interval, which must lead into the future. */
static TimestampTz
expiry(Interval *expires)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz at = DatumGetTimestampTz(
		DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now), IntervalPGetDatum(expires)));

	if (at <= now)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the message would expire before it is sent"),
						errhint("Give a positive interval, for example interval '2 hours', or NULL for no end.")));
	return at;
}

/* Once a session: nobody will send what is queued. */
static void
warn_without_worker(void)
{
	static bool warned = false;
	bool running = false;

	if (warned)
		return;
	if (wc_shared != NULL)
	{
		WcSlot *slot;

		LWLockAcquire(wc_shared->lock, LW_SHARED);
		slot = wc_slot_of_database(MyDatabaseId);
		running = slot != NULL && slot->worker_pid != 0;
		LWLockRelease(wc_shared->lock);
	}
	if (running)
		return;
	warned = true;
	if (wc_shared == NULL)
		ereport(WARNING, (errmsg("the message is queued, but webchatt is not loaded to send it"),
						  errhint("Add webchatt to shared_preload_libraries and restart the server.")));
	else
		ereport(WARNING, (errmsg("the message is queued, but no webchatt worker runs for this database"),
						  errhint("Add the database to webchatt.databases and reload the configuration.")));
}

/*
 * Channels as this session has looked them up.  A change to webchatt.channels
 * invalidates its relation (see outbox_append.c), and so this.
 */
typedef struct KnownChannel
{
	pg_uuid_t id;
	int hub_id;
	bool local; /* visitors connect to us */
	char kind[65];
} KnownChannel;

static HTAB *known_channels = NULL;
static Oid channels_relation = InvalidOid;

static void
forget_channels(Datum arg, Oid relation)
{
	if (known_channels != NULL && (relation == InvalidOid || relation == channels_relation))
	{
		hash_destroy(known_channels);
		known_channels = NULL;
	}
}

static void
know_channels(void)
{
	static bool registered = false;
	HASHCTL ctl;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(forget_channels, (Datum) 0);
		registered = true;
	}
	channels_relation = wc_relation("channels");
	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(pg_uuid_t);
	ctl.entrysize = sizeof(KnownChannel);
	known_channels = hash_create("webchatt known channels", 16, &ctl, HASH_ELEM | HASH_BLOBS);
}

/* Until the next that may look at an invalidation; NULL: it has to be looked up. */
static KnownChannel *
known_channel(const pg_uuid_t *id)
{
	return known_channels ? hash_search(known_channels, id, HASH_FIND, NULL) : NULL;
}

static KnownChannel
look_channel_up(pg_uuid_t *id)
{
	KnownChannel channel;
	KnownChannel *known = known_channel(id);
	Datum arg = UUIDPGetDatum(id);
	bool isnull;

	if (known != NULL)
		return *known;
	if (known_channels == NULL || hash_get_num_entries(known_channels) >= KNOWN_CHANNELS)
	{
		forget_channels((Datum) 0, InvalidOid);
		know_channels();
	}
	if (wc_run(WC_SEND_CHANNEL, &arg, NULL) == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("there is no channel %s", DatumGetCString(DirectFunctionCall1(uuid_out, arg))),
						errhint("SELECT id, display_name FROM webchatt.channels lists them.")));
	channel.id = *id;
	channel.hub_id = DatumGetInt32(wc_field(0, 1, &isnull));
	strlcpy(channel.kind, wc_field_text(0, 2), sizeof(channel.kind));
	channel.local = DatumGetBool(wc_field(0, 3, &isnull));
	wc_learn_channel_ids(id);
	/* not if it was invalidated while it was read */
	if (known_channels != NULL)
	{
		known = hash_search(known_channels, id, HASH_ENTER, NULL);
		*known = channel;
	}
	return channel;
}

static const WcRowColumn visitor_columns[] = {{"channel_id", UUIDOID}, {"id", TEXTOID}};
static WcRowTarget new_visitor = WC_ROW_TARGET_UNLESS("visitors", visitor_columns, "visitors_pkey");

/* Look the channel up, and see to the visitor's row. */
static void
look_up(Sending *s)
{
	KnownChannel channel = look_channel_up(s->channel);
	Datum args[2] = {UUIDPGetDatum(s->channel), PointerGetDatum(s->visitor)};
	bool nulls[2] = {false, false};

	s->hub_id = channel.hub_id;
	check_kind(s, channel.kind);
	if (channel.local && !s->is_text)
		offer_check(s->content);
	if (known_visitors_find(s->channel, s->visitor))
		return;
	if (channel.local)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("channel %s has no visitor %s", DatumGetCString(DirectFunctionCall1(uuid_out, args[0])),
							   text_to_cstring(s->visitor)),
						errdetail("On a local channel only those can be written to who have connected to it."),
						errhint("Take the visitor from webchatt.visitors or webchatt.inbox.")));
	if (!wc_rows_insert(&new_visitor, args, nulls, 1))
		wc_run(WC_SEND_VISITOR, args, NULL);
}

/* What is given of the row of a message. */
enum
{
	SENT_CHANNEL,
	SENT_ID,
	SENT_VISITOR,
	SENT_CONTENT,
	SENT_EXPIRES,
	SENT_AUTHOR,
	SENT_FINAL,
	SENT_DEDUPE_KEY,
	SENT_VALUES
};

static const WcRowColumn sent_columns[] = {[SENT_CHANNEL] = {"channel_id", UUIDOID},
										   [SENT_ID] = {"id", UUIDOID},
										   [SENT_VISITOR] = {"visitor", TEXTOID},
										   [SENT_CONTENT] = {"content", JSONBOID},
										   [SENT_EXPIRES] = {"expires_at", TIMESTAMPTZOID},
										   [SENT_AUTHOR] = {"author", TEXTOID},
										   [SENT_FINAL] = {"final", BOOLOID},
										   [SENT_DEDUPE_KEY] = {"dedupe_key", TEXTOID},
										   {.name = "direction", .label = "out"},
										   {.name = "status", .label = "queued"}};
static WcRowTarget sent = WC_ROW_TARGET("messages", sent_columns);
static WcRowTarget sent_once = WC_ROW_TARGET_UNLESS("messages", sent_columns, "messages_dedupe_key");

typedef enum Written
{
	NOT_WRITTEN,
	WRITTEN,
	THERE_BEFORE /* by its dedupe key */
} Written;

/*
 * Without a statement; NOT_WRITTEN: nothing was done.  quiet_role: webchatt_worker while we are
 * somebody else, or none.
 */
static Written
write_directly(const Sending *s, const pg_uuid_t *id, Oid quiet_role)
{
	WcRowTarget *target = s->dedupe_key ? &sent_once : &sent;
	Datum values[SENT_VALUES] = {UUIDPGetDatum(s->channel),
								 UUIDPGetDatum(id),
								 PointerGetDatum(s->visitor),
								 JsonbPGetDatum(s->content),
								 TimestampTzGetDatum(s->expires_at),
								 PointerGetDatum(s->author),
								 BoolGetDatum(s->final),
								 PointerGetDatum(s->dedupe_key)};
	bool nulls[SENT_VALUES] = {[SENT_EXPIRES] = s->expires == NULL,
							   [SENT_AUTHOR] = s->author == NULL,
							   [SENT_DEDUPE_KEY] = s->dedupe_key == NULL};

	if (!(OidIsValid(quiet_role) ? wc_rows_insert_as(target, quiet_role, values, nulls, 1)
								 : wc_rows_insert(target, values, nulls, 1)))
		return NOT_WRITTEN;
	return target->there ? THERE_BEFORE : WRITTEN;
}

static bool
write_by_statement(const Sending *s, const pg_uuid_t *id)
{
	Datum args[8] = {UUIDPGetDatum(s->channel),		 UUIDPGetDatum(id),
					 PointerGetDatum(s->visitor),	 JsonbPGetDatum(s->content),
					 PointerGetDatum(s->dedupe_key), TimestampTzGetDatum(s->expires_at),
					 PointerGetDatum(s->author),	 BoolGetDatum(s->final)};
	char nulls[9] = "        ";

	nulls[4] = s->dedupe_key ? ' ' : 'n';
	nulls[5] = s->expires ? ' ' : 'n';
	nulls[6] = s->author ? ' ' : 'n';
	return wc_run(WC_SEND_MESSAGE, args, nulls) > 0;
}

/* Write the message's row; false when its dedupe key was there already, *id then is that one. */
static bool
write_message(const Sending *s, pg_uuid_t *id)
{
	bool nested = wc_own_insert; /* by a trigger of such an insert */
	volatile Written written = NOT_WRITTEN;
	bool isnull;

	wc_own_insert = true;
	PG_TRY();
	{
		written = write_directly(s, id, InvalidOid);
		if (written == NOT_WRITTEN && write_by_statement(s, id))
			written = WRITTEN;
	}
	PG_FINALLY();
	{
		wc_own_insert = nested;
	}
	PG_END_TRY();
	if (written == WRITTEN)
		return true;

	if (s->dedupe_key == NULL)
		ereport(ERROR, (errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
						errmsg("a trigger on webchatt.messages did not let the message be stored"),
						errhint("A BEFORE INSERT trigger returned NULL: have it raise an error that says why, or put "
								"an AFTER trigger in its place.")));
	if (wc_run(WC_SEND_SAME_KEY,
			   ((Datum[]){UUIDPGetDatum(s->channel), PointerGetDatum(s->visitor), PointerGetDatum(s->dedupe_key)}),
			   NULL) == 0)
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("another transaction used the dedupe key at the same time"),
						errhint("Run the transaction again.")));
	*id = *DatumGetUUIDP(wc_field(0, 1, &isnull));
	return false;
}

static void
append(const Sending *s, const pg_uuid_t *id)
{
	wc_outbox_append(wc_outbox_lane(s->hub_id, s->priority), s->final ? 's' : 'n', s->channel,
					 text_to_cstring(s->visitor), id, NULL, s->expires ? &s->expires_at : NULL);
}

/* Files that the content names, of those that are ours: how many. */
static int
files_in(const Sending *s, int most, wc_str **ids)
{
	return wc_file_names(VARDATA_ANY(s->content), VARSIZE_ANY_EXHDR(s->content), most, ids);
}

static void
begin(Sending *s, pg_uuid_t *id)
{
	wc_new_message_id(id);
	if (s->expires)
		s->expires_at = expiry(s->expires);
}

/* Check and queue it, connected to SPI; false: *id is that of the same dedupe key. */
static bool
queue_message(Sending *s, pg_uuid_t *id)
{
	wc_str *files;
	int nfiles;

	check_arguments(s);
	look_up(s);
	begin(s, id);
	if (!write_message(s, id))
		return false;
	nfiles = files_in(s, INT_MAX, &files);
	if (nfiles > 0)
		wc_file_names_note(s->channel, id, files, nfiles);
	append(s, id);
	return true;
}

/*
 * The same where nothing is to be looked up and nobody's code runs, which is mostly so:
 * there is no need to step down then, nor for SPI.  False: nothing was done.
 */
static bool
queue_quickly(Sending *s, pg_uuid_t *id)
{
	KnownChannel *channel = known_channel(s->channel);
	wc_str *files;

	if (channel == NULL || files_in(s, 1, &files) > 0)
		return false;
	check_arguments(s);
	check_kind(s, channel->kind);
	if (channel->local && !s->is_text)
		offer_check(s->content);
	s->hub_id = channel->hub_id;
	if (!known_visitors_find(s->channel, s->visitor))
		return false;
	begin(s, id);
	if (write_directly(s, id, wc_worker_role()) != WRITTEN)
		return false;
	append(s, id);
	return true;
}

bool
send_content(const pg_uuid_t *channel, const char *visitor, Datum content, const SendWishes *wishes, pg_uuid_t *id)
{
	Sending s;

	memset(&s, 0, sizeof(s));
	s.channel = unconstify(pg_uuid_t *, channel);
	s.visitor = cstring_to_text(visitor);
	s.content = DatumGetJsonbP(content);
	s.dedupe_key = wishes->dedupe_key ? cstring_to_text(wishes->dedupe_key) : NULL;
	s.author = wishes->author ? cstring_to_text(wishes->author) : NULL;
	s.final = wishes->final;
	s.priority = wishes->bulk ? WC_PRIORITY_BULK : WC_PRIORITY_LIVE;
	return queue_message(&s, id);
}

/* Is it a channel of the local hub?  Connected to SPI; raises when it is none at all. */
bool
send_channel_is_local(const pg_uuid_t *channel)
{
	return look_channel_up(unconstify(pg_uuid_t *, channel)).local;
}

static Datum
send_it(Sending *s)
{
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	WcOuter outer;

	if (!queue_quickly(s, id))
	{
		wc_step_down(&outer);
		SPI_connect();
		(void) queue_message(s, id);
		SPI_finish();
		wc_step_up(&outer);
	}
	warn_without_worker();
	return UUIDPGetDatum(id);
}

/* "live", "bulk", or NULL: as it comes. */
static WcPriority
priority_of(const text *t)
{
	char *word = t ? text_to_cstring(t) : NULL;

	if (word == NULL)
		return WC_PRIORITY_AUTOMATIC;
	if (strcmp(word, "live") == 0)
		return WC_PRIORITY_LIVE;
	if (strcmp(word, "bulk") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there is no priority \"%s\"", word),
						errhint("'live': it leaves before what is bulk; 'bulk': it lets the others go first; NULL: the "
								"first 256 messages of a transaction are live, the rest is bulk.")));
	return WC_PRIORITY_BULK;
}

static void
common_arguments(FunctionCallInfo fcinfo, Sending *s)
{
	memset(s, 0, sizeof(*s));
	need(!PG_ARGISNULL(0), "the channel");
	need(!PG_ARGISNULL(1), "the visitor");
	need(!PG_ARGISNULL(2), "what is to be sent");
	need(!PG_ARGISNULL(6), "final");
	s->channel = PG_GETARG_UUID_P(0);
	s->visitor = PG_GETARG_TEXT_PP(1);
	s->dedupe_key = PG_ARGISNULL(3) ? NULL : PG_GETARG_TEXT_PP(3);
	s->expires = PG_ARGISNULL(4) ? NULL : PG_GETARG_INTERVAL_P(4);
	s->author = PG_ARGISNULL(5) ? NULL : PG_GETARG_TEXT_PP(5);
	s->final = PG_GETARG_BOOL(6);
	s->priority = priority_of(PG_ARGISNULL(7) ? NULL : PG_GETARG_TEXT_PP(7));
}

/*
 * send_message(channel uuid, visitor text, content jsonb, dedupe_key text,
 * expires interval, author text, final boolean, priority text) → uuid.  Errors: 42704 unknown channel, 22023 what cannot
 * be sent, 54000 too large, 22004 a NULL.  Content types: doc/hub-contract.md, section 2.
 */
WC_FUNCTION(webchatt_send_message)
{
	Sending s;

	common_arguments(fcinfo, &s);
	s.content = PG_GETARG_JSONB_P(2);
	return send_it(&s);
}

/* send_message(channel uuid, visitor text, text text, ...) → uuid */
WC_FUNCTION(webchatt_send_text)
{
	Sending s;
	text *t;
	wc_jsonb_build object = {0};
	JsonbValue k;
	JsonbValue v;

	common_arguments(fcinfo, &s);
	t = PG_GETARG_TEXT_PP(2);
	if (VARSIZE_ANY_EXHDR(t) == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the text is empty"),
						errhint("Send at least one character.")));
	wc_jsonb_push(&object, WJB_BEGIN_OBJECT, NULL);
	k.type = jbvString;
	k.val.string.val = "text";
	k.val.string.len = 4;
	wc_jsonb_push(&object, WJB_KEY, &k);
	v.type = jbvString;
	v.val.string.val = VARDATA_ANY(t);
	v.val.string.len = VARSIZE_ANY_EXHDR(t);
	wc_jsonb_push(&object, WJB_VALUE, &v);
	wc_jsonb_push(&object, WJB_END_OBJECT, NULL);
	s.content = JsonbValueToJsonb(object.result);
	s.is_text = true;
	return send_it(&s);
}

static void
channel_and_id(FunctionCallInfo fcinfo, Datum args[2])
{
	need(!PG_ARGISNULL(0), "the channel");
	need(!PG_ARGISNULL(1), "the message's id");
	args[0] = PG_GETARG_DATUM(0);
	args[1] = PG_GETARG_DATUM(1);
}

/* cancel_message(channel uuid, id uuid) → boolean */
WC_FUNCTION(webchatt_cancel_message)
{
	Datum args[2];
	WcOuter outer;
	bool done;
	bool isnull;
	bool was_held = true;

	channel_and_id(fcinfo, args);
	wc_step_down(&outer);
	SPI_connect();
	done = wc_run(WC_CANCEL, args, NULL) > 0;
	if (done)
	{
		char *visitor = wc_field_text(0, 1);
		bool wanted = DatumGetBool(wc_field(0, 2, &isnull));
		int hub_id = DatumGetInt32(wc_field(0, 3, &was_held));

		if (wanted)
			wc_outbox_append(0, 'e', DatumGetUUIDP(args[0]), visitor, DatumGetUUIDP(args[1]), NULL, NULL);
		/* of one that is held the worker has only to say so */
		wc_outbox_append(was_held ? 0 : WC_BULK_LANE(hub_id), 'k', DatumGetUUIDP(args[0]), visitor,
						 DatumGetUUIDP(args[1]), NULL, NULL);
	}
	SPI_finish();
	wc_step_up(&outer);
	PG_RETURN_BOOL(done);
}

/* retry_message(channel uuid, id uuid) → boolean */
WC_FUNCTION(webchatt_retry_message)
{
	Datum args[2];
	WcOuter outer;
	bool done;

	channel_and_id(fcinfo, args);
	wc_step_down(&outer);
	SPI_connect();
	done = wc_run(WC_RETRY, args, NULL) > 0;
	if (done)
	{
		bool isnull;
		bool no_expiry;
		TimestampTz expires = DatumGetTimestampTz(wc_field(0, 3, &no_expiry));

		/* behind the order of its cancellation, if there is one */
		wc_outbox_append(WC_BULK_LANE(DatumGetInt32(wc_field(0, 1, &isnull))),
						 DatumGetBool(wc_field(0, 4, &isnull)) ? 's' : 'n', DatumGetUUIDP(args[0]), wc_field_text(0, 2),
						 DatumGetUUIDP(args[1]), NULL, no_expiry ? NULL : &expires);
	}
	SPI_finish();
	wc_step_up(&outer);
	if (done)
		warn_without_worker();
	PG_RETURN_BOOL(done);
}
