/*
 * fuzz_link_stream.c
 *	  A hub's bytes on an open link: however they are cut, the same messages are
 *	  heard, each within its limit, and the same words say how it ended.  TCP, TLS
 *	  and the socket's life are stand-ins.
 */
#include "ws/link_stream.h"
#include "fuzz.h"

#define MAX_MESSAGE 2000
#define LOG_SIZE	65536

typedef struct run
{
	const uint8_t *data;
	size_t left;
	size_t piece; /* bytes that one read brings */
	char log[LOG_SIZE];
	size_t log_len;
	char why[LINK_WHY_SIZE];
} run;

static run whole;
static run pieces;
static run *now;

link_bytes
link_dial_read(CURL *easy, void *buf, size_t size, size_t *n)
{
	(void) easy;
	if (now->left == 0)
		return LINK_BYTES_END;
	*n = now->left < size ? now->left : size;
	*n = *n < now->piece ? *n : now->piece;
	memcpy(buf, now->data, *n);
	now->data += *n;
	now->left -= *n;
	return LINK_BYTES_SOME;
}

link_bytes
link_dial_write(CURL *easy, const void *data, size_t len, size_t *n)
{
	(void) easy;
	(void) data;
	*n = len;
	return LINK_BYTES_SOME;
}

void
link_state_die(link_socket *s)
{
	s->state = SOCKET_DEAD;
}

void
link_state_tell(link_socket *s, const link_end *end)
{
	(void) s;
	MUST(end->code >= 1000 && end->code <= 4999);
	fuzz_sentence(end->why, LINK_WHY_SIZE);
	memcpy(now->why, end->why, LINK_WHY_SIZE);
}

void
link_state_lose(link_socket *s, const char *what)
{
	link_end end = {.code = 1006};

	ws_client_end_say(end.why, "%s %s", s->to->host, what);
	link_state_die(s);
	link_state_tell(s, &end);
}

void
link_state_begin_closing(link_socket *s)
{
	s->state = SOCKET_CLOSING;
}

void
link_state_close(link_socket *s, uint16_t code, const char *reason)
{
	(void) code;
	(void) reason;
	s->state = SOCKET_CLOSING;
}

static void
on_text(void *arg, const char *text, size_t len)
{
	run *r = arg;

	MUST(len <= MAX_MESSAGE);
	if (r->log_len + len + 1 > LOG_SIZE)
		return;
	r->log[r->log_len++] = 't';
	memcpy(r->log + r->log_len, text, len);
	r->log_len += len;
}

static size_t
on_room(void *arg)
{
	(void) arg;
	return SIZE_MAX;
}

static void
on_ended(void *arg, const link_end *end)
{
	(void) arg;
	(void) end;
}

static void
listen_to(run *r, const uint8_t *data, size_t size, size_t piece)
{
	static const link_calls calls = {on_text, on_room, on_ended};
	static char name[] = "hub.example";
	static target to = {.host = name};
	static uv_loop_t loop;
	link_host host = {.loop = &loop, .calls = &calls, .max_message = MAX_MESSAGE};
	link_socket *s = calloc(1, sizeof(*s));

	now = r;
	*r = (run){.data = data, .left = size, .piece = piece};
	s->host = &host;
	s->arg = r;
	s->to = &to;
	s->state = SOCKET_OPEN;
	MUST(link_stream_open(s));
	for (int turn = 0; s->state == SOCKET_OPEN && turn < 10000; turn++)
	{
		s->readable = true;
		s->budget = piece;
		link_stream_read(s);
		MUST(s->in_off <= s->in_len && s->in_len <= IN_SIZE && s->farewell_len <= sizeof(s->farewell));
		link_stream_flush(s);
	}
	MUST(s->state != SOCKET_OPEN);
	wslay_event_context_free(s->ws);
	wc_buf_free(&s->out);
	wc_buf_free(&s->going);
	free(s);
}

/* The input: how it is cut, and a hub's bytes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	listen_to(&whole, data + 1, size - 1, 1u << 20);
	listen_to(&pieces, data + 1, size - 1, 1 + data[0] % 40);
	MUST(whole.log_len == pieces.log_len && memcmp(whole.log, pieces.log, whole.log_len) == 0);
	MUST(strlen(whole.why) > 10 && strlen(pieces.why) > 10);
	return 0;
}
