/*
 * visitor_inflight.c
 *	  What visitors write, on its way to the worker as events and back as acks:
 *	  an event's number leads to what is pending, also when its session has gone.
 */
#include "visitors/visitor_inflight.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/metrics.h"
#include "base/text.h"
#include "common/event_rules.h"
#include "visitors/visitor_output.h"

#define CHANNEL_TYPE "web-chatt2me"

/* Bytes of a UUID in text. */
#define UUID_TEXT 36

/* When a message may be sent again that the worker did not take, and one over a budget. */
#define RETRY_MS		1000
#define BUDGET_RETRY_MS 60000

/* The receipts of one frame: confirmed together, when the last one is done. */
typedef struct receipts
{
	uint8_t channel[16];
	uint8_t visitor[16];
	uint64_t session;
	const char *status; /* "delivered" or "read" */
	int left;			/* not yet done */
	int n;				/* ids that are */
	uint8_t ids[][16];	/* as many as the frame had */
} receipts;

/* One event that the worker has. */
typedef struct pending
{
	timeout timeout; /* first: the timeouts hand this out */
	uint64_t number;
	uint64_t session;
	uint64_t handed_ns;
	receipts *group; /* NULL: a message */
	uint8_t channel[16];
	uint8_t visitor[16];
	uint8_t message[16];			 /* that a receipt is for */
	char client[VISITOR_MAX_ID + 1]; /* the id that a message's client gave */
	uint32_t content_len;
	char content[];
} pending;

uint32_t
visitor_inflight_room(const visitors *v)
{
	if (corridor_io_full(v->corridor) || !inflight_has_room(v->inflight, v->max_message, v->max_waiting))
		return 0;
	return v->max_waiting - inflight_count(v->inflight);
}

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static pending *
pending_new(session *s, wc_str content)
{
	visitors *v = s->v;
	size_t size = sizeof(pending) + content.len + 1;
	pending *p = calloc(1, size);

	if (p == NULL)
		return NULL;
	p->number = inflight_take(v->inflight, p, size, v->max_waiting);
	if (p->number == 0)
	{
		free(p);
		return NULL;
	}
	p->session = s->entry.number;
	p->handed_ns = uv_hrtime();
	memcpy(p->channel, s->entry.channel, 16);
	memcpy(p->visitor, s->entry.visitor, 16);
	p->content_len = content.len;
	memcpy(p->content, content.p, content.len);
	return p;
}

static void
pending_free(visitors *v, pending *p)
{
	inflight_give(v->inflight, p->number);
	timeouts_set(&v->timeouts, &p->timeout, PHASE_NONE, 0);
	free(p);
}

/* Fill what both kinds of events have, and hand the event over. */
static bool
hand_over(visitors *v, pending *p, wc_event *event, wc_str visitor, wc_str body)
{
	event->request = p->number | VISITORS_NUMBER;
	memcpy(event->channel, p->channel, 16);
	event->at_us = now_us();
	event->visitor = visitor;
	event->channel_type = wc_str_from(CHANNEL_TYPE);
	event->body = body;
	if (!wc_write_event(corridor_io_out(v->corridor), event))
		return false;
	corridor_io_nudge(v->corridor);
	timeouts_set(&v->timeouts, &p->timeout, PHASE_WAIT, uv_now(v->loop));
	return true;
}

/* False: there is no room for it now. */
bool
visitor_inflight_message(session *s, const visitor_frame *frame)
{
	visitors *v = s->v;
	wc_event event = {.kind = WC_EVENT_MESSAGE};
	char message_id[UUID_TEXT + 1 + VISITOR_MAX_ID + 1]; /* "<visitor>/<client id>" */
	size_t id_len = strlen(frame->id);
	bool good;
	pending *p = corridor_io_full(v->corridor) ? NULL : pending_new(s, frame->content);

	if (p == NULL)
		return false;
	memcpy(p->client, frame->id, id_len + 1);
	wc_uuid_print(p->visitor, message_id);
	message_id[UUID_TEXT] = '/';
	memcpy(message_id + UUID_TEXT + 1, frame->id, id_len);
	event.message_id = (wc_str){message_id, (uint32_t) (UUID_TEXT + 1 + id_len)};
	event.content_len = p->content_len;
	good = hand_over(v, p, &event, (wc_str){message_id, UUID_TEXT}, (wc_str){p->content, p->content_len});
	if (good)
	{
		s->unacked++;
		metrics_now.visitor_messages++;
	}
	else
		pending_free(v, p);
	return good;
}

/* One receipt of a group to the worker. */
static bool
hand_receipt(session *s, receipts *group, const uint8_t message[16])
{
	wc_event event = {.kind = WC_EVENT_STATUS};
	wc_buf *body = &s->v->text;
	char visitor[UUID_TEXT + 1];
	char id[UUID_TEXT + 1];
	pending *p = pending_new(s, (wc_str){"", 0});

	if (p == NULL)
		return false;
	p->group = group;
	memcpy(p->message, message, 16);
	wc_uuid_print(p->visitor, visitor);
	wc_uuid_print(message, id);
	wc_buf_reset(body);
	text_append(body, "{\"eventType\":\"MessageStatus\",\"messageId\":\"");
	text_append(body, id);
	text_append(body, "\",\"status\":\"");
	text_append(body, group->status);
	text_append(body, "\",\"timestamp\":");
	text_append_number(body, now_us() / 1000000);
	text_append(body, ",\"channel\":\"" CHANNEL_TYPE "\"}");
	event.message_id = wc_str_from(id);
	event.status = wc_str_from(group->status);
	if (!body->failed &&
		hand_over(s->v, p, &event, (wc_str){visitor, UUID_TEXT}, (wc_str){body->data, (uint32_t) body->len}))
		return true;
	pending_free(s->v, p);
	return false;
}

/* False: not one of them could be handed over now. */
bool
visitor_inflight_receipts(session *s, const visitor_frame *frame)
{
	receipts *group = calloc(1, sizeof(*group) + (size_t) frame->nids * sizeof(group->ids[0]));
	int i;

	if (group == NULL)
		return false;
	memcpy(group->channel, s->entry.channel, 16);
	memcpy(group->visitor, s->entry.visitor, 16);
	group->session = s->entry.number;
	group->status = frame->type == VISITOR_READ ? "read" : "delivered";
	for (i = 0; i < frame->nids; i++)
	{
		if (corridor_io_full(s->v->corridor) || !hand_receipt(s, group, frame->ids[i]))
			break;
		group->left++;
	}
	if (group->left == 0)
	{
		free(group);
		return false;
	}
	s->receipts = (uint16_t) (s->receipts + group->left);
	return true;
}

/* A session that waited for this may be read again. */
static session *
session_after(visitors *v, uint64_t number)
{
	visitor_entry *e = visitor_registry_find(v->sessions, number);
	session *s = e ? session_of(e) : NULL;

	if (s != NULL && s->w.paused && !s->stalled && s->state == SESSION_OPEN)
		ws_server_resume(&s->w);
	return s;
}

/* result: wc_event_result; message: its row. */
static void
message_done(visitors *v, const pending *p, uint8_t result, const uint8_t message[16])
{
	static const uint8_t zeros[16];
	session *s = session_after(v, p->session);

	if (memcmp(message, zeros, 16) == 0)
		message = NULL;
	if (s != NULL)
		s->unacked--;
	switch (result)
	{
		case WC_DONE_STORED:
		case WC_DONE_REPEAT:
			if (s != NULL)
				visitor_output_ack(s, p->client, message, message ? wc_uuid7_time_us(message) / 1000 : now_us() / 1000);
			/* also a repeat: the first time may have been given up before its commit */
			if (message != NULL)
				visitor_output_message_in(v, p->channel, p->visitor, p->session, message, p->client,
										  (wc_str){p->content, p->content_len});
			break;
		case WC_DONE_REJECTED:
			if (s != NULL)
				visitor_output_ack(s, p->client, NULL, now_us() / 1000);
			break;
		case WC_DONE_NO_FILE:
			if (s != NULL)
				visitor_output_error(s, "bad_content", p->client, 0,
									 "The file is not one of this conversation, or it is not whole.");
			break;
		case WC_DONE_BUDGET:
			if (s != NULL)
				visitor_output_error(s, "busy", p->client, BUDGET_RETRY_MS,
									 "So much is being written here that no more is taken now; it will be sent again.");
			break;
		default:
			if (s != NULL)
				visitor_output_error(s, "busy", p->client, RETRY_MS,
									 "The message could not be stored now; it will be sent again.");
	}
}

/* The last one of a group confirms them all. */
static void
receipt_done(visitors *v, const pending *p, uint8_t result)
{
	receipts *group = p->group;
	session *s = session_after(v, p->session);

	if (s != NULL)
		s->receipts--;
	/* What was put aside (webchatt.rejects) would not be taken the next time either. */
	if (result == WC_DONE_STORED || result == WC_DONE_REPEAT || result == WC_DONE_REJECTED)
		memcpy(group->ids[group->n++], p->message, 16);
	if (--group->left > 0)
		return;
	if (group->n > 0)
		visitor_output_status_ids(v, group->channel, group->visitor, group->status, (const uint8_t(*)[16]) group->ids,
								  group->n);
	free(group);
}

static void
done(visitors *v, pending *p, uint8_t result, const uint8_t message[16])
{
	if (p->group != NULL)
		receipt_done(v, p, result);
	else
		message_done(v, p, result, message);
	pending_free(v, p);
}

void
visitor_inflight_done(visitors *v, const wc_event_done *event)
{
	pending *p = inflight_find(v->inflight, event->request & ~VISITORS_NUMBER);

	/* Not there: it was given up meanwhile, and the client will come again. */
	if (p == NULL)
		return;
	metrics_done(event->result, (uv_hrtime() - p->handed_ns) / 1000);
	done(v, p, event->result, event->message);
}

void
visitor_inflight_late(visitors *v, timeout *entry)
{
	static const uint8_t zeros[16];

	done(v, (pending *) entry, WC_DONE_BUSY, zeros);
}

void
visitor_inflight_free(visitors *v)
{
	timeouts_expire(&v->timeouts, PHASE_WAIT);
}
