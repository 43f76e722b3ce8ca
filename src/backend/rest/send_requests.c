/*
 * send_requests.c
 *	  Messages that come by the REST API at home, or are taken back by it, until their commit.
 *
 * They become rows as send_message() makes them, each in a savepoint, since what
 * one of them meets (a content that is refused, a trigger that raises) is its
 * sender's affair alone.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "common/event_rules.h"
#include "rest/send_requests.h"
#include "session/retract.h"
#include "session/send.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/message_id.h"
#include "shared/statements.h"
#include "shared/valid_text.h"
#include "turn/config.h"
#include "turn/frame_memory.h"
#include "turn/savepoint.h"

/* Sends that one turn writes, and the time in ms after which it takes no more. */
#define SENDS_MOST 256
#define SENDS_MS   200

typedef struct ApiSend
{
	dlist_node node;
	wc_api_send said;
	bool retract; /* the message; of what was said only request and channel count */
	bool done;	  /* in this turn */
	uint8 result; /* wc_api_result */
	pg_uuid_t message;
	char *text; /* in the turn's context */
	char bytes[FLEXIBLE_ARRAY_MEMBER];
} ApiSend;

static dlist_head sends = DLIST_STATIC_INIT(sends);
static int nsends = 0;

/* Take a send; false when it is none. */
bool
send_requests_accept(const wc_frame *frame)
{
	wc_frame copy;
	ApiSend *s = frame_memory_keep(offsetof(ApiSend, bytes), frame, &copy);
	bool right;

	right = wc_read_api_send(&copy, &s->said);
	if (right)
	{
		wc_str texts[] = {s->said.dedupe_key, s->said.author, s->said.content};

		right = wc_texts_are_valid(texts, lengthof(texts));
	}
	if (!right)
	{
		frame_memory_free(s);
		return false;
	}
	dlist_push_tail(&sends, &s->node);
	nsends++;
	return true;
}

/* A message is to be taken back; in order with the sends. */
bool
send_requests_accept_retract(const wc_frame *frame)
{
	ApiSend *s = frame_memory_hold(sizeof(ApiSend));
	wc_api_retract m;

	if (!wc_read_api_retract(frame, &m))
	{
		frame_memory_free(s);
		return false;
	}
	s->retract = true;
	s->said.request = m.request;
	memcpy(s->said.channel, m.channel, sizeof(m.channel));
	memcpy(s->message.data, m.message, sizeof(m.message));
	dlist_push_tail(&sends, &s->node);
	nsends++;
	return true;
}

static int
send_requests_pending(void)
{
	return nsends;
}

/* A NUL-terminated copy; NULL of nothing. */
static char *
copy_text(wc_str s)
{
	return s.len > 0 ? pnstrdup(s.p, s.len) : NULL;
}

/*
 * The sender's key, or one of our own: what begins like this came by the API, and
 * the API's users are told what becomes of it.
 */
static char *
key_of(const ApiSend *s)
{
	pg_uuid_t id;
	char text[37];

	if (s->said.dedupe_key.len > 0 || s->said.only_known)
		return copy_text(s->said.dedupe_key);
	wc_new_message_id(&id);
	wc_uuid_print(id.data, text);
	return psprintf("api:#%s", text);
}

/* What the sender is told of a message that is here: REPEAT or ENDED; NOT_KNOWN. */
static wc_api_result
look_for_key(ApiSend *s, const char *visitor, const char *dedupe_key)
{
	Datum args[3] = {UUIDPGetDatum((pg_uuid_t *) s->said.channel), CStringGetTextDatum(visitor), 0};
	Datum ended;
	bool isnull;

	if (dedupe_key == NULL)
		return WC_API_NOT_KNOWN;
	args[2] = CStringGetTextDatum(dedupe_key);
	if (wc_run(WC_SEND_SAME_KEY, args, NULL) == 0)
		return WC_API_NOT_KNOWN;
	s->message = *DatumGetUUIDP(wc_field(0, 1, &isnull));
	ended = wc_field(0, 2, &isnull);
	if (isnull)
		return WC_API_REPEAT;
	s->text = MemoryContextStrdup(frame_memory_of_turn, TextDatumGetCString(ended));
	return WC_API_ENDED;
}

static void
send_step(void *arg)
{
	ApiSend *s = arg;
	char visitor[37];
	SendWishes wishes = {key_of(s), copy_text(s->said.author), !s->said.interim, s->said.bulk};
	Datum content;

	wc_uuid_print(s->said.visitor, visitor);
	if (s->said.only_known)
	{
		s->result = look_for_key(s, visitor, wishes.dedupe_key);
		return;
	}
	content = DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(s->said.content.p, s->said.content.len)));
	s->result = send_content((pg_uuid_t *) s->said.channel, visitor, content, &wishes, &s->message)
					? WC_API_QUEUED
					: look_for_key(s, visitor, wishes.dedupe_key);
}

static void
retract_step(void *arg)
{
	ApiSend *s = arg;

	s->result = retract_message((pg_uuid_t *) s->said.channel, &s->message) ? WC_API_QUEUED : WC_API_NOT_KNOWN;
}

/* What the sender is told of an error. */
static void
refuse(ApiSend *s, const ErrorData *error)
{
	if (!s->retract)
		memset(&s->message, 0, sizeof(s->message));
	s->text = error->message ? MemoryContextStrdup(frame_memory_of_turn, error->message) : NULL;
	if (savepoint_error_is_transient(error) || error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		s->result = WC_API_BUSY;
	else if (error->sqlerrcode == ERRCODE_UNDEFINED_OBJECT)
		s->result = WC_API_NO_VISITOR;
	else
		s->result = WC_API_INVALID;
}

/* Write what waits. */
void
send_requests_apply(void)
{
	TimestampTz began = wc_clock();
	int n = 0;
	dlist_iter iter;

	dlist_foreach(iter, &sends)
	{
		ApiSend *s = dlist_container(ApiSend, node, iter.cur);
		const ConfigChannel *channel = config_channel(s->said.channel);
		ErrorData *error;

		if (n++ == SENDS_MOST)
			break;
		s->text = NULL;
		if (channel == NULL || !channel->local)
			s->result = WC_API_NO_CHANNEL;
		else if ((error = savepoint_try(s->retract ? retract_step : send_step, s, LOCK_WAIT_BLOCKED_MS)) != NULL)
			refuse(s, error);
		s->done = true;
		/* everybody waits with a slow trigger */
		if (TimestampDifferenceExceeds(began, wc_clock(), SENDS_MS))
			break;
	}
}

/* The turn is committed: answer. */
void
send_requests_commit(wc_buf *out)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &sends)
	{
		ApiSend *s = dlist_container(ApiSend, node, iter.cur);
		wc_api_done m;

		if (!s->done)
			break;
		m.request = s->said.request;
		m.result = s->result;
		memcpy(m.message, s->message.data, sizeof(m.message));
		m.text = wc_str_from(s->text ? s->text : "");
		(void) wc_write_api_done(out, &m);
		dlist_delete(&s->node);
		frame_memory_free(s);
		nsends--;
	}
}

/* The turn is undone: everything waits as before. */
static void
send_requests_rollback(const ErrorData *error)
{
	dlist_iter iter;

	dlist_foreach(iter, &sends) dlist_container(ApiSend, node, iter.cur)->done = false;
}

/* webchatt-net is gone, and with it whoever waits for an answer. */
static void
send_requests_forget(void)
{
	while (!dlist_is_empty(&sends))
		frame_memory_free(dlist_container(ApiSend, node, dlist_pop_head_node(&sends)));
	nsends = 0;
}

static bool
send_requests_ready(TimestampTz now)
{
	return nsends > 0;
}

const TurnPart send_requests_part = {
	.pending = send_requests_pending,
	.ready = send_requests_ready,
	.rollback = send_requests_rollback,
	.net_lost = send_requests_forget,
	.reset = send_requests_forget,
};
