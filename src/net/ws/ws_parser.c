/*
 * ws_parser.c
 */
#include "ws/ws_parser.h"

#include <stdlib.h>
#include <wslay/wslay.h>

struct ws_parser
{
	wslay_event_context_ptr ctx;
	const ws_parser_calls *calls;
	void *arg;		 /* whose bytes these are */
	uint64_t open;	 /* bytes read that belong to no finished frame */
	uint64_t frame;	 /* size of the frame that has begun */
	bool fragmented; /* a message's last fragment has not come */
	bool broken;	 /* a close frame that RFC 6455 does not allow */
};

static ssize_t
on_read(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *user)
{
	ws_parser *p = user;
	size_t n = p->calls->wants(p->arg) ? p->calls->read(p->arg, buf, len) : 0;

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
	if (!wslay_is_ctrl_frame(frame->opcode))
		p->fragmented = !frame->fin;
}

static void
on_frame_end(wslay_event_context_ptr ctx, void *user)
{
	ws_parser *p = user;

	(void) ctx;
	p->open -= p->frame;
}

static void
on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *msg, void *user)
{
	ws_parser *p = user;

	(void) ctx;
	if (!p->calls->wants(p->arg))
		return;
	switch (msg->opcode)
	{
		case WSLAY_TEXT_FRAME:
			p->calls->text(p->arg, msg->msg ? (const char *) msg->msg : "", msg->msg_length);
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
	return p;
}

void
ws_parser_free(ws_parser *p)
{
	if (p == NULL)
		return;
	wslay_event_context_free(p->ctx);
	free(p);
}

ws_parsed
ws_parser_run(ws_parser *p, void *arg, uint64_t max, uint16_t *code)
{
	int r;

	p->arg = arg;
	wslay_event_config_set_max_recv_msg_length(p->ctx, max);
	r = wslay_event_recv(p->ctx);
	if (!p->calls->wants(arg))
		return WS_PARSED_PARTIAL;
	if (r != 0 || p->broken)
	{
		*code = r == WSLAY_ERR_NOMEM ? WSLAY_CODE_INTERNAL_SERVER_ERROR : WSLAY_CODE_PROTOCOL_ERROR;
		return WS_PARSED_FAILED;
	}
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
