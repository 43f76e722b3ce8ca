/*
 * deliveries.c
 *	  What is under way to webhooks, and what webchatt-net says became of it.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "feed/deliveries.h"
#include "feed/webhook.h"
#include "shared/valid_text.h"

/* A Retry-After is heeded up to this, in ms. */
#define RETRY_AFTER_MOST_MS 3600000

#define MAX_ERROR 512

dlist_head deliveries_ended = DLIST_STATIC_INIT(deliveries_ended);
int deliveries_nended = 0;
HTAB *deliveries_all = NULL;

static uint64 last_token = 0;

static MemoryContext
deliveries_context(void)
{
	static MemoryContext context = NULL;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "webchatt deliveries", ALLOCSET_DEFAULT_SIZES);
	return context;
}

/* An event that nobody holds yet. */
FeedEvent *
deliveries_event_new(int64 seq, const pg_uuid_t *message, const char *body, uint32 len)
{
	FeedEvent *event = MemoryContextAlloc(deliveries_context(), offsetof(FeedEvent, body) + len);

	event->seq = seq;
	event->message = *message;
	event->refs = 0;
	event->len = len;
	if (len > 0)
		memcpy(event->body, body, len);
	return event;
}

/* One of those who hold it does no more. */
void
deliveries_event_free(FeedEvent *event)
{
	if (--event->refs <= 0)
		pfree(event);
}

/*
 * The id of an event to a webhook, the same in each attempt: the webhook's own with
 * the event's number and its message's id mixed in, as a UUID of version 8.  The
 * number alone would not do: when a database goes back in time, or fails over to a
 * standby that lacks the last commits, numbers are given again.
 */
void
deliveries_id(const Webhook *w, const FeedEvent *event, pg_uuid_t *id)
{
	int i;

	*id = w->row->id;
	for (i = 0; i < UUID_LEN; i++)
		id->data[i] ^= event->message.data[i];
	for (i = 0; i < 8; i++)
		id->data[15 - i] ^= (uint8) ((uint64) event->seq >> (8 * i));
	id->data[6] = (id->data[6] & 0x0f) | 0x80;
	id->data[8] = (id->data[8] & 0x3f) | 0x80;
}

/* An attempt that is about to be made. */
Delivery *
deliveries_start(Webhook *w, DeliveryKind kind)
{
	Delivery *d;

	if (deliveries_all == NULL)
	{
		HASHCTL ctl;

		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = sizeof(uint64);
		ctl.entrysize = sizeof(Delivery);
		ctl.hcxt = deliveries_context();
		deliveries_all = hash_create("webchatt deliveries", 1024, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	last_token++;
	d = hash_search(deliveries_all, &last_token, HASH_ENTER, NULL);
	memset(d, 0, sizeof(*d));
	d->token = last_token;
	d->webhook = w;
	d->kind = kind;
	w->under_way++;
	return d;
}

static char *
keep_text(wc_str s, int most)
{
	char *copy;
	int n;

	if (s.len == 0)
		return NULL;
	n = pg_encoding_mbcliplen(PG_UTF8, s.p, (int) s.len, most);
	copy = MemoryContextAlloc(deliveries_context(), n + 1);
	memcpy(copy, s.p, n);
	copy[n] = '\0';
	return copy;
}

/* An attempt is over: the next turn writes it down. */
void
deliveries_end(Delivery *d, const wc_delivered *m)
{
	d->ended = true;
	d->recorded = false;
	d->good = m->good != 0;
	d->http_status = (int) Min(m->http_status, 999);
	d->retry_after_ms = (int) Min(m->retry_after_ms, RETRY_AFTER_MOST_MS);
	d->duration_us = (int) Min(m->duration_us, PG_INT32_MAX);
	d->sent_at = GetCurrentTimestamp() - d->duration_us;
	d->answer = keep_text(m->answer, WC_MAX_DELIVERY_ANSWER);
	d->error = keep_text(m->error, MAX_ERROR);
	dlist_push_tail(&deliveries_ended, &d->node);
	deliveries_nended++;
}

/* It cannot be made at all. */
void
deliveries_fail(Delivery *d, const char *why)
{
	wc_delivered m;

	memset(&m, 0, sizeof(m));
	m.error = wc_str_from(why);
	d->unsent = true;
	deliveries_end(d, &m);
}

/* Take what became of an attempt; false when it is nothing of that kind. */
bool
deliveries_accept(const wc_frame *frame)
{
	wc_delivered m;
	Delivery *d;

	if (!wc_read_delivered(frame, &m) || !wc_texts_are_valid(&m.answer, 1))
		return false;
	/* libcurl's and the system's words are in whatever encoding they like */
	if (!wc_texts_are_valid(&m.error, 1))
		m.error = wc_str_from("an error whose text is not UTF-8");
	d = deliveries_all ? hash_search(deliveries_all, &m.token, HASH_FIND, NULL) : NULL;
	if (d != NULL && !d->ended)
		deliveries_end(d, &m);
	return true;
}

/* It is settled, or of no interest any more. */
void
deliveries_forget(Delivery *d)
{
	if (d->ended)
	{
		dlist_delete(&d->node);
		deliveries_nended--;
	}
	if (d->answer)
		pfree(d->answer);
	if (d->error)
		pfree(d->error);
	if (d->endpoint)
		pfree(d->endpoint);
	if (d->kind == DELIVERY_RETRY && d->event != NULL)
		deliveries_event_free(d->event);
	d->webhook->under_way--;
	if (d->kind == DELIVERY_RETRY)
		d->webhook->retries--;
	hash_search(deliveries_all, &d->token, HASH_REMOVE, NULL);
}

/* Hand it over; token: of a VERIFY.  False: it does not fit into a frame. */
bool
deliveries_write(wc_buf *out, const Delivery *d, const char *token)
{
	wc_deliver m;

	memset(&m, 0, sizeof(m));
	m.token = d->token;
	m.webhook = d->webhook->row->n;
	m.attempt = (uint32) d->attempt;
	if (d->kind == DELIVERY_VERIFY)
	{
		m.verify = 1;
		m.body = wc_str_from(token);
	}
	else
	{
		const FeedEvent *event = d->kind == DELIVERY_EVENT ? d->item->event : d->event;
		pg_uuid_t id;

		deliveries_id(d->webhook, event, &id);
		memcpy(m.delivery, id.data, sizeof(m.delivery));
		m.body.p = event->body;
		m.body.len = event->len;
	}
	return wc_write_deliver(out, &m);
}
