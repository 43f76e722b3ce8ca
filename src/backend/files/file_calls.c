/*
 * file_calls.c
 *	  Files that are brought, a piece at a time, until their commit.
 *
 * A piece costs as much as hundreds of messages, so few are written in a turn; where others
 * wait one only, and none in the turn behind that, so that whoever writes waits for one at
 * most.  Each is written in a savepoint: what it meets is its sender's affair alone.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/file_type.h"
#include "files/file_calls.h"
#include "files/file_hash.h"
#include "files/file_sweep.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/settings.h"
#include "shared/statements.h"
#include "shared/valid_text.h"
#include "turn/config.h"
#include "turn/frame_memory.h"
#include "turn/report.h"
#include "turn/savepoint.h"

/* What one turn does: calls in all, and bytes; the second where nobody else has waited for so long, in ms. */
#define CALLS_MOST	256
#define BYTES_SMALL WC_FILE_CHUNK
#define BYTES_MOST	(4 * WC_FILE_CHUNK)
#define QUIET_MS	1000

/* Files of one visitor that may be arriving at a time. */
#define ARRIVING_MOST 8

typedef struct FileCall
{
	dlist_node node;
	wc_file_call said;
	bool done;	  /* in this turn */
	uint8 result; /* wc_file_result */
	uint64 at;
	uint64 size;
	FileTotals more; /* that there is now */
	FileHash *hash;	 /* with this piece; NULL: not known */
	char *type;		 /* in the turn's context, or NULL */
	char *name;
	char bytes[FLEXIBLE_ARRAY_MEMBER];
} FileCall;

static dlist_head calls = DLIST_STATIC_INIT(calls);
static int ncalls = 0;
static TimestampTz others_at = 0; /* when others last waited */
static bool wrote = false;		  /* the last turn wrote a piece */

/* webchatt-net has checked it; but it may not be itself any more. */
static bool
plausible(const wc_file_call *m)
{
	wc_str texts[] = {m->file, m->name};

	if (m->file.len != WC_FILE_ID || m->name.len > WC_MAX_FILE_NAME || m->bytes.len > WC_FILE_CHUNK ||
		m->size > PG_INT64_MAX || m->offset > PG_INT64_MAX || !wc_texts_are_valid(texts, lengthof(texts)))
		return false;
	if (m->act == WC_FILE_BEGIN)
		return m->name.len > 0 && m->size > 0;
	return m->act != WC_FILE_PUT || (m->bytes.len > 0 && (m->offset > 0 || wc_file_type_known(m->type) != NULL));
}

/* Take a call; false when it is none. */
bool
file_calls_accept(const wc_frame *frame)
{
	wc_frame copy;
	FileCall *call = frame_memory_keep(offsetof(FileCall, bytes), frame, &copy);

	if (!wc_read_file_call(&copy, &call->said) || !plausible(&call->said))
	{
		frame_memory_free(call);
		return false;
	}
	dlist_push_tail(&calls, &call->node);
	ncalls++;
	return true;
}

static int
file_calls_pending(void)
{
	return ncalls;
}

static Datum
text_of(wc_str s)
{
	return PointerGetDatum(cstring_to_text_with_len(s.p, (int) s.len));
}

/* Who brings it: a visitor, or else an API key, and then what it is called and known by. */
typedef struct Bringer
{
	Datum visitor; /* 0: none */
	Datum author;
	Datum key;
} Bringer;

static Datum
copied_field(int column)
{
	bool isnull;

	return PointerGetDatum(PG_DETOAST_DATUM_COPY(wc_field(0, column, &isnull)));
}

/* False: neither is known. */
static bool
find_bringer(const FileCall *call, Bringer *who)
{
	Datum args[3] = {UUIDPGetDatum((const pg_uuid_t *) call->said.channel), 0, Int32GetDatum(wc_token_max_age)};
	Datum key = Int32GetDatum((int32) call->said.key);
	bytea *hash = palloc(VARHDRSZ + WC_HASH_SIZE);

	memset(who, 0, sizeof(*who));
	if (call->said.key != 0)
	{
		if (wc_run(WC_FILE_KEY, &key, NULL) == 0)
			return false;
		who->author = copied_field(1);
		who->key = copied_field(2);
		return true;
	}
	SET_VARSIZE(hash, VARHDRSZ + WC_HASH_SIZE);
	memcpy(VARDATA(hash), call->said.token_hash, WC_HASH_SIZE);
	args[1] = PointerGetDatum(hash);
	if (wc_run(WC_FILE_VISITOR, args, NULL) == 0)
		return false;
	who->visitor = copied_field(1);
	return true;
}

static void
begin(FileCall *call, const Bringer *who)
{
	Datum args[9] = {UUIDPGetDatum((const pg_uuid_t *) call->said.channel),
					 text_of(call->said.file),
					 who->visitor,
					 who->author,
					 text_of(call->said.name),
					 Int64GetDatum((int64) call->said.size),
					 Int64GetDatum((int64) wc_visitor_file_quota * 1024),
					 Int32GetDatum(ARRIVING_MOST),
					 who->key};
	char nulls[10] = "         ";
	bool isnull;

	nulls[2] = who->visitor ? ' ' : 'n';
	nulls[3] = who->author ? ' ' : 'n';
	nulls[8] = who->key ? ' ' : 'n';
	if (wc_file_quota > 0 && file_sweep_total() + (int64) call->said.size > (int64) wc_file_quota * 1024)
	{
		call->result = WC_FILE_FULL;
		return;
	}
	(void) wc_run(WC_BEGIN_FILE, args, nulls);
	if (DatumGetBool(wc_field(0, 1, &isnull)))
		call->more = (FileTotals){(int64) call->said.size, 1, 1};
	else
		call->result = DatumGetBool(wc_field(0, 2, &isnull)) ? WC_FILE_FULL : WC_FILE_MANY;
	call->size = call->said.size;
	call->name = pnstrdup(call->said.name.p, call->said.name.len);
}

/* The bytes as they are in the row, and what they make of the file. */
static void
add_bytes(FileCall *call, Datum channel, Datum id)
{
	const wc_file_call *m = &call->said;
	bool last = m->offset + m->bytes.len == call->size;
	bytea *data = palloc(VARHDRSZ + m->bytes.len);
	bytea *sha256 = palloc(VARHDRSZ + WC_HASH_SIZE);
	Datum chunk[4] = {channel, id, Int64GetDatum((int64) m->offset), PointerGetDatum(data)};
	Datum args[6] = {channel, id, chunk[2], Int64GetDatum((int64) m->bytes.len), (Datum) 0, PointerGetDatum(sha256)};
	Datum file[2] = {channel, id};
	char nulls[7] = "    nn";
	bool isnull;

	SET_VARSIZE(data, VARHDRSZ + m->bytes.len);
	memcpy(VARDATA(data), m->bytes.p, m->bytes.len);
	(void) wc_run(WC_ADD_FILE_CHUNK, chunk, NULL);
	if (m->offset == 0)
	{
		args[4] = CStringGetTextDatum(call->type);
		nulls[4] = ' ';
	}
	SET_VARSIZE(sha256, VARHDRSZ + WC_HASH_SIZE);
	call->hash = file_hash_add(m->file.p, m->offset, m->bytes);
	if (last)
	{
		nulls[5] = ' ';
		if (call->hash == NULL || !file_hash_end(call->hash, (uint8 *) VARDATA(sha256)))
		{
			(void) wc_run(WC_FILE_SHA256, file, NULL);
			args[5] = PointerGetDatum(PG_DETOAST_DATUM_COPY(wc_field(0, 1, &isnull)));
		}
	}
	if (wc_run(WC_FILE_RECEIVED, args, nulls) == 0)
		call->result = WC_FILE_NOT_FOUND;
	call->at += m->bytes.len;
	if (last)
		call->more.arriving = -1;
}

static void
drop(FileCall *call, Datum channel, Datum id)
{
	Datum args[2] = {channel, id};

	(void) wc_run(WC_DROP_FILE, args, NULL);
	call->more = (FileTotals){-(int64) call->size, -1, call->at < call->size ? -1 : 0};
}

/* A piece goes where the last one ended.  One that is there already is answered as then. */
static void
put(FileCall *call, Datum channel, Datum id)
{
	const wc_file_call *m = &call->said;

	if (m->offset + m->bytes.len <= call->at)
		return;
	if (m->offset != call->at || m->offset + m->bytes.len > call->size ||
		(m->bytes.len < WC_FILE_LEAST && m->offset + m->bytes.len < call->size))
	{
		call->result = WC_FILE_OFFSET;
		return;
	}
	if (m->offset == 0)
		call->type = pstrdup(wc_file_type_known(m->type));
	if (m->offset == 0 && !wc_file_type_is_listed(wc_str_from(wc_file_types), wc_str_from(call->type)))
	{
		drop(call, channel, id);
		call->result = WC_FILE_TYPE;
		return;
	}
	add_bytes(call, channel, id);
}

/* What is done with a file that is there. */
static void
find(FileCall *call, const Bringer *who)
{
	Datum args[4] = {UUIDPGetDatum((const pg_uuid_t *) call->said.channel), text_of(call->said.file), who->visitor,
					 who->key};
	Datum file[2] = {args[0], args[1]};
	char nulls[5] = "    ";
	bool named;
	bool isnull;

	nulls[2] = who->visitor ? ' ' : 'n';
	nulls[3] = who->key ? ' ' : 'n';
	if (call->said.act == WC_FILE_DROP)
		(void) wc_run(WC_LOCK_FILE, file, NULL);
	if (wc_run(WC_FIND_FILE, args, nulls) == 0)
	{
		call->result = WC_FILE_NOT_FOUND;
		return;
	}
	call->name = wc_field_text(0, 1);
	call->type = wc_field_text(0, 2);
	call->size = (uint64) DatumGetInt64(wc_field(0, 3, &isnull));
	call->at = (uint64) DatumGetInt64(wc_field(0, 4, &isnull));
	named = DatumGetBool(wc_field(0, 5, &isnull));
	if (call->said.act == WC_FILE_PUT)
		put(call, args[0], args[1]);
	else if (call->said.act == WC_FILE_DROP && named)
		call->result = WC_FILE_IN_USE;
	else if (call->said.act == WC_FILE_DROP)
		drop(call, args[0], args[1]);
}

static void
call_step(void *arg)
{
	FileCall *call = arg;
	Bringer who;

	if (!find_bringer(call, &who))
		call->result = WC_FILE_NO_VISITOR;
	else if (call->said.act == WC_FILE_BEGIN)
		begin(call, &who);
	else
		find(call, &who);
	if (call->name != NULL)
		call->name = MemoryContextStrdup(frame_memory_of_turn, call->name);
	if (call->type != NULL)
		call->type = MemoryContextStrdup(frame_memory_of_turn, call->type);
}

static void
forget_hash(FileCall *call)
{
	if (call->hash != NULL)
		file_hash_forget(call->hash);
	call->hash = NULL;
}

/* Nothing was done. */
static void
clear(FileCall *call)
{
	forget_hash(call);
	call->done = false;
	call->result = WC_FILE_DONE;
	call->at = call->size = 0;
	memset(&call->more, 0, sizeof(call->more));
	call->type = call->name = NULL;
}

static void
carry_out(FileCall *call)
{
	ErrorData *error;

	clear(call);
	if (config_channel(call->said.channel) == NULL)
		call->result = WC_FILE_NO_CHANNEL;
	else if ((error = savepoint_try_for(call_step, call, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS)) != NULL)
	{
		clear(call);
		call->result = error->sqlerrcode == ERRCODE_FOREIGN_KEY_VIOLATION ? WC_FILE_NOT_FOUND : WC_FILE_BUSY;
		if (call->result == WC_FILE_BUSY && !savepoint_error_is_transient(error))
			report_error(error->message);
	}
	call->done = true;
}

/* Bytes of pieces that this turn may write; a piece has BYTES_SMALL at most. */
static size_t
share_of_turn(TimestampTz now, bool others_wait)
{
	if (others_wait)
		others_at = now;
	if (others_wait && wrote)
		return 0;
	return TimestampDifferenceExceeds(others_at, now, QUIET_MS) ? BYTES_MOST : BYTES_SMALL;
}

/* Write what waits, as much as a turn may (others_wait: somebody's messages do), and sweep. */
void
file_calls_apply(TimestampTz now, bool others_wait)
{
	size_t share = share_of_turn(now, others_wait);
	size_t bytes = 0;
	int n = 0;
	dlist_iter iter;

	dlist_foreach(iter, &calls)
	{
		FileCall *call = dlist_container(FileCall, node, iter.cur);

		if (n++ == CALLS_MOST || (call->said.bytes.len > 0 && bytes + call->said.bytes.len > share))
			break;
		bytes += call->said.bytes.len;
		carry_out(call);
	}
	wrote = bytes > 0;
	file_sweep_apply(now);
}

/* The turn is committed: answer. */
void
file_calls_commit(wc_buf *out)
{
	dlist_mutable_iter iter;

	file_sweep_commit();
	dlist_foreach_modify(iter, &calls)
	{
		FileCall *call = dlist_container(FileCall, node, iter.cur);
		wc_file_done m = {.request = call->said.request, .result = call->result, .at = call->at, .size = call->size};

		if (!call->done)
			break;
		m.type = wc_str_from(call->type ? call->type : "");
		m.name = wc_str_from(call->name ? call->name : "");
		(void) wc_write_file_done(out, &m);
		file_sweep_add(&call->more);
		if (call->hash != NULL)
			file_hash_keep(call->hash);
		dlist_delete(&call->node);
		frame_memory_free(call);
		ncalls--;
	}
	file_sweep_tell(out);
}

/* The turn is undone: everything waits as before. */
static void
file_calls_rollback(const ErrorData *error)
{
	dlist_iter iter;

	dlist_foreach(iter, &calls) clear(dlist_container(FileCall, node, iter.cur));
}

/* webchatt-net is gone, and with it whoever waits for an answer. */
static void
file_calls_forget(void)
{
	while (!dlist_is_empty(&calls))
	{
		FileCall *call = dlist_container(FileCall, node, dlist_pop_head_node(&calls));

		forget_hash(call);
		frame_memory_free(call);
	}
	ncalls = 0;
}

static void
file_calls_reset(void)
{
	file_calls_forget();
	file_hash_reset();
}

static bool
file_calls_ready(TimestampTz now)
{
	return ncalls > 0;
}

const TurnPart file_calls_part = {
	.pending = file_calls_pending,
	.ready = file_calls_ready,
	.rollback = file_calls_rollback,
	.net_lost = file_calls_forget,
	.reset = file_calls_reset,
};
