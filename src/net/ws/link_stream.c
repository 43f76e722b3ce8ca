/*
 * link_stream.c
 *	  The bytes of a link's socket, through TLS or not, and the frames in them.
 */
#include "ws/link_stream.h"

#include <string.h>
#include <sys/random.h>

#include "ws/ws_server.h"

/* Acks and pongs that a hub lets wait: it reads nothing. */
#define MAX_OUT (64u * 1024)

/* Pieces that a message may come in. */
#define MAX_FRAGMENTS 1024u

/* ---- bytes ---- */

bool
link_stream_put(link_socket *s, const void *data, size_t len)
{
	return s->out.len + len <= MAX_OUT && wc_buf_append(&s->out, data, len);
}

bool
link_stream_has_out(const link_socket *s)
{
	return s->gone < s->going.len || s->out.len > 0;
}

/* Send what waits.  That it cannot be sent says less than what can be read. */
void
link_stream_flush(link_socket *s)
{
	while (!s->deaf && link_stream_has_out(s))
	{
		size_t n = 0;
		link_bytes sent;

		if (s->gone == s->going.len)
		{
			wc_buf empty = s->going;

			wc_buf_reset(&empty);
			s->going = s->out;
			s->out = empty;
			s->gone = 0;
		}
		sent = link_dial_write(s->easy, s->going.data + s->gone, s->going.len - s->gone, &n);
		if (sent == LINK_BYTES_LATER)
			break;
		if (sent == LINK_BYTES_SOME)
			s->gone += n;
		else
			s->deaf = s->readable = true;
	}
}

/* Bytes into our buffer, behind what is there; false: none now. */
bool
link_stream_fill(link_socket *s)
{
	size_t n = 0;
	link_bytes came;

	if (s->in_off == s->in_len)
		s->in_off = s->in_len = 0;
	if (!s->readable || s->ended || s->in_len == IN_SIZE)
		return false;
	came = link_dial_read(s->easy, s->in + s->in_len, IN_SIZE - s->in_len, &n);
	if (came == LINK_BYTES_SOME)
	{
		s->in_len += n;
		s->heard = uv_now(s->host->loop);
		s->pinged = false;
		return true;
	}
	s->readable = false;
	s->ended = came != LINK_BYTES_LATER || s->deaf;
	return false;
}

/* ---- frames ---- */

static ssize_t
ws_read(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *arg)
{
	link_socket *s = arg;
	size_t room = s->state == SOCKET_OPEN ? s->host->calls->room(s->arg) : 0;
	size_t n;

	(void) flags;
	s->paused = s->state == SOCKET_OPEN && room == 0;
	if (room == 0 || s->budget == 0 || (s->in_off == s->in_len && !link_stream_fill(s)))
	{
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	n = s->in_len - s->in_off;
	n = n < len ? n : len;
	n = n < room ? n : room;
	n = n < s->budget ? n : s->budget;
	memcpy(buf, s->in + s->in_off, n);
	s->in_off += n;
	s->open += n;
	s->budget -= n;
	return (ssize_t) n;
}

static ssize_t
ws_write(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags, void *arg)
{
	(void) flags;
	if (link_stream_put(arg, data, len))
		return (ssize_t) len;
	wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static int
ws_mask(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, void *arg)
{
	(void) ctx;
	(void) arg;
	return getrandom(buf, len, 0) == (ssize_t) len ? 0 : -1;
}

static void
ws_frame_begins(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_start_arg *frame, void *arg)
{
	link_socket *s = arg;
	uint64_t n = frame->payload_length;

	(void) ctx;
	s->frame = n + 2 + (n < 126 ? 0 : n < 65536 ? 2 : 8);
	s->closing = frame->opcode == WSLAY_CONNECTION_CLOSE;
	if (!wslay_is_ctrl_frame(frame->opcode))
		s->fragments++;
}

static void
ws_chunk(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *arg)
{
	link_socket *s = arg;

	(void) ctx;
	if (s->closing && chunk->data_length <= sizeof(s->farewell) - s->farewell_len)
	{
		memcpy(s->farewell + s->farewell_len, chunk->data, chunk->data_length);
		s->farewell_len += chunk->data_length;
	}
}

static void
ws_frame_ends(wslay_event_context_ptr ctx, void *arg)
{
	link_socket *s = arg;

	(void) ctx;
	s->open -= s->frame;
}

static void
ws_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *msg, void *arg)
{
	link_socket *s = arg;
	link_end end;

	(void) ctx;
	if (!wslay_is_ctrl_frame(msg->opcode))
		s->fragments = 0;
	if (s->fragments == 0)
		s->began = 0;
	if (s->state != SOCKET_OPEN)
		return;
	switch (msg->opcode)
	{
		case WSLAY_TEXT_FRAME:
			s->host->calls->text(s->arg, msg->msg ? (const char *) msg->msg : "", msg->msg_length);
			break;
		case WSLAY_BINARY_FRAME:
			ws_client_end_breach(&end, s->to->host, WS_CLOSE_UNSUPPORTED);
			link_state_tell(s, &end);
			link_state_close(s, WS_CLOSE_UNSUPPORTED, "frames are text");
			break;
		default:
			break;
	}
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = ws_read,
	.send_callback = ws_write,
	.genmask_callback = ws_mask,
	.on_frame_recv_start_callback = ws_frame_begins,
	.on_frame_recv_chunk_callback = ws_chunk,
	.on_frame_recv_end_callback = ws_frame_ends,
	.on_msg_recv_callback = ws_message,
};

/* Put what libwslay has to say into our buffer. */
void
link_stream_collect(link_socket *s)
{
	if (s->state == SOCKET_OPEN && wslay_event_send(s->ws) != 0)
		link_state_lose(s, "does not read what we send over the link");
}

/*
 * Either the hub sent a close frame, or libwslay did because of what it sent.
 * For libwslay 1.1.1 the codes 1012 to 1014, which IANA has registered since, are
 * none, and it answers 1002.
 */
static void
end_by_frame(link_socket *s)
{
	bool farewell = s->closing && s->farewell_len >= 2;
	uint16_t code = farewell ? (uint16_t) (s->farewell[0] << 8 | s->farewell[1]) : WSLAY_CODE_NO_STATUS_RCVD;
	link_end end;

	if (wslay_event_get_close_received(s->ws) || (farewell && code >= 1012 && code <= 1014))
		ws_client_end_close(&end, s->to->host, code, (const char *) s->farewell + 2,
							farewell ? s->farewell_len - 2 : 0);
	else
		ws_client_end_breach(&end, s->to->host, wslay_event_get_status_code_sent(s->ws));
	link_state_begin_closing(s);
	link_state_tell(s, &end);
}

static void
breach(link_socket *s)
{
	link_end end;

	ws_client_end_breach(&end, s->to->host, WSLAY_CODE_PROTOCOL_ERROR);
	/* unless libwslay has put one into its queue already */
	(void) wslay_event_queue_close(s->ws, WSLAY_CODE_PROTOCOL_ERROR, (const uint8_t *) "", 0);
	if (wslay_event_send(s->ws) == 0)
		link_state_begin_closing(s);
	else
		link_state_die(s);
	link_state_tell(s, &end);
}

void
link_stream_read(link_socket *s)
{
	int failed;

	s->paused = false;
	wslay_event_config_set_max_recv_msg_length(s->ws, s->host->max_message);
	failed = wslay_event_recv(s->ws);
	if (s->state == SOCKET_OPEN && (failed != 0 || s->fragments > MAX_FRAGMENTS))
	{
		breach(s);
		return;
	}
	link_stream_collect(s);
	if (s->state != SOCKET_OPEN)
		return;
	if (wslay_event_get_close_sent(s->ws))
		end_by_frame(s);
	else if (s->ended && s->in_off == s->in_len)
		link_state_lose(s, "ended the connection of the link without a word");
	else if (s->open == 0 && s->fragments == 0)
		s->began = 0;
	else if (s->began == 0 || s->paused)
		s->began = uv_now(s->host->loop);
}

bool
link_stream_open(link_socket *s)
{
	return wslay_event_context_client_init(&s->ws, &callbacks, s) == 0;
}
