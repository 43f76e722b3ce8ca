/*
 * fuzz_webhook_api.c
 *	  A REST request about webhooks, from its target and body to the frame for
 *	  the worker: what is handed over is what came, as visible ASCII and JSON.
 *	  The HTTP server around it is a stand-in.
 */
#include <jansson.h>
#include <uv.h>

#include "http/static_files.h"
#include "http/http_reply.h"
#include "rest/send_api.h"
#include "rest/webhook_api.h"
#include "common/event_rules.h"
#include "fuzz.h"

static wc_buf out;
static refusal refused;

const asset *
static_files_find(const char *path, size_t len)
{
	(void) path;
	(void) len;
	return NULL;
}

refusal
send_api_check_key(conn *c, uint8_t scope)
{
	(void) scope;
	c->key = 7;
	return REFUSE_NOTHING;
}

refusal
http_reply_blocked(const conn *c)
{
	(void) c;
	return REFUSE_NOTHING;
}

void
http_reply_refuse(conn *c, refusal why, const char *message)
{
	(void) c;
	MUST(why != REFUSE_NOTHING && why < REFUSE_COUNT);
	if (message != NULL && message[0] != '\0')
		fuzz_sentence(message, WC_REASON_SIZE);
	refused = why;
}

void
http_reply_wait(conn *c, uint64_t number)
{
	c->number = number;
}

void
http_reply_resume(conn *c)
{
	(void) c;
}

uint64_t
inflight_take(inflight *w, void *owner, size_t bytes, uint32_t max)
{
	(void) w;
	(void) owner;
	(void) bytes;
	(void) max;
	return 1;
}

void *
inflight_find(const inflight *w, uint64_t number)
{
	(void) w;
	(void) number;
	return NULL;
}

void
inflight_give(inflight *w, uint64_t number)
{
	(void) w;
	(void) number;
}

wc_buf *
corridor_io_out(corridor_io *io)
{
	(void) io;
	return &out;
}

void
corridor_io_nudge(corridor_io *io)
{
	(void) io;
}

static void
check_visible(wc_str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		MUST(s.p[i] > 0x20 && s.p[i] < 0x7F);
}

static void
check_handed_over(const char *method, const char *body, size_t len)
{
	bool brings = strcmp(method, "POST") == 0 || strcmp(method, "PATCH") == 0;
	char *mended;
	wc_frame frame;
	wc_api_call call;
	size_t used;

	MUST(wc_frame_next(out.data, out.len, &frame, &used) == WC_NEXT_FRAME && used == out.len);
	MUST(wc_read_api_call(&frame, &call));
	MUST(call.request == 1 && call.key == 7 && wc_str_equals(call.method, method));
	check_visible(call.path);
	check_visible(call.query);
	MUST(memchr(call.path.p, '?', call.path.len) == NULL);
	mended = fuzz_mended(body, &len);
	MUST(call.body.len == (brings ? len : 0) && (call.body.len == 0 || memcmp(call.body.p, mended, len) == 0));
	free(mended);
	if (call.body.len > 0)
	{
		json_t *root = json_loadb(call.body.p, call.body.len, JSON_DECODE_INT_AS_REAL, NULL);

		MUST(root != NULL);
		json_decref(root);
	}
}

/* The input: the method, the target, and the body, on lines of their own. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static http_server d;
	static conn c;
	size_t len;
	const uint8_t *line = fuzz_line(&data, &size, &len);
	char *method = fuzz_copy(line, len);
	char *body;

	memset(&c, 0, sizeof(c));
	c.server = &d;
	c.route = ROUTE_ORGANIZATION;
	line = fuzz_line(&data, &size, &len);
	c.asked = fuzz_copy(line, len);
	body = fuzz_exact(data, size);
	refused = REFUSE_NOTHING;
	wc_buf_reset(&out);
	webhook_api_check_head(&c, method);
	if (refused == REFUSE_NOTHING)
	{
		MUST(strcmp(c.method, method) == 0);
		webhook_api_handle(&c, body, size);
	}
	if (refused == REFUSE_NOTHING)
		check_handed_over(method, body, size);
	else
		MUST(out.len == 0);
	free(body);
	free(c.asked);
	free(method);
	return 0;
}
