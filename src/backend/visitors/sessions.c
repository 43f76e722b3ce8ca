/*
 * sessions.c
 *	  Visitors of local channels who say hello, ask for older messages, and
 *	  leave.
 *
 * A hello is answered after the commit that knows the visitor: the token found,
 * or a new visitor made; the session in webchatt.sessions; what the client
 * misses read.  Many go together; when that fails each goes alone, so that one
 * visitor's locked row keeps nobody else out.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "common/event_rules.h"
#include "outbound/joins.h"
#include "outbound/outbound.h"
#include "shared/clock.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/event_writer.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "shared/valid_text.h"
#include "turn/archive_asks.h"
#include "turn/changes.h"
#include "turn/config.h"
#include "turn/frame_memory.h"
#include "turn/net_process.h"
#include "turn/connected.h"
#include "turn/report.h"
#include "turn/savepoint.h"
#include "visitors/budgets.h"
#include "visitors/pages.h"
#include "visitors/profiles.h"
#include "visitors/sessions.h"

/* Hellos that go together. */
#define BATCH 32

/* What one turn answers, and the bytes and the time in ms after which it takes no more. */
#define ARRIVALS_MOST 512
#define ASKS_MOST	  64
#define TURN_BYTES	  (4 * 1024 * 1024)
#define TURN_MS		  100

/* The pause before the table is tried again that somebody has locked, in ms. */
#define TABLE_AGAIN_MS 500

/* Messages on one page, and bytes of their contents after which no more are taken. */
#define PAGE_MESSAGES 50
#define PAGE_BYTES	  (64 * 1024)

/* Messages that are looked through, a hello for those sent and never confirmed. */
#define HELLO_DEPTH 500
#define PAGE_DEPTH	(2 * PAGE_MESSAGES)

/* Bytes of rows and indexes that go with a new visitor beside what it says. */
#define NEWCOMER_COSTS 512

/* A visitor's id as text, its NUL included. */
#define VISITOR_SIZE 37

/* What a client is shown: see WC_PAGE. */
typedef struct HistoryPage
{
	char *messages;		 /* in the turn's context; NULL: none was read */
	bool more;			 /* of what is here */
	bool more_elsewhere; /* there may be some in the archive */
	pg_uuid_t from;		 /* all zeros: none, as read */
	pg_uuid_t read;
	bool closed;
	wc_str gone; /* in the turn's context: 16 bytes for each message that the client has and we have not */
} HistoryPage;

/* A hello, until it is answered. */
typedef struct Arrival
{
	dlist_node node;
	wc_arrived said;
	bool done; /* in this turn */
	bool known;
	bool charged;	 /* to the budgets of newcomers */
	bool moves_late; /* what is to be joined could not be moved at once */
	uint8 result;	 /* wc_welcome_result */
	bool new_token;	 /* the one that came with the hello is theirs */
	bool was_joined; /* the visitor that they were, to this one */
	bool moving;	 /* and there are more messages of it */
	bool by_link;	 /* the token that it goes by was given for a link */
	bool bad_link;	 /* that opens nothing */
	bool other_link; /* that opens another conversation, for which they are asked first */
	bool is_other;	 /* than the hello was of: its client drops what it has */
	char visitor[VISITOR_SIZE];
	char ended[VISITOR_SIZE];		  /* whose other sessions are over; empty: nobody's */
	char user_id[WC_MAX_USER_ID + 1]; /* who the visitor is; empty: nobody has signed it */
	HistoryPage page;
	char bytes[FLEXIBLE_ARRAY_MEMBER];
} Arrival;

typedef struct Ask
{
	dlist_node node;
	wc_history_ask said;
	bool done;
	HistoryPage page;
} Ask;

static dlist_head arrivals = DLIST_STATIC_INIT(arrivals);
static dlist_head asks = DLIST_STATIC_INIT(asks);
static int npending = 0; /* arrivals and asks */

/* Sessions that are over, not yet out of the table. */
static uint64 *left = NULL;
static int nleft = 0;
static int left_size = 0;
static int nleft_done = 0; /* in this turn */

/* The table may hold sessions of a webchatt-net that is gone. */
static bool table_is_stale = true;
static bool table_cleared = false; /* in this turn */
static TimestampTz table_due = 0;  /* not to be touched before */

/* This turn's answers, in bytes, and when it began with them. */
static size_t answered = 0;
static TimestampTz began = 0;

/* A visitor's client said hello. */
bool
sessions_accept_arrived(const wc_frame *frame)
{
	wc_frame copy;
	Arrival *a = frame_memory_keep(offsetof(Arrival, bytes), frame, &copy);

	if (!wc_read_arrived(&copy, &a->said) || !wc_texts_are_valid(&a->said.attributes, 1) || !pages_are_good(&a->said) ||
		!profiles_are_good(&a->said))
	{
		frame_memory_free(a);
		return false;
	}
	dlist_push_tail(&arrivals, &a->node);
	npending++;
	return true;
}

/* One asks for older messages. */
bool
sessions_accept_history_ask(const wc_frame *frame)
{
	Ask *ask = frame_memory_hold(sizeof(Ask));

	if (!wc_read_history_ask(frame, &ask->said))
	{
		frame_memory_free(ask);
		return false;
	}
	dlist_push_tail(&asks, &ask->node);
	npending++;
	return true;
}

/* One has left; while it has not been welcomed yet it is simply forgotten. */
bool
sessions_accept_left(const wc_frame *frame)
{
	wc_left m;
	dlist_mutable_iter iter;

	if (!wc_read_left(frame, &m))
		return false;
	dlist_foreach_modify(iter, &arrivals)
	{
		Arrival *a = dlist_container(Arrival, node, iter.cur);

		if (a->said.session != m.session)
			continue;
		dlist_delete(&a->node);
		frame_memory_free(a);
		npending--;
		return true;
	}
	connected_remove(m.session);
	if (left == NULL)
		left = MemoryContextAlloc(TopMemoryContext, sizeof(uint64) * (left_size = 256));
	if (nleft == left_size)
		left = repalloc_huge(left, sizeof(uint64) * (left_size *= 2));
	left[nleft++] = m.session;
	return true;
}

/* How much waits. */
static int
sessions_pending(void)
{
	return npending + nleft;
}

static bool
table_waits(void)
{
	return nleft > 0 || (table_is_stale && config_is_read());
}

/* Is there something that can be done now? */
static bool
sessions_ready(TimestampTz now)
{
	return (table_waits() && table_due <= now) || (npending > 0 && !table_is_stale && net_process_has_room());
}

/* When the table is to be tried again; 0: it need not be. */
static TimestampTz
sessions_next_due(void)
{
	return table_waits() ? table_due : 0;
}

static void
clear_step(void *arg)
{
	wc_run(WC_CLEAR_SESSIONS, NULL, NULL);
}

static void
leave_step(void *arg)
{
	WcColumn *ids = wc_column(INT8OID, nleft);
	Datum array;
	int i;

	for (i = 0; i < nleft; i++)
		wc_column_add(ids, Int64GetDatum((int64) left[i]));
	array = wc_column_array(ids);
	wc_run(WC_CLOSE_SESSIONS, &array, NULL);
}

/* A column of the only row; all zeros for null. */
static pg_uuid_t
uuid_field(int column)
{
	pg_uuid_t id;
	bool isnull;
	Datum value = wc_field(0, column, &isnull);

	memset(&id, 0, sizeof(id));
	return isnull ? id : *DatumGetUUIDP(value);
}

/* A bytea of the only row, in the turn's context; empty for null. */
static wc_str
bytes_field(int column)
{
	bool isnull;
	Datum value = wc_field(0, column, &isnull);
	bytea *b = isnull ? NULL : DatumGetByteaPP(value);
	uint32 len = b ? VARSIZE_ANY_EXHDR(b) : 0;
	char *copy = MemoryContextAlloc(frame_memory_of_turn, len + 1);

	if (len > 0)
		memcpy(copy, VARDATA_ANY(b), len);
	return (wc_str){copy, len};
}

/*
 * What the client misses.  before: NULL for the newest; have: 16 bytes for each
 * message that it has.
 */
static void
read_page(const uint8 *channel, const char *visitor, const uint8 *before, wc_str have, HistoryPage *page)
{
	WcColumn *ids = wc_column(UUIDOID, have.len / 16);
	WcColumn *under_way = wc_column(UUIDOID, 8);
	Datum args[WC_PAGE_PARAMETERS];
	char nulls[WC_PAGE_PARAMETERS + 1] = "          ";
	const Interval *kept = archive_asks_keep(channel);
	bool isnull;
	uint32 i;

	for (i = 0; i < have.len; i += 16)
		wc_column_add(ids, UUIDPGetDatum((const pg_uuid_t *) (have.p + i)));
	args[0] = UUIDPGetDatum((const pg_uuid_t *) channel);
	args[1] = CStringGetTextDatum(visitor);
	args[2] = UUIDPGetDatum((const pg_uuid_t *) before);
	nulls[2] = before ? ' ' : 'n';
	args[3] = wc_column_array(ids);
	args[4] = Int32GetDatum(PAGE_MESSAGES);
	args[5] = Int32GetDatum(PAGE_BYTES);
	args[6] = Int32GetDatum(before ? PAGE_DEPTH : HELLO_DEPTH);
	outbound_under_way((const pg_uuid_t *) channel, visitor, under_way);
	args[7] = wc_column_array(under_way);
	args[8] = BoolGetDatum(config_shows_author(channel));
	nulls[9] = kept != NULL ? ' ' : 'n';
	args[9] = PointerGetDatum(kept);
	wc_run(WC_PAGE, args, nulls);
	page->messages = MemoryContextStrdup(frame_memory_of_turn, wc_field_text(0, 1));
	answered += strlen(page->messages);
	page->from = uuid_field(2);
	page->more = DatumGetBool(wc_field(0, 3, &isnull));
	page->read = uuid_field(4);
	page->closed = DatumGetBool(wc_field(0, 5, &isnull));
	page->gone = bytes_field(6);
	page->more_elsewhere = DatumGetBool(wc_field(0, 7, &isnull));
}

static Datum
hash_datum(const uint8 hash[WC_HASH_SIZE])
{
	bytea *b = palloc(VARHDRSZ + WC_HASH_SIZE);

	SET_VARSIZE(b, VARHDRSZ + WC_HASH_SIZE);
	memcpy(VARDATA(b), hash, WC_HASH_SIZE);
	return PointerGetDatum(b);
}

static void
keep_user(Arrival *a, uint64 row, int column)
{
	const char *user_id = wc_field_text(row, column);

	strlcpy(a->user_id, user_id ? user_id : "", sizeof(a->user_id));
}

/* A session that has been somebody's until now, as webchatt-net says. */
static void
find_session(Arrival *a)
{
	static const uint8 zeros[16];
	Datum args[2];

	if (memcmp(a->said.visitor, zeros, sizeof(zeros)) == 0)
		return;
	wc_uuid_print(a->said.visitor, a->visitor);
	args[0] = UUIDPGetDatum((pg_uuid_t *) a->said.channel);
	args[1] = CStringGetTextDatum(a->visitor);
	if (wc_run(WC_USER_OF, args, NULL) == 0)
		return;
	a->known = true;
	a->result = WC_WELCOME_KNOWN;
	keep_user(a, 0, 1);
}

static void
find_known(Arrival **batch, int n)
{
	WcColumn *channels = wc_column(UUIDOID, n);
	WcColumn *hashes = wc_column(BYTEAOID, n);
	Arrival **asked = palloc(sizeof(Arrival *) * n);
	Datum args[3];
	uint64 found;
	uint64 row;
	int i;

	for (i = 0; i < n; i++)
	{
		if (batch[i]->result == WC_WELCOME_GONE)
			continue;
		find_session(batch[i]);
		if (!batch[i]->said.has_token)
			continue;
		asked[channels->n] = batch[i];
		wc_column_add(channels, UUIDPGetDatum((pg_uuid_t *) batch[i]->said.channel));
		wc_column_add(hashes, hash_datum(batch[i]->said.token_hash));
	}
	if (channels->n == 0)
		return;
	args[0] = wc_column_array(channels);
	args[1] = wc_column_array(hashes);
	args[2] = Int32GetDatum(wc_token_max_age);
	found = wc_run(WC_FIND_TOKENS, args, NULL);
	for (row = 0; row < found; row++)
	{
		bool isnull;
		Arrival *a = asked[DatumGetInt32(wc_field(row, 1, &isnull)) - 1];

		a->known = true;
		a->result = WC_WELCOME_KNOWN;
		strlcpy(a->visitor, wc_field_text(row, 2), sizeof(a->visitor));
		keep_user(a, row, 3);
		a->by_link = DatumGetBool(wc_field(row, 4, &isnull));
	}
}

/*
 * By a link the conversation of somebody whom nobody has signed is opened on this device too, with a token of its own.
 * Whoever is a user here stays that, and where everybody has to be one a link opens nothing.
 */
static void
open_link(Arrival *a)
{
	const ConfigChannel *channel = config_channel(a->said.channel);
	Datum args[WC_OPEN_LINK_PARAMETERS];
	char nulls[WC_OPEN_LINK_PARAMETERS + 1] = "    ";
	bool asks = a->known && a->said.ask_link;

	a->bad_link = true;
	if (channel->identity == WC_IDENTITY_REQUIRED || a->user_id[0] != '\0' ||
		(a->said.user_id.len > 0 && channel->identity != WC_IDENTITY_NONE))
		return;
	args[0] = UUIDPGetDatum((pg_uuid_t *) a->said.channel);
	args[1] = hash_datum(a->said.link_hash);
	args[2] = CStringGetTextDatum(a->visitor);
	nulls[2] = a->known ? ' ' : 'n';
	args[3] = hash_datum(a->said.new_hash);
	nulls[3] = asks ? 'n' : ' ';
	if (wc_run(WC_OPEN_LINK, args, nulls) == 0 || wc_field_text(0, 1) == NULL)
		return;
	a->bad_link = false;
	if (a->known && strcmp(wc_field_text(0, 1), a->visitor) == 0)
		return;
	a->other_link = asks;
	if (asks)
		return;
	a->is_other = a->known;
	a->known = a->new_token = a->by_link = true;
	a->result = WC_WELCOME_KNOWN;
	strlcpy(a->visitor, wc_field_text(0, 1), sizeof(a->visitor));
}

static void
open_links(Arrival **batch, int n)
{
	int i;

	for (i = 0; i < n; i++)
	{
		if (batch[i]->said.has_link && batch[i]->result != WC_WELCOME_GONE)
			open_link(batch[i]);
	}
}

/*
 * The site's server has signed which user that is: their visitor, with a token of its own for this device.  Whoever was
 * here without a name turns out to be them.  Where the user has no visitor yet, and nobody was here who could be
 * it, a new one is made.
 */
static void
identify(Arrival *a)
{
	Datum args[WC_IDENTIFY_PARAMETERS];
	char nulls[WC_IDENTIFY_PARAMETERS + 1] = "     ";
	char user_id[WC_MAX_USER_ID + 1];
	char *visitor;
	char *joined;
	char *ended;

	memcpy(user_id, a->said.user_id.p, a->said.user_id.len);
	user_id[a->said.user_id.len] = '\0';
	if (a->known && strcmp(user_id, a->user_id) == 0)
		return;
	args[0] = UUIDPGetDatum((pg_uuid_t *) a->said.channel);
	args[1] = CStringGetTextDatum(user_id);
	args[2] = CStringGetTextDatum(a->visitor);
	/* whoever made the link may have written that conversation: it does not become the user's */
	nulls[2] = a->known && !a->by_link ? ' ' : 'n';
	args[3] = hash_datum(a->said.token_hash);
	nulls[3] = a->known && a->said.has_token ? ' ' : 'n';
	args[4] = hash_datum(a->said.new_hash);
	(void) wc_run(WC_IDENTIFY, args, nulls);
	visitor = wc_field_text(0, 1);
	joined = wc_field_text(0, 2);
	ended = wc_field_text(0, 3);
	a->is_other = a->known && visitor != NULL && strcmp(visitor, a->visitor) != 0;
	a->by_link = false;
	a->known = a->new_token = visitor != NULL;
	a->result = visitor != NULL ? WC_WELCOME_KNOWN : a->said.may_make ? WC_WELCOME_MADE : WC_WELCOME_NOT_MADE;
	strlcpy(a->visitor, visitor ? visitor : "", sizeof(a->visitor));
	strlcpy(a->ended, ended ? ended : "", sizeof(a->ended));
	strlcpy(a->user_id, user_id, sizeof(a->user_id));
	a->was_joined = joined != NULL;
	if (visitor != NULL)
		changes_add((pg_uuid_t *) a->said.channel, visitor, strlen(visitor));
	if (joined != NULL)
		a->moving = joins_begin((pg_uuid_t *) a->said.channel, joined, !a->moves_late);
}

/* Those of whom it is signed who they are; where it has to be, nobody else is let in. */
static void
identify_all(Arrival **batch, int n)
{
	int i;

	for (i = 0; i < n; i++)
	{
		Arrival *a = batch[i];
		const ConfigChannel *channel = config_channel(a->said.channel);

		if (a->result == WC_WELCOME_GONE)
			continue;
		if (a->said.user_id.len > 0 && channel->identity != WC_IDENTITY_NONE)
			identify(a);
		if (channel->identity == WC_IDENTITY_REQUIRED && a->user_id[0] == '\0')
		{
			a->known = false;
			a->result = WC_WELCOME_IDENTITY;
		}
	}
}

/* Bytes of what a hello says that are stored with a new visitor. */
static size_t
said_bytes(const wc_arrived *said)
{
	return said->attributes.len + said->page_url.len + said->page_title.len + said->locale.len + said->time_zone.len +
		   said->user_id.len + said->name.len + said->email.len + said->avatar.len + said->referrer.len;
}

/* May there be another visitor?  Charged once, however often the turn is done. */
static void
charge_newcomer(Arrival *a)
{
	if (config_channel(a->said.channel)->paused)
	{
		budgets_paused(a->said.channel);
		a->result = WC_WELCOME_PAUSED;
	}
	else if (!a->charged && !budgets_take(a->said.channel, BUDGET_NEWCOMERS, said_bytes(&a->said) + NEWCOMER_COSTS))
		a->result = WC_WELCOME_BUDGET;
	else
		a->charged = true;
}

static void
make_new(Arrival **batch, int n)
{
	WcColumn *cols[WC_MAKE_VISITORS_ARRAYS];
	Datum args[WC_MAKE_VISITORS_PARAMETERS];
	int i;

	wc_columns(WC_MAKE_VISITORS, cols, n);
	for (i = 0; i < n; i++)
	{
		Arrival *a = batch[i];

		if (!a->known && a->result == WC_WELCOME_MADE)
			charge_newcomer(a);
		if (a->known || a->result != WC_WELCOME_MADE)
			continue;
		wc_uuid_print(a->said.new_visitor, a->visitor);
		a->new_token = true;
		wc_column_add(cols[0], UUIDPGetDatum((pg_uuid_t *) a->said.channel));
		wc_column_add(cols[1], CStringGetTextDatum(a->visitor));
		wc_column_add(cols[2], hash_datum(a->said.new_hash));
		wc_column_add_bytes(cols[3], a->said.attributes.p, a->said.attributes.len);
		wc_column_add_bytes(cols[4], a->said.page_url.p, a->said.page_url.len);
		wc_column_add_bytes(cols[5], a->said.page_title.p, a->said.page_title.len);
		wc_column_add_bytes(cols[6], a->said.locale.p, a->said.locale.len);
		wc_column_add_bytes(cols[7], a->said.time_zone.p, a->said.time_zone.len);
		wc_column_add_bytes(cols[8], a->user_id, strlen(a->user_id));
		wc_column_add_bytes(cols[9], a->said.referrer.p, a->said.referrer.len);
	}
	if (cols[0]->n == 0)
		return;
	wc_columns_arrays(cols, lengthof(cols), args);
	wc_run(WC_MAKE_VISITORS, args, NULL);
}

/* What is to become of those who are not known. */
static void
sessions_decide(Arrival *a)
{
	const ConfigChannel *channel = config_channel(a->said.channel);

	a->known = a->new_token = a->was_joined = a->moving = a->is_other = a->by_link = a->bad_link = a->other_link =
		false;
	a->visitor[0] = a->ended[0] = a->user_id[0] = '\0';
	memset(&a->page, 0, sizeof(a->page));
	if (channel == NULL || !channel->local)
		a->result = WC_WELCOME_GONE;
	else
		a->result = a->said.may_make ? WC_WELCOME_MADE : WC_WELCOME_NOT_MADE;
}

static bool
is_welcome(const Arrival *a)
{
	return a->result == WC_WELCOME_KNOWN || a->result == WC_WELCOME_MADE;
}

/* Write down who is there now, and read what they miss. */
static void
welcome(Arrival **batch, int n)
{
	WcColumn *ids = wc_column(INT8OID, n);
	WcColumn *channels = wc_column(UUIDOID, n);
	WcColumn *visitors = wc_column(TEXTOID, n);
	Datum args[3];
	int i;

	for (i = 0; i < n; i++)
	{
		if (!is_welcome(batch[i]))
			continue;
		wc_column_add(ids, Int64GetDatum((int64) batch[i]->said.session));
		wc_column_add(channels, UUIDPGetDatum((pg_uuid_t *) batch[i]->said.channel));
		wc_column_add(visitors, CStringGetTextDatum(batch[i]->visitor));
	}
	if (ids->n == 0)
		return;
	args[0] = wc_column_array(ids);
	args[1] = wc_column_array(channels);
	args[2] = wc_column_array(visitors);
	wc_run(WC_OPEN_SESSIONS, args, NULL);
	wc_run(WC_SEE_VISITORS, ((Datum[]){args[1], args[2]}), NULL);
	for (i = 0; i < n; i++)
	{
		Arrival *a = batch[i];

		if (is_welcome(a))
			profiles_note_arrived(&a->said, a->visitor);
		if (a->result == WC_WELCOME_KNOWN)
			read_page(a->said.channel, a->visitor, NULL, a->is_other ? wc_str_from("") : a->said.have, &a->page);
		a->page.more |= a->moving;
	}
}

typedef struct Batch
{
	Arrival **arrivals;
	int n;
} Batch;

static void
arrive_step(void *arg)
{
	Batch *batch = arg;
	int i;

	for (i = 0; i < batch->n; i++)
		sessions_decide(batch->arrivals[i]);
	find_known(batch->arrivals, batch->n);
	open_links(batch->arrivals, batch->n);
	identify_all(batch->arrivals, batch->n);
	make_new(batch->arrivals, batch->n);
	welcome(batch->arrivals, batch->n);
}

static void
arrive(Arrival **batch, int n)
{
	Batch all = {batch, n};
	int i;

	if (savepoint_try(arrive_step, &all, LOCK_WAIT_BLOCKED_MS) == NULL)
		return;
	for (i = 0; i < n; i++)
	{
		Batch one = {batch + i, 1};
		ErrorData *error = savepoint_try(arrive_step, &one, LOCK_WAIT_BLOCKED_MS);

		/* perhaps an application's trigger refuses one of the messages: that keeps nobody out */
		if (error != NULL && batch[i]->was_joined)
		{
			batch[i]->moves_late = true;
			error = savepoint_try(arrive_step, &one, LOCK_WAIT_BLOCKED_MS);
		}
		if (error == NULL)
			continue;
		batch[i]->result = WC_WELCOME_BUSY;
		if (!savepoint_error_is_transient(error))
			report_error(error->message);
	}
}

static void
ask_step(void *arg)
{
	Ask *ask = arg;
	char visitor[VISITOR_SIZE];

	wc_uuid_print(ask->said.visitor, visitor);
	read_page(ask->said.channel, visitor, ask->said.before, wc_str_from(""), &ask->page);
}

/* May this turn take more? */
static bool
has_time(void)
{
	return answered < TURN_BYTES && !TimestampDifferenceExceeds(began, wc_clock(), TURN_MS);
}

/* Who is there no more; when the table is locked it is tried again later. */
static void
tidy_table(TimestampTz now)
{
	if (!table_waits() || table_due > now)
		return;
	if (table_is_stale)
		table_cleared = savepoint_try(clear_step, NULL, LOCK_WAIT_BLOCKED_MS) == NULL;
	else if (savepoint_try(leave_step, NULL, LOCK_WAIT_BLOCKED_MS) == NULL)
		nleft_done = nleft;
	table_due = table_cleared || nleft_done > 0 ? 0 : TimestampTzPlusMilliseconds(now, TABLE_AGAIN_MS);
}

/* The hash of the token that the session goes by from now on; NULL: of the one that it had. */
static const uint8 *
token_of(const Arrival *a)
{
	if (a->result == WC_WELCOME_MADE || a->new_token)
		return a->said.new_hash;
	return a->said.has_token ? a->said.token_hash : NULL;
}

/* Answer hellos, some at a time, each batch in a savepoint. */
static void
answer_arrivals(WcShowedUp *showed_up)
{
	Arrival *batch[BATCH];
	dlist_node *next = dlist_is_empty(&arrivals) ? NULL : dlist_head_node(&arrivals);
	int total = 0;

	while (next != NULL && total < ARRIVALS_MOST && has_time())
	{
		int n = 0;
		int i;

		while (next != NULL && n < BATCH)
		{
			batch[n++] = dlist_container(Arrival, node, next);
			next = dlist_has_next(&arrivals, next) ? dlist_next_node(&arrivals, next) : NULL;
		}
		arrive(batch, n);
		for (i = 0; i < n; i++)
		{
			batch[i]->done = true;
			if (!is_welcome(batch[i]))
				continue;
			connected_add(batch[i]->said.session, (pg_uuid_t *) batch[i]->said.channel, batch[i]->visitor,
						  token_of(batch[i]));
			wc_column_add(showed_up->channels, UUIDPGetDatum((pg_uuid_t *) batch[i]->said.channel));
			wc_column_add(showed_up->visitors, CStringGetTextDatum(batch[i]->visitor));
			if (batch[i]->result == WC_WELCOME_KNOWN)
				pages_add_arrived(&batch[i]->said, batch[i]->visitor);
		}
		total += n;
	}
}

static void
answer_asks(void)
{
	int n = 0;
	dlist_iter iter;

	dlist_foreach(iter, &asks)
	{
		Ask *ask = dlist_container(Ask, node, iter.cur);

		if (n++ == ASKS_MOST || !has_time())
			break;
		memset(&ask->page, 0, sizeof(ask->page));
		(void) savepoint_try(ask_step, ask, LOCK_WAIT_BLOCKED_MS);
		ask->done = true;
	}
}

/*
 * Answer what waits, as far as webchatt-net keeps up.  The visitors who arrived
 * are added to showed_up, so that what is held for them is queued in this very
 * turn.
 */
void
sessions_apply(TimestampTz now, WcShowedUp *showed_up)
{
	answered = 0;
	began = wc_clock();
	pages_apply(now);
	profiles_apply();
	joins_apply(now, showed_up);
	tidy_table(now);
	/* not while the table may still hold sessions with the same numbers */
	if (npending == 0 || (table_is_stale && !table_cleared) || !net_process_has_room())
		return;
	answer_asks();
	answer_arrivals(showed_up);
}

static void
write_welcome(wc_buf *out, const Arrival *a)
{
	wc_welcome m;

	memset(&m, 0, sizeof(m));
	m.session = a->said.session;
	m.result = a->result;
	if (is_welcome(a))
		(void) wc_uuid_parse(a->visitor, strlen(a->visitor), m.visitor);
	m.more = a->page.more || a->page.more_elsewhere ? 1 : 0;
	memcpy(m.from, a->page.from.data, sizeof(m.from));
	memcpy(m.read, a->page.read.data, sizeof(m.read));
	m.messages = wc_str_from(a->page.messages ? a->page.messages : "[]");
	m.closed = a->page.closed ? 1 : 0;
	m.new_token = is_welcome(a) && a->new_token ? 1 : 0;
	m.user_id = wc_str_from(is_welcome(a) ? a->user_id : "");
	m.bad_link = a->bad_link ? 1 : 0;
	m.other_link = a->other_link ? 1 : 0;
	m.by_link = a->by_link ? 1 : 0;
	/* what the client has is somebody's who is not known any more */
	m.gone = a->result == WC_WELCOME_MADE ? a->said.have : a->page.gone;
	(void) wc_write_welcome(out, &m);
}

/* All sessions of a visitor but that one say hello again. */
static void
write_again(wc_buf *out, const Arrival *a, const char *visitor)
{
	wc_visitor_again again = {.but = a->said.session};

	if (!is_welcome(a) || !wc_uuid_parse(visitor, strlen(visitor), again.visitor))
		return;
	memcpy(again.channel, a->said.channel, sizeof(again.channel));
	(void) wc_write_visitor_again(out, &again);
}

/*
 * Somebody was identified: sessions that have the old token are nobody's any more (other tabs of that browser know the
 * new one by now).  That comes behind all welcomes of the turn: one that said hello together with this one may have
 * been welcomed by the old token.
 */
static void
write_ends(wc_buf *out)
{
	dlist_iter iter;

	dlist_foreach(iter, &arrivals)
	{
		const Arrival *a = dlist_container(Arrival, node, iter.cur);

		if (!a->done)
			break;
		write_again(out, a, a->ended);
	}
}

/* One that is answered. */
static void
finish(wc_buf *out, Arrival *a)
{
	/* the user's others know nothing of what was joined */
	if (a->was_joined)
		write_again(out, a, a->visitor);
	write_welcome(out, a);
}

/* What is here comes at once; only where nothing is left of that the archive is read, and that is no turn's business. */
static void
write_history(wc_buf *out, const Ask *ask)
{
	wc_history m;

	if (ask->page.messages != NULL && strcmp(ask->page.messages, "[]") == 0 && !ask->page.more &&
		ask->page.more_elsewhere && archive_asks_add_page(&ask->said, config_shows_author(ask->said.channel)))
		return;
	m.session = ask->said.session;
	memcpy(m.before, ask->said.before, sizeof(m.before));
	m.busy = ask->page.messages == NULL;
	m.more = ask->page.more || ask->page.more_elsewhere ? 1 : 0;
	m.messages = wc_str_from(ask->page.messages ? ask->page.messages : "[]");
	(void) wc_write_history(out, &m);
}

/* The turn is committed: welcome those it has written down. */
void
sessions_commit(wc_buf *out)
{
	dlist_mutable_iter iter;
	dlist_iter all;

	pages_commit(out);
	profiles_commit();
	joins_commit(out);
	if (table_cleared)
		table_is_stale = table_cleared = false;
	if (nleft_done > 0)
	{
		memmove(left, left + nleft_done, sizeof(uint64) * (nleft - nleft_done));
		nleft -= nleft_done;
		nleft_done = 0;
	}
	dlist_foreach(all, &arrivals)
	{
		Arrival *a = dlist_container(Arrival, node, all.cur);

		if (!a->done)
			break;
		finish(out, a);
	}
	write_ends(out);
	dlist_foreach_modify(iter, &arrivals)
	{
		Arrival *a = dlist_container(Arrival, node, iter.cur);

		if (!a->done)
			break;
		dlist_delete(&a->node);
		frame_memory_free(a);
		npending--;
	}
	dlist_foreach_modify(iter, &asks)
	{
		Ask *ask = dlist_container(Ask, node, iter.cur);

		if (!ask->done)
			break;
		write_history(out, ask);
		dlist_delete(&ask->node);
		frame_memory_free(ask);
		npending--;
	}
}

/* The turn is undone: everything waits as before. */
static void
sessions_rollback(const ErrorData *error)
{
	dlist_iter iter;

	table_cleared = false;
	nleft_done = 0;
	dlist_foreach(iter, &arrivals)
	{
		Arrival *a = dlist_container(Arrival, node, iter.cur);

		if (a->done)
			connected_remove(a->said.session);
		a->done = false;
	}
	dlist_foreach(iter, &asks) dlist_container(Ask, node, iter.cur)->done = false;
}

/* webchatt-net is gone, and with it every session. */
static void
sessions_forget(void)
{
	while (!dlist_is_empty(&arrivals))
		frame_memory_free(dlist_container(Arrival, node, dlist_pop_head_node(&arrivals)));
	while (!dlist_is_empty(&asks))
		frame_memory_free(dlist_container(Ask, node, dlist_pop_head_node(&asks)));
	connected_reset();
	npending = nleft = nleft_done = 0;
	table_is_stale = true;
	table_cleared = false;
	table_due = 0;
}

const TurnPart sessions_part = {
	.pending = sessions_pending,
	.ready = sessions_ready,
	.next_due = sessions_next_due,
	.rollback = sessions_rollback,
	.net_lost = sessions_forget,
	.reset = sessions_forget,
};
