/*
 * file_reads.c
 *	  Pieces of files, read between turns in a transaction of their own: whoever
 *	  waits for a commit has its answer before, and the next turn waits for few.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "files/file_reads.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/statements.h"
#include "shared/valid_text.h"
#include "turn/config.h"
#include "turn/frame_memory.h"
#include "turn/net_process.h"
#include "turn/report.h"
#include "turn/savepoint.h"
#include "turn/transaction.h"

/* What is read between two turns: pieces that have bytes, and pieces at all. */
#define BYTES_MOST (2 * WC_FILE_READ)
#define READS_MOST 32

typedef struct ReadCall
{
	dlist_node node;
	wc_file_read said;
	wc_buf *out;
	char bytes[FLEXIBLE_ARRAY_MEMBER];
} ReadCall;

static dlist_head reads = DLIST_STATIC_INIT(reads);
static int nreads = 0;

/* Take a read; false when it is none. */
bool
file_reads_accept(const wc_frame *frame)
{
	wc_frame copy;
	ReadCall *r = frame_memory_keep(offsetof(ReadCall, bytes), frame, &copy);

	if (!wc_read_file_read(&copy, &r->said) || r->said.file.len != WC_FILE_ID || r->said.offset > PG_INT64_MAX ||
		r->said.most > WC_FILE_READ || !wc_texts_are_valid(&r->said.file, 1))
	{
		frame_memory_free(r);
		return false;
	}
	dlist_push_tail(&reads, &r->node);
	nreads++;
	return true;
}

static int
file_reads_pending(void)
{
	return nreads;
}

/* Is there something to read, and room for it? */
bool
file_reads_wait(void)
{
	return nreads > 0 && config_is_read() && net_process_has_room();
}

static wc_str
field_bytes(int column)
{
	bool isnull;
	Datum value = wc_field(0, column, &isnull);
	struct varlena *v = isnull ? NULL : PG_DETOAST_DATUM(value);

	return v != NULL ? (wc_str){VARDATA_ANY(v), (uint32) VARSIZE_ANY_EXHDR(v)} : (wc_str){"", 0};
}

static void
read_step(void *arg)
{
	ReadCall *r = arg;
	Datum args[3] = {PointerGetDatum(cstring_to_text_with_len(r->said.file.p, (int) r->said.file.len)),
					 Int64GetDatum((int64) r->said.offset), Int32GetDatum((int32) r->said.most)};
	wc_file_bytes m = {.request = r->said.request, .result = WC_FILE_NOT_FOUND, .offset = r->said.offset};
	wc_str hash;
	bool isnull;

	if (wc_run(WC_READ_FILE, args, NULL) > 0)
	{
		m.result = WC_FILE_DONE;
		m.size = (uint64) DatumGetInt64(wc_field(0, 1, &isnull));
		m.type = field_bytes(2);
		m.name = field_bytes(3);
		hash = field_bytes(4);
		memcpy(m.sha256, hash.p, Min(hash.len, sizeof(m.sha256)));
		m.bytes = field_bytes(5);
	}
	(void) wc_write_file_bytes(r->out, &m);
}

static void
read_one(ReadCall *r)
{
	wc_file_bytes busy = {.request = r->said.request, .result = WC_FILE_BUSY};
	ErrorData *error = savepoint_try_for(read_step, r, LOCK_WAIT_BLOCKED_MS, STEP_TIME_MS);

	if (error == NULL)
		return;
	if (!savepoint_error_is_transient(error))
		report_error(error->message);
	(void) wc_write_file_bytes(r->out, &busy);
}

/* Read some of what waits. */
void
file_reads_run(wc_buf *out)
{
	size_t bytes = 0;
	int n = 0;

	if (!file_reads_wait())
		return;
	transaction_begin();
	while (nreads > 0 && n++ < READS_MOST && bytes < BYTES_MOST)
	{
		ReadCall *r = dlist_container(ReadCall, node, dlist_head_node(&reads));

		r->out = out;
		bytes += r->said.most;
		read_one(r);
		dlist_delete(&r->node);
		frame_memory_free(r);
		nreads--;
	}
	transaction_commit();
}

/* webchatt-net is gone, and with it whoever waits for an answer. */
static void
file_reads_forget(void)
{
	while (!dlist_is_empty(&reads))
		frame_memory_free(dlist_container(ReadCall, node, dlist_pop_head_node(&reads)));
	nreads = 0;
}

const TurnPart file_reads_part = {
	.pending = file_reads_pending,
	.net_lost = file_reads_forget,
	.reset = file_reads_forget,
};
