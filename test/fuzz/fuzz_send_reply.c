/*
 * fuzz_send_reply.c
 *	  What a hub answers to a send: whatever it is, the verdict is within its
 *	  limits, text that SQL can store, and a frame that is read as it was written.
 */
#include "outbound/send_reply.h"
#include "base/text.h"
#include "fuzz.h"
#include "rewrite.h"

static void
check_text(wc_str s, const char *where, size_t max)
{
	MUST(s.len <= max);
	if (s.len == 0)
		return;
	MUST(s.p == where && s.p[s.len] == '\0');
	MUST(text_is_clean(s.p, s.len));
}

/*
 * What is taken apart without a tree comes out as from a tree, which it becomes
 * with a byte order mark in front.
 */
static void
check_same(const send_reply *r, const wc_buf *written)
{
	static send_reply_verdict v;
	static wc_buf other;
	send_reply marked = *r;
	char *body = malloc(r->body_len + 3);

	MUST(body != NULL);
	memcpy(body, "\xEF\xBB\xBF", 3);
	memcpy(body + 3, r->body, r->body_len);
	marked.body = body;
	marked.body_len += 3;
	send_reply_classify(&marked, &v);
	free(body);
	wc_buf_reset(&other);
	MUST(wc_write_outcome(&other, &v.outcome) && other.len == written->len &&
		 memcmp(other.data, written->data, other.len) == 0);
}

/* The input: two bytes of status, one of Retry-After, one of flags, and the body. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static send_reply_verdict v;
	static wc_buf written;
	static wc_buf again;
	send_reply r = {.host = "hub.example:8443"};
	char *body;
	wc_frame frame;
	size_t used;

	if (size < 4)
		return 0;
	r.http_status = 100 + (data[0] + data[1] * 256u) % 500;
	r.retry_after_s = (int64_t) data[2] * data[2] * 7;
	r.body_too_large = data[3] & 1;
	r.body_len = size - 4;
	r.body = body = fuzz_exact(data + 4, r.body_len);
	memset(&v, 0x55, sizeof(v));
	send_reply_classify(&r, &v);

	MUST(v.outcome.http_status == r.http_status && v.outcome.retry_after_ms <= REPLY_MAX_PAUSE_S * 1000u);
	MUST(v.outcome.result <= WC_OUT_UNAUTHORIZED);
	MUST((v.outcome.retry_after_ms > 0) == (v.outcome.result == WC_OUT_PAUSED));
	MUST(v.outcome.result != WC_OUT_ACCEPTED || (r.http_status >= 200 && r.http_status < 300));
	MUST(v.outcome.result == WC_OUT_ACCEPTED || v.outcome.result == WC_OUT_NO_SESSION ||
		 v.outcome.error_message.len > 0);
	check_text(v.outcome.hub_status, v.hub_status, WC_MAX_STATUS);
	check_text(v.outcome.hub_message_id, v.hub_message_id, WC_MAX_HUB_MESSAGE_ID);
	check_text(v.outcome.error_code, v.error_code, WC_MAX_ERROR_CODE);
	check_text(v.outcome.error_message, v.error_message, SEND_REPLY_MAX_TEXT);

	wc_buf_reset(&written);
	wc_buf_reset(&again);
	MUST(wc_write_outcome(&written, &v.outcome));
	if (r.body_len > 0)
		check_same(&r, &written);
	free(body);
	MUST(wc_frame_next(written.data, written.len, &frame, &used) == WC_NEXT_FRAME);
	MUST(rewrite_outcome(&frame, &again) && again.len == written.len &&
		 memcmp(again.data, written.data, again.len) == 0);
	return 0;
}
