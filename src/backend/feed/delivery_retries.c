/*
 * delivery_retries.c
 *	  Deliveries that somebody asked to be tried again: made at once, out of the
 *	  order, a few at a time.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "common/frame.h"
#include "feed/deliveries.h"
#include "feed/delivery_queue.h"
#include "feed/delivery_retries.h"
#include "feed/webhook.h"
#include "shared/columns.h"
#include "shared/compat.h"
#include "shared/statements.h"
#include "turn/frame_memory.h"
#include "turn/net_process.h"

/* Under way, in all and for one webhook. */
#define RETRIES_MOST 64
#define RETRIES_EACH 16

/* A retry that was read in this turn. */
typedef struct FreshRetry
{
	Webhook *webhook;
	pg_uuid_t log_id;
	int64 seq;
	pg_uuid_t message;
	int attempt;
	char *body; /* NULL: the event is gone */
	uint32 len;
} FreshRetry;

static bool look = true;	/* there may be some in the table */
static bool looked = false; /* this turn */
static FreshRetry fresh[RETRIES_MOST];
static int nfresh = 0;

/* Somebody asked, or there is room for more. */
void
delivery_retries_look(void)
{
	look = true;
}

static bool
is_free(const Webhook *w)
{
	return webhook_is_deliverable(w) && w->retries < RETRIES_EACH;
}

/* How many more may be under way? */
static int
room(void)
{
	int n = RETRIES_MOST;
	dlist_iter at;
	Webhook *w;

	each_webhook(w, at) n -= w->retries;
	return n;
}

/* Can one be made now, if there is any? */
bool
delivery_retries_ready(void)
{
	dlist_iter at;
	Webhook *w;

	if (!look || room() <= 0 || !net_process_has_room())
		return false;
	each_webhook(w, at)
	{
		if (is_free(w))
			return true;
	}
	return false;
}

static void
take_retry(uint64 row)
{
	FreshRetry *f = &fresh[nfresh];
	bool isnull;
	Datum d;

	memset(f, 0, sizeof(*f));
	f->webhook = webhook_find(DatumGetUUIDP(wc_field(row, 1, &isnull)));
	if (f->webhook == NULL)
		return;
	f->log_id = *DatumGetUUIDP(wc_field(row, 2, &isnull));
	f->seq = DatumGetInt64(wc_field(row, 3, &isnull));
	d = wc_field(row, 4, &isnull);
	if (!isnull)
		f->message = *DatumGetUUIDP(d);
	f->attempt = DatumGetInt32(wc_field(row, 5, &isnull)) + 1;
	d = wc_field(row, 6, &isnull);
	if (!isnull)
	{
		text *t = DatumGetTextPP(d);

		f->len = VARSIZE_ANY_EXHDR(t);
		f->body = MemoryContextAlloc(frame_memory_of_turn, f->len + 1);
		memcpy(f->body, VARDATA_ANY(t), f->len);
	}
	nfresh++;
}

/* Read the retries that were asked for, as many as may be under way. */
void
delivery_retries_read(void)
{
	WcColumn *ids = wc_column(UUIDOID, 8);
	WcColumn *under_way = wc_column(UUIDOID, RETRIES_MOST);
	HASH_SEQ_STATUS scan;
	Delivery *d;
	dlist_iter at;
	Webhook *w;
	Datum args[3];
	uint64 n;
	uint64 i;

	if (!delivery_retries_ready())
		return;
	each_webhook(w, at)
	{
		if (is_free(w))
			wc_column_add(ids, UUIDPGetDatum(&w->row->id));
	}
	if (deliveries_all != NULL)
	{
		hash_seq_init(&scan, deliveries_all);
		while ((d = hash_seq_search(&scan)) != NULL)
		{
			if (d->kind == DELIVERY_RETRY)
				wc_column_add(under_way, UUIDPGetDatum(&d->log_id));
		}
	}
	args[0] = wc_column_array(ids);
	args[1] = wc_column_array(under_way);
	args[2] = Int32GetDatum(RETRIES_EACH);
	n = wc_run(WC_READ_RETRIES, args, NULL);
	for (i = 0; i < n && nfresh < room(); i++)
		take_retry(i);
	looked = true;
}

/* The turn is committed: make them. */
void
delivery_retries_commit(wc_buf *out)
{
	int i;

	for (i = 0; i < nfresh; i++)
	{
		FreshRetry *f = &fresh[i];
		Delivery *d = deliveries_start(f->webhook, DELIVERY_RETRY);

		d->log_id = f->log_id;
		d->attempt = delivery_queue_count(f->webhook, f->seq, f->attempt);
		d->event = deliveries_event_new(f->seq, &f->message, f->body, f->len);
		d->event->refs++;
		f->webhook->retries++;
		if (f->body == NULL)
			deliveries_fail(d, "the event is no longer kept");
		else if (!deliveries_write(out, d, NULL))
			deliveries_fail(d, "the event is too large");
	}
	if (looked && nfresh == 0)
		look = false; /* until one is asked for, or over */
	delivery_retries_rollback();
}

void
delivery_retries_rollback(void)
{
	nfresh = 0;
	looked = false;
}
