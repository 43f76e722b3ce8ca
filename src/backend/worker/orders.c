/*
 * orders.c
 *	  Work orders for the worker itself: the configuration changed, a visitor
 *	  showed up elsewhere, messages were inserted by other means than ours, what a
 *	  visitor wrote was read, sessions of visitors and of agents are ended, webhooks and links are to be told something,
 *	  conversations are closed, opened again and assigned, visitors were deleted, or their tokens, and
 *	  messages were taken back.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "common/event_rules.h"
#include "conversations/conversations.h"
#include "conversations/erasures.h"
#include "feed/feed.h"
#include "feed/feed_orders.h"
#include "outbound/outbox_reader.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/event_writer.h"
#include "shared/statements.h"
#include "turn/changes.h"
#include "turn/config.h"
#include "turn/connected.h"
#include "turn/report.h"
#include "worker/orders.h"

/* Orders read in one turn. */
#define CONTROL_PAGE 1000

static OutboxReader *reader = NULL;
static wc_buf pushes; /* this turn's, for visitors' sessions */
static wc_buf agains; /* what ends them, behind that */

typedef struct Reading
{
	Orders *orders;
	WcShowedUp *showed_up;
	bool tokens_gone;
} Reading;

/* What a visitor wrote was read: tell the visitor's clients. */
static void
push_read(const OutboxRow *row)
{
	const ConfigChannel *channel = row->channel ? config_channel(row->channel->data) : NULL;
	wc_status m;

	if (channel == NULL || !channel->local || row->message == NULL || row->visitor == NULL ||
		!wc_uuid_parse(row->visitor, strlen(row->visitor), m.visitor))
		return;
	memcpy(m.channel, row->channel->data, 16);
	memcpy(m.upto, row->message->data, 16);
	m.status = wc_str_from("read");
	(void) wc_write_status(&pushes, &m);
}

/*
 * A visitor's tokens were taken away, or the one that the note names by its hash: nobody goes
 * on with one in an open session.
 */
static void
push_end(const OutboxRow *row)
{
	wc_visitor_end m;

	memset(&m, 0, sizeof(m));
	if (row->channel == NULL || row->visitor == NULL || !wc_uuid_parse(row->visitor, strlen(row->visitor), m.visitor))
		return;
	memcpy(m.channel, row->channel->data, 16);
	if (row->note != NULL && strlen(row->note) == 2 * sizeof(m.token_hash))
		hex_decode(row->note, 2 * sizeof(m.token_hash), (char *) m.token_hash);
	(void) wc_write_visitor_end(&pushes, &m);
}

/* A message was taken back: the visitor's pages lose it; with a note they get it again, as it is now. */
static void
push_retracted(const OutboxRow *row)
{
	const ConfigChannel *channel = row->channel ? config_channel(row->channel->data) : NULL;
	wc_visitor_again again = {.but = 0};
	wc_retracted m;

	if (channel == NULL || !channel->local || row->message == NULL || row->visitor == NULL ||
		!wc_uuid_parse(row->visitor, strlen(row->visitor), m.visitor))
		return;
	memcpy(m.channel, row->channel->data, 16);
	memcpy(m.message, row->message->data, 16);
	(void) wc_write_retracted(&pushes, &m);
	if (row->note == NULL)
		return;
	memcpy(again.channel, m.channel, 16);
	memcpy(again.visitor, m.visitor, 16);
	(void) wc_write_visitor_again(&agains, &again);
}

/* Who is connected, and by which tokens. */
typedef struct Connected
{
	wc_visitor_end *ends; /* one for each: what is said if its token is gone */
	WcColumn *columns[3];
} Connected;

static void
add_connected(void *arg, const uint8 *channel, const uint8 *visitor, const uint8 *token_hash)
{
	Connected *all = arg;
	wc_visitor_end *m = &all->ends[all->columns[0]->n];
	bytea *hash = palloc(VARHDRSZ + WC_HASH_SIZE);
	char text[37];

	memcpy(m->channel, channel, sizeof(m->channel));
	memcpy(m->visitor, visitor, sizeof(m->visitor));
	memcpy(m->token_hash, token_hash, sizeof(m->token_hash));
	SET_VARSIZE(hash, VARHDRSZ + WC_HASH_SIZE);
	memcpy(VARDATA(hash), token_hash, WC_HASH_SIZE);
	wc_uuid_print(visitor, text);
	wc_column_add(all->columns[0], UUIDPGetDatum((pg_uuid_t *) m->channel));
	wc_column_add(all->columns[1], CStringGetTextDatum(text));
	wc_column_add(all->columns[2], PointerGetDatum(hash));
}

/* More tokens were deleted than were named one by one. */
static void
push_lost(void)
{
	int most = (int) connected_count();
	Connected all = {palloc_extended(sizeof(wc_visitor_end) * (most + 1), MCXT_ALLOC_HUGE),
					 {wc_column(UUIDOID, most), wc_column(TEXTOID, most), wc_column(BYTEAOID, most)}};
	Datum args[3];
	uint64 n;
	uint64 row;
	bool isnull;

	connected_each(add_connected, &all);
	if (all.columns[0]->n == 0)
		return;
	wc_columns_arrays(all.columns, lengthof(all.columns), args);
	n = wc_run(WC_LOST_TOKENS, args, NULL);
	for (row = 0; row < n; row++)
		(void) wc_write_visitor_end(&pushes, &all.ends[DatumGetInt32(wc_field(row, 1, &isnull)) - 1]);
}

/* A visitor showed up elsewhere. */
static void
note_showed_up(Reading *reading, const OutboxRow *row)
{
	if (row->channel == NULL || row->visitor == NULL)
		return;
	wc_column_add(reading->showed_up->channels, datumCopy(UUIDPGetDatum(row->channel), false, UUID_LEN));
	wc_column_add(reading->showed_up->visitors, CStringGetTextDatum(row->visitor));
	if (row->message != NULL)
		conversations_came_elsewhere(row->channel, row->visitor);
}

static void
take_order(void *arg, const OutboxRow *row)
{
	Reading *reading = arg;

	/* whatever is ordered of a conversation, who looks at it wants to know */
	if (row->channel != NULL && row->visitor != NULL)
		changes_add(row->channel, row->visitor, strlen(row->visitor));
	switch (row->op)
	{
		case 'c':
			reading->orders->config = true;
			break;
		case 'd':
			reading->orders->requeue = true;
			break;
		case 'v':
			note_showed_up(reading, row);
			break;
		case CONVERSATION_CLOSE:
		case CONVERSATION_REOPEN:
		case CONVERSATION_ASSIGN:
			if (row->channel != NULL && row->visitor != NULL && row->message != NULL)
				conversations_order(row->op, row->channel, row->visitor, row->seq, row->message, row->note);
			break;
		case 'p':
			if (row->channel != NULL && row->visitor != NULL)
				conversations_left(row->channel, row->visitor);
			break;
		case 'g':
			reading->orders->visitors_gone = true;
			break;
		case 'm':
			push_read(row);
			break;
		case 'x':
			/* perhaps they are being erased */
			if (row->note == NULL)
				erasures_look();
			push_end(row);
			break;
		case 'y':
			push_retracted(row);
			break;
		case 'b':
			reading->tokens_gone = true;
			break;
		case 'u':
			(void) wc_write_desk_sessions_ended(&pushes, &(wc_desk_sessions_ended){0});
			break;
		case 'e':
			feed_orders_add(row);
			break;
		case 'w':
			feed_retries_asked();
			break;
		default:
			break;
	}
}

/* Are there orders that did not fit into a page, or is the configuration to be read again? */
bool
orders_ready(TimestampTz now)
{
	if (reader != NULL && config_is_wanted())
		return true;
	return reader != NULL && outbox_reader_has_more(reader) && !feed_orders_are_full() && !conversations_are_full();
}

/* Read what was ordered since the last turn; after a start, everything still there. */
void
orders_read(Orders *orders, WcShowedUp *showed_up)
{
	Reading reading = {orders, showed_up, false};

	wc_buf_reset(&pushes);
	wc_buf_reset(&agains);

	if (feed_orders_are_full() || conversations_are_full())
		return;
	if (reader == NULL)
		reader = outbox_reader_new(0);
	outbox_reader_read(reader, CONTROL_PAGE, take_order, &reading);
	if (reading.tokens_gone)
		push_lost();
}

void
orders_commit(wc_buf *out)
{
	if (reader != NULL)
		outbox_reader_commit(reader);
	if (report_stats.corridor_open)
	{
		wc_buf_append(out, pushes.data, pushes.len);
		wc_buf_append(out, agains.data, agains.len);
	}
	wc_buf_reset(&pushes);
	wc_buf_reset(&agains);
}

static void
orders_rollback(const ErrorData *error)
{
	wc_buf_reset(&pushes);
	wc_buf_reset(&agains);
	if (reader != NULL)
		outbox_reader_rollback(reader);
}

static void
orders_reset(void)
{
	if (reader != NULL)
		outbox_reader_free(reader);
	reader = NULL;
}

/* Has every order in an outbox table been read, and what it asks for been done? */
bool
orders_child_is_empty(int child)
{
	return reader != NULL && !outbox_reader_unread(reader, child) && feed_orders_are_done();
}

const TurnPart orders_part = {
	.ready = orders_ready,
	.rollback = orders_rollback,
	.reset = orders_reset,
};
