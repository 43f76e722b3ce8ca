/*
 * visitor_input.c
 *	  What a visitor's client says, frame by frame: checked, limited, answered
 *	  or handed on.
 */
#include "visitors/visitor_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "visitors/visitor_admit.h"
#include "visitors/visitor_hello.h"
#include "visitors/visitor_inflight.h"
#include "visitors/visitor_output.h"
#include "visitors/visitor_scan.h"

/* Frames that are no messages: so many a second, so many at once. */
static const rate_limit frame_rate = {1000, 20, 100};

/* Pages of history. */
static const rate_limit history_rate = {1000, 1, 10};

/* Other pages: so many in ten seconds, so many at once. */
static const rate_limit page_rate = {10000, 2, 4};

/* Ratings, with what they say. */
static const rate_limit rating_rate = {10000, 1, 5};

/* Receipts that cost a token of address_bytes: what the budgets reckon for them. */
#define RECEIPTS_A_KB 4u

/* When what the worker has no room for may be sent again. */
#define BUSY_MS 1000

/* A frame came too early; true: the session was closed for one too many. */
static bool
flood(session *s)
{
	uint64_t now = uv_now(s->v->loop);

	metrics_now.visitor_rate_errors++;
	if (now - s->errors_since_ms > SESSION_ERRORS_MS)
	{
		s->errors_since_ms = now;
		s->errors = 0;
	}
	if (++s->errors < SESSION_MAX_ERRORS)
		return false;
	ws_server_close(&s->w, WS_CLOSE_FLOOD, "too many frames, in spite of being told; come back later");
	return true;
}

static void
too_early(session *s, const char *id, uint32_t wait_ms, const char *text)
{
	if (!flood(s))
		visitor_output_error(s, "rate", id, wait_ms, text);
}

/* How long until this visitor and this address may send one more message. */
static uint32_t
message_wait(session *s, uint64_t now)
{
	visitors *v = s->v;
	uint32_t wait = rate_limit_table_wait(v->by_visitor, s->entry.visitor, &v->visitor_rate, now);
	uint32_t address_wait = s->count ? address_rate_wait(v->by_address, &s->client, &v->address_rate, now) : 0;
	uint32_t bytes_wait = s->count ? address_rate_wait(v->address_bytes, &s->client, &v->address_kb_rate, now) : 0;

	wait = wait > address_wait ? wait : address_wait;
	return wait > bytes_wait ? wait : bytes_wait;
}

static void
on_message(session *s, const visitor_frame *frame)
{
	visitors *v = s->v;
	uint64_t now = uv_now(v->loop);
	uint32_t wait = message_wait(s, now);

	if (wait > 0)
	{
		too_early(s, frame->id, wait, "Too many messages at a time.");
		return;
	}
	if (!visitor_inflight_message(s, frame))
	{
		visitor_output_error(s, "busy", frame->id, BUSY_MS,
							 "The message could not be taken now; it will be sent again.");
		return;
	}
	rate_limit_table_take(v->by_visitor, s->entry.visitor, &v->visitor_rate, now);
	if (s->count != NULL)
	{
		address_rate_take(v->by_address, &s->client, &v->address_rate, now, 1);
		address_rate_take(v->address_bytes, &s->client, &v->address_kb_rate, now, visitor_kb(frame->content.len));
	}
}

/* How long until this visitor and this address may confirm anything. */
static uint32_t
receipts_wait(session *s, uint64_t now)
{
	visitors *v = s->v;
	uint32_t wait = rate_limit_table_wait(v->receipts, s->entry.visitor, &v->receipt_rate, now);
	uint32_t bytes_wait = s->count ? address_rate_wait(v->address_bytes, &s->client, &v->address_kb_rate, now) : 0;

	return wait > bytes_wait ? wait : bytes_wait;
}

/*
 * A receipt is charged to the budgets that all share, whatever it is for: so its
 * address pays, or a few visitors of one could use those up for everybody.
 */
static void
on_receipts(session *s, const visitor_frame *frame)
{
	visitors *v = s->v;
	uint64_t now = uv_now(v->loop);
	uint32_t wait = receipts_wait(s, now);
	int i;

	if (wait > 0)
	{
		too_early(s, NULL, wait, "Too many receipts at a time.");
		return;
	}
	if (!visitor_inflight_receipts(s, frame))
	{
		visitor_output_error(s, "busy", NULL, BUSY_MS, "The receipts could not be taken now; send them again.");
		return;
	}
	for (i = 0; i < frame->nids; i++)
		rate_limit_table_take(v->receipts, s->entry.visitor, &v->receipt_rate, now);
	if (s->count != NULL)
		address_rate_take(v->address_bytes, &s->client, &v->address_kb_rate, now,
						  ((uint32_t) frame->nids + RECEIPTS_A_KB - 1) / RECEIPTS_A_KB);
}

/* A page costs the worker as much as a hello, and its address the same. */
static void
on_history(session *s, const visitor_frame *frame)
{
	visitors *v = s->v;
	uint64_t now = uv_now(v->loop);
	wc_history_ask ask = {.session = s->entry.number};
	uint32_t wait = rate_limit_wait(s->asks, &history_rate, now);
	uint32_t address_wait = s->count ? address_rate_wait(v->hellos, &s->client, &v->hello_rate, now) : 0;

	wait = wait > address_wait ? wait : address_wait;
	if (s->asked)
		wait = wait > BUSY_MS ? wait : BUSY_MS;
	if (wait > 0)
	{
		too_early(s, NULL, wait, "One page of history at a time.");
		return;
	}
	memcpy(ask.channel, s->entry.channel, 16);
	memcpy(ask.visitor, s->entry.visitor, 16);
	memcpy(ask.before, frame->before, 16);
	if (corridor_io_full(v->corridor) || !wc_write_history_ask(corridor_io_out(v->corridor), &ask))
	{
		visitor_output_error(s, "busy", NULL, BUSY_MS, "History could not be looked up now; ask again.");
		return;
	}
	s->asked = true;
	s->asks = rate_limit_take(s->asks, &history_rate, now);
	if (s->count != NULL)
		address_rate_take(v->hellos, &s->client, &v->hello_rate, now, 1);
}

/* Never stored, so it may be lost; what comes too early is. */
static void
on_typing(session *s)
{
	visitors *v = s->v;
	uint64_t now = uv_now(v->loop);
	wc_typed typed;

	if ((s->typed_ms != 0 && now - s->typed_ms < SESSION_TYPING_MS) || corridor_io_full(v->corridor))
		return;
	s->typed_ms = now;
	if (v->types != NULL)
		v->types(v->types_arg, s->entry.channel, s->entry.visitor);
	memcpy(typed.channel, s->entry.channel, 16);
	memcpy(typed.visitor, s->entry.visitor, 16);
	wc_write_typed(corridor_io_out(v->corridor), &typed);
}

/*
 * The visitor has gone to another page.  It becomes a row's new version, so the
 * address pays as for a receipt; what comes too early is lost, as typing is.
 */
static void
on_page(session *s, const visitor_page *page)
{
	visitors *v = s->v;
	uint64_t now = uv_now(v->loop);
	wc_page m;

	if (!visitor_admit_is_of(s, page->url, page->origin) || corridor_io_full(v->corridor) ||
		rate_limit_wait(s->pages, &page_rate, now) > 0 ||
		(s->count != NULL && address_rate_wait(v->address_bytes, &s->client, &v->address_kb_rate, now) > 0))
		return;
	s->pages = rate_limit_take(s->pages, &page_rate, now);
	if (s->count != NULL)
		address_rate_take(v->address_bytes, &s->client, &v->address_kb_rate, now, 1);
	memcpy(m.channel, s->entry.channel, 16);
	memcpy(m.visitor, s->entry.visitor, 16);
	m.url = wc_str_from(page->url);
	m.title = wc_str_from(page->title);
	wc_write_page(corridor_io_out(v->corridor), &m);
}

/* Of a closed conversation there is one row, however often it is changed; its address pays as for a message. */
static void
on_rating(session *s, const visitor_frame *frame)
{
	visitors *v = s->v;
	uint64_t now = uv_now(v->loop);
	wc_rating m = {.session = s->entry.number, .value = frame->value};
	uint32_t wait = rate_limit_wait(s->ratings, &rating_rate, now);
	uint32_t bytes_wait = s->count ? address_rate_wait(v->address_bytes, &s->client, &v->address_kb_rate, now) : 0;

	wait = wait > bytes_wait ? wait : bytes_wait;
	if (wait > 0)
	{
		too_early(s, NULL, wait, "Too many ratings at a time.");
		return;
	}
	memcpy(m.channel, s->entry.channel, 16);
	memcpy(m.visitor, s->entry.visitor, 16);
	m.comment = wc_str_from(frame->made ? frame->made : "");
	if (corridor_io_full(v->corridor) || !wc_write_rating(corridor_io_out(v->corridor), &m))
	{
		visitor_output_error(s, "busy", NULL, BUSY_MS, "The rating could not be stored now; send it again.");
		return;
	}
	s->ratings = rate_limit_take(s->ratings, &rating_rate, now);
	if (s->count != NULL)
		address_rate_take(v->address_bytes, &s->client, &v->address_kb_rate, now, visitor_kb(m.comment.len));
}

/* Everything but a good message costs of the session's own bucket. */
static bool
may_speak(session *s, const visitor_frame *frame, visitor_frame_verdict verdict)
{
	uint64_t now = uv_now(s->v->loop);
	uint32_t wait;

	if (verdict == VISITOR_GOOD && frame->type == VISITOR_MESSAGE)
		return true;
	wait = rate_limit_wait(s->frames, &frame_rate, now);
	if (wait > 0)
	{
		too_early(s, frame->id, wait, "Too many frames at a time.");
		return false;
	}
	s->frames = rate_limit_take(s->frames, &frame_rate, now);
	return true;
}

/* Frames of an open session. */
static void
on_frame(session *s, const visitor_frame *frame)
{
	/* not what a client does by itself, in a tab that nobody looks at */
	if (frame->type == VISITOR_MESSAGE || frame->type == VISITOR_READ || frame->type == VISITOR_TYPING ||
		frame->type == VISITOR_PAGE || frame->type == VISITOR_HISTORY)
		s->busy_ms = uv_now(s->v->loop);
	switch (frame->type)
	{
		case VISITOR_MESSAGE:
			on_message(s, frame);
			break;
		case VISITOR_DELIVERED:
		case VISITOR_READ:
			on_receipts(s, frame);
			break;
		case VISITOR_TYPING:
			on_typing(s);
			break;
		case VISITOR_HISTORY:
			on_history(s, frame);
			break;
		case VISITOR_PAGE:
			on_page(s, frame->page);
			break;
		case VISITOR_RATING:
			on_rating(s, frame);
			break;
		case VISITOR_IDENTIFY:
			visitor_hello_identify(s, frame);
			break;
		case VISITOR_PING:
			visitor_output_pong(s);
			break;
		case VISITOR_HELLO:
			if (!flood(s))
				visitor_output_error(s, "bad_message", NULL, 0, "This session has said hello already.");
			break;
		default:
			visitor_output_error(s, "unknown_type", NULL, 0, "This hub does not know frames of that type.");
	}
}

static void
on_verdict(session *s, const visitor_frame *frame, visitor_frame_verdict verdict, size_t len)
{
	if (verdict == VISITOR_NOT_JSON && s->state == SESSION_HELLO)
		ws_server_close(&s->w, WS_CLOSE_POLICY, "a frame must be one JSON object");
	else if (s->state == SESSION_HELLO && frame->type != VISITOR_HELLO)
		ws_server_close(&s->w, WS_CLOSE_POLICY, "the first frame must be hello");
	else if (!may_speak(s, frame, verdict))
		return;
	else if (frame->type == VISITOR_MESSAGE && len > s->v->max_message)
		visitor_output_error(s, "too_large", frame->id, 0, "The text is too long.");
	else if (verdict != VISITOR_GOOD)
		visitor_output_error(s, verdict == VISITOR_BAD_CONTENT ? "bad_content" : "bad_message", frame->id, 0,
							 frame->why);
	else if (s->state == SESSION_HELLO)
		visitor_hello(s, frame);
	else if (s->state == SESSION_ARRIVED && frame->type == VISITOR_PING)
		visitor_output_pong(s);
	else if (s->state == SESSION_ARRIVED)
		visitor_output_error(s, "busy", frame->id, BUSY_MS, "The visitor is not welcomed yet.");
	else
		on_frame(s, frame);
}

void
visitor_input_text(ws *w, const char *text, size_t len)
{
	session *s = (session *) w;
	visitor_frame frame;
	visitor_frame_verdict verdict = visitor_scan_parse(text, len, &frame);

	on_verdict(s, &frame, verdict, len);
	visitor_frame_free(&frame);
}

/* Only its beginning is there: enough to say which one it was. */
void
visitor_input_large(ws *w, const char *text, size_t len)
{
	session *s = (session *) w;
	visitor_frame frame;

	if (s->state == SESSION_HELLO)
	{
		ws_server_close(&s->w, WS_CLOSE_LARGE, "the hello is too long");
		return;
	}
	visitor_frame_guess(text, len, &frame);
	if (may_speak(s, &frame, VISITOR_BAD))
		visitor_output_error(s, "too_large", frame.id, 0, "The text is too long.");
}

/* Pings are answered by the WebSocket itself; but not any number of them. */
void
visitor_input_control(ws *w)
{
	session *s = (session *) w;
	uint64_t now = uv_now(s->v->loop);

	if (rate_limit_wait(s->frames, &frame_rate, now) > 0)
		flood(s);
	else
		s->frames = rate_limit_take(s->frames, &frame_rate, now);
}
