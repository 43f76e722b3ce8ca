/*
 * ws_parser.c
 */
#include "ws/ws_parser.h"

#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

/* Room for a message at first, and what is kept of it from one message to the next. */
#define FIRST_TEXT 1024u
#define KEPT_TEXT  (16u * 1024)

struct ws_parser
{
	wslay_event_context_ptr ctx;
	const ws_parser_calls *calls;
	void *arg;		 /* whose bytes these are */
	uint64_t open;	 /* bytes read that belong to no finished frame */
	uint64_t frame;	 /* size of the frame that has begun */
	bool fragmented; /* a message's last fragment has not come */
	bool broken;	 /* a close frame that RFC 6455 does not allow */
	bool control;	 /* the frame that has begun is no message's */
	bool no_memory;
	ws_limits limits;
	uint64_t total; /* bytes of the message that has begun, as its frames' heads say */
	char *text;		/* the first limits.max of them, as far as they have come */
	size_t len;
	size_t cap;
};

static ssize_t
on_read(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *user)
{
	ws_parser *p = user;
	bool wanted = p->total <= p->limits.most && !p->no_memory && p->calls->wants(p->arg);
	size_t n = wanted ? p->calls->read(p->arg, buf, len) : 0;

	(void) flags;
	if (n == 0)
	{
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	p->open += n;
	return (ssize_t) n;
}

static ssize_t
on_write(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags, void *user)
{
	ws_parser *p = user;

	(void) flags;
	if (p->calls->write(p->arg, data, len))
		return (ssize_t) len;
	wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static void
on_frame_start(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_start_arg *frame, void *user)
{
	ws_parser *p = user;
	uint64_t n = frame->payload_length;

	(void) ctx;
	/* two bytes, the longer lengths, the mask */
	p->frame = n + 2 + (n < 126 ? 0 : n < 65536 ? 2 : 8) + 4;
	p->control = wslay_is_ctrl_frame(frame->opcode);
	if (p->control)
		return;
	if (frame->opcode != WSLAY_CONTINUATION_FRAME)
	{
		p->total = 0;
		p->len = 0;
	}
	p->total = n > p->limits.most ? p->limits.most + 1 : p->total + n;
	p->fragmented = !frame->fin;
}

/* Room for so many bytes of text. */
static bool
grow(ws_parser *p, size_t need)
{
	size_t cap = p->cap ? p->cap : FIRST_TEXT;
	char *text;

	if (need <= p->cap)
		return true;
	while (cap < need)
		cap *= 2;
	text = realloc(p->text, cap);
	if (text == NULL)
		return false;
	p->text = text;
	p->cap = cap;
	return true;
}

/* libwslay keeps no message: of one that is too large only the beginning is. */
static void
on_chunk(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *user)
{
	ws_parser *p = user;
	size_t len = chunk->data_length;
	size_t room = p->len < p->limits.max ? (size_t) (p->limits.max - p->len) : 0;

	(void) ctx;
	len = len < room ? len : room;
	if (p->control || len == 0)
		return;
	if (!grow(p, p->len + len))
	{
		p->no_memory = true;
		return;
	}
	memcpy(p->text + p->len, chunk->data, len);
	p->len += len;
}

static void
on_frame_end(wslay_event_context_ptr ctx, void *user)
{
	ws_parser *p = user;

	(void) ctx;
	p->open -= p->frame;
}

static void
take_text(ws_parser *p)
{
	const char *text = p->text ? p->text : "";
	size_t len = p->len;
	bool large = p->len < p->total;

	p->total = 0;
	(large ? p->calls->large : p->calls->text)(p->arg, text, len);
	if (p->cap <= KEPT_TEXT)
		return;
	free(p->text);
	p->text = NULL;
	p->cap = 0;
}

static void
on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *msg, void *user)
{
	ws_parser *p = user;

	(void) ctx;
	if (!p->calls->wants(p->arg) || p->no_memory || p->total > p->limits.most)
		return;
	switch (msg->opcode)
	{
		case WSLAY_TEXT_FRAME:
			take_text(p);
			break;
		case WSLAY_BINARY_FRAME:
			p->calls->binary(p->arg);
			break;
		case WSLAY_CONNECTION_CLOSE:
			/* libwslay lets a code of one byte pass (RFC 6455 §5.5.1). */
			p->broken = msg->msg_length == 1;
			break;
		default:
			p->calls->control(p->arg);
	}
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = on_read,
	.send_callback = on_write,
	.on_frame_recv_start_callback = on_frame_start,
	.on_frame_recv_chunk_callback = on_chunk,
	.on_frame_recv_end_callback = on_frame_end,
	.on_msg_recv_callback = on_message,
};

ws_parser *
ws_parser_new(const ws_parser_calls *calls)
{
	ws_parser *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->calls = calls;
	if (wslay_event_context_server_init(&p->ctx, &callbacks, p) != 0)
	{
		free(p);
		return NULL;
	}
	wslay_event_config_set_no_buffering(p->ctx, 1); /* of messages; control frames are kept */
	return p;
}

void
ws_parser_free(ws_parser *p)
{
	if (p == NULL)
		return;
	wslay_event_context_free(p->ctx);
	free(p->text);
	free(p);
}

/* Why the connection has to end, as a code of RFC 6455; 0: it has not. */
static uint16_t
failure(const ws_parser *p, int result)
{
	if (p->no_memory || result == WSLAY_ERR_NOMEM)
		return WSLAY_CODE_INTERNAL_SERVER_ERROR;
	if (result != 0 || p->broken)
		return WSLAY_CODE_PROTOCOL_ERROR;
	/* of one frame libwslay says so itself */
	return p->total > p->limits.most && !wslay_event_want_write(p->ctx) ? WSLAY_CODE_MESSAGE_TOO_BIG : 0;
}

ws_parsed
ws_parser_run(ws_parser *p, void *arg, const ws_limits *limits, uint16_t *code)
{
	int r;

	p->arg = arg;
	p->limits = *limits;
	wslay_event_config_set_max_recv_msg_length(p->ctx, limits->most);
	r = wslay_event_recv(p->ctx);
	if (!p->calls->wants(arg))
		return WS_PARSED_PARTIAL;
	*code = failure(p, r);
	if (*code != 0)
		return WS_PARSED_FAILED;
	if (wslay_event_want_write(p->ctx) && wslay_event_send(p->ctx) != 0)
	{
		*code = WSLAY_CODE_INTERNAL_SERVER_ERROR;
		return WS_PARSED_FAILED;
	}
	if (wslay_event_get_close_sent(p->ctx))
	{
		*code = wslay_event_get_close_received(p->ctx) ? wslay_event_get_status_code_received(p->ctx)
													   : wslay_event_get_status_code_sent(p->ctx);
		return WS_PARSED_CLOSE;
	}
	return p->open == 0 && !p->fragmented ? WS_PARSED_BOUNDARY : WS_PARSED_PARTIAL;
}
