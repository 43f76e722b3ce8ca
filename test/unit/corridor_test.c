/*
 * corridor_test.c
 *	  The corridor's messages: each is read as it was written; cut, extended,
 *	  mislabelled or with a bit flipped it is refused or another valid message.
 */
#include "rewrite.h"
#include "tap.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define UUID_A                                                                                                         \
	{                                                                                                                  \
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16                                                          \
	}
#define UUID_B                                                                                                         \
	{                                                                                                                  \
		0xFF, 0xFE, 0xFD, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0                                                  \
	}
#define STR(s)                                                                                                         \
	{                                                                                                                  \
		s, sizeof(s) - 1                                                                                               \
	}

static const wc_hello hello = {WC_CORRIDOR_VERSION, 12};
static const wc_hello_back hello_back = {WC_CORRIDOR_VERSION, 4711, 1};
/* Each field has a value of its own. */
static const wc_config config = {
	.server_port = 54,
#define NET(field, times) .field = (uint32_t) offsetof(wc_config, field),
#define NET_TEXT(field)	  .field = STR(#field),
#include "common/settings.def"
};
static const wc_channel_put channel_put = {UUID_A,
										   3,
										   1,
										   2,
										   {{STR("whsec_1"), 0}, {STR("whsec_2"), INT64_C(-1)}},
										   1,
										   STR("wck_1"),
										   STR("Shop"),
										   2,
										   {STR("https://www.example.com"), STR("http://localhost:3000")}};
static const wc_channel_put channel_bare = {UUID_B, 3, 0, 0, {{{NULL, 0}, 0}}, 0, STR(""), STR(""), 0, {{NULL, 0}}};
static const wc_channel_gone channel_gone = {UUID_B};
static const wc_hub_put hub_put = {7,
								   STR("chatt2me"),
								   STR("https://api.chatt2.me"),
								   STR("key"),
								   1,
								   2,
								   {{STR("whsec_1"), 0}, {STR("whsec_2"), 1700000000}}};
static const wc_hub_put hub_bare = {8, STR("b"), STR("http://b"), STR("k"), 0, 0, {{{NULL, 0}, 0}}};
static const wc_hub_gone hub_gone = {7};
static const wc_send send = {UINT64_C(1) << 63,			7, UUID_A, UUID_B, STR("web-chatt2me"), STR("visitor"),
							 STR("{\"text\": \"hi\"}"), 1};
static const wc_event event = {99,		   7,		 WC_EVENT_STATUS, UUID_A,		 INT64_C(1700000000123456),
							   STR("abc"), STR(""),	 STR("whatsapp"), STR("failed"), STR("130472"),
							   STR("no"),  STR("{}")};
static const wc_event_done event_done = {99, WC_DONE_GONE, UUID_B};
static const wc_outcome outcome = {
	5, WC_OUT_UNAUTHORIZED, 401, 1500, 2500, STR("error"), STR(""), STR("unauthorized"), STR("key revoked"), 1};
static const wc_stats stats = {1, 2, 3, 4, 5, 6, UINT64_MAX};
static const wc_budgets budgets = {{1, 2, UINT64_MAX}, {4, 5, 6}};
static const wc_key_put key_put = {3, {1, 2, 3, 255}, 5, STR("0123456789abcdef")};
static const wc_key_gone key_gone = {3};
static const wc_arrived arrived = {
	UINT64_C(1) << 40, UUID_A, 1, 0, {9, 8, 7}, UUID_B, {6, 5, 4}, STR("{}"), STR("0123456789abcdef0123456789ABCDEF")};
static const wc_welcome welcome = {UINT64_C(1) << 40, WC_WELCOME_MADE, UUID_B, 1, UUID_A, UUID_B, STR("[]")};
static const wc_left left = {UINT64_C(1) << 40};
static const wc_history_ask history_ask = {77, UUID_A, UUID_B, UUID_A};
static const wc_history history = {77, UUID_A, 0, 1, STR("[]")};
static const wc_status status = {UUID_A, UUID_B, UUID_A, STR("read")};
static const wc_typing typing = {UUID_A, UUID_B};
static const wc_api_send api_send = {12, UUID_A, UUID_B, 1, STR("key"), STR("{\"text\": \"hi\"}")};
static const wc_api_done api_done = {12, WC_API_INVALID, UUID_A, STR("no")};
static const wc_call call = {8, 7, STR("PATCH"), STR("/v1/organization/webhook/1"), STR("{}")};
static const wc_call_done call_done = {8, 404, 1500, STR("{\"errorCode\": \"x\"}"), STR("")};
static const wc_api_call api_call = {13, 3, STR("GET"), STR("/v1/organization/webhook"), STR("limit=1"), STR("")};
static const wc_api_answer api_answer = {13, 204, STR("")};
static const wc_webhook_put webhook_put = {5, STR("https://example.com/h"), STR("[]"), STR("whsec_1")};
static const wc_webhook_gone webhook_gone = {5};
static const wc_deliver deliver = {9, 5, UUID_A, 2, 1, STR("token")};
static const wc_delivered delivered = {9, 1, 200, 0, 1234, STR("ok"), STR("")};
static const wc_link_came link_came = {UINT64_C(1) << 41, 3, STR("127.0.0.1")};
static const wc_link_welcome link_welcome = {UINT64_C(1) << 41, 17, 2};
static const wc_link_event link_event = {UINT64_C(1) << 41, 18, STR("{}")};
static const wc_link_close link_close = {UINT64_C(1) << 41, 4010, STR("replaced")};
static const wc_link_ack link_ack = {UINT64_C(1) << 41, 18};
static const wc_link_left link_left = {UINT64_C(1) << 41};
static const wc_link_state link_state = {7, WC_LINK_REFUSED, 1500, 2, STR("no")};
static const wc_text text = {WC_LOG_WARNING, STR("something happened")};

static bool
same(wc_str a, wc_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static wc_frame
frame_in(const wc_buf *buf)
{
	wc_frame frame = {0, NULL, 0};
	size_t used;

	if (wc_frame_next(buf->data, buf->len, &frame, &used) != WC_NEXT_FRAME || used != buf->len)
		frame.type = 0;
	return frame;
}

/* Give a payload to its reader from memory of just that size. */
static bool
takes(const rewriter *r, uint8_t type, const char *payload, uint32_t len, wc_buf *out)
{
	char *copy = malloc(len ? len : 1);
	wc_frame frame = {type, copy, len};
	bool taken;

	if (len > 0)
		memcpy(copy, payload, len);
	wc_buf_reset(out);
	taken = r->rewrite(&frame, out);
	free(copy);
	return taken;
}

/* No payload but the whole one is taken, and by no other reader. */
static bool
only_whole(const rewriter *r, const wc_frame *frame)
{
	wc_buf out = {0};
	char *longer = calloc(1, frame->len + 1);
	bool right = true;

	memcpy(longer, frame->payload, frame->len);
	for (uint32_t len = 0; len < frame->len; len++)
		right &= !takes(r, r->type, frame->payload, len, &out);
	right &= !takes(r, r->type, longer, frame->len + 1, &out);
	for (int i = 0; i < REWRITERS; i++)
	{
		if (&rewriters[i] != r && rewriters[i].rewrite != r->rewrite)
			right &= !takes(&rewriters[i], r->type, frame->payload, frame->len, &out);
	}
	right &= !takes(r, 0, frame->payload, frame->len, &out);
	free(longer);
	wc_buf_free(&out);
	return right;
}

/* Whatever one bit makes of it: refused, or taken and written as it is. */
static bool
flips(const rewriter *r, const wc_frame *frame)
{
	wc_buf out = {0};
	char *copy = malloc(frame->len + 1);
	bool right = true;

	for (uint32_t bit = 0; bit < frame->len * 8; bit++)
	{
		memcpy(copy, frame->payload, frame->len);
		copy[bit / 8] ^= (char) (1 << bit % 8);
		if (takes(r, r->type, copy, frame->len, &out))
			right &= out.len == frame->len + WC_FRAME_HEAD && memcmp(out.data + WC_FRAME_HEAD, copy, frame->len) == 0;
	}
	free(copy);
	wc_buf_free(&out);
	return right;
}

static bool was_written[REWRITERS];

/* The frame as a seed for test/fuzz, where a directory for them is named. */
static void
keep_seed(int number, const wc_buf *buf)
{
	const char *dir = getenv("CORRIDOR_SEEDS");
	char path[4096];
	FILE *file;

	if (dir == NULL)
		return;
	snprintf(path, sizeof(path), "%s/written-%d-%zu", dir, number, buf->len);
	file = fopen(path, "wb");
	ok(file != NULL && fwrite(buf->data, 1, buf->len, file) == buf->len && fclose(file) == 0, "%s is kept", path);
}

static void
hammer(const char *name, wc_frame_type type, wc_buf *buf)
{
	wc_frame frame = frame_in(buf);
	wc_buf out = {0};
	const rewriter *r = NULL;

	for (int i = 0; i < REWRITERS; i++)
	{
		if (rewriters[i].type == type)
		{
			r = &rewriters[i];
			was_written[i] = true;
			keep_seed(type, buf);
		}
	}
	ok(r != NULL && frame.type == type && r->rewrite(&frame, &out) && out.len == buf->len &&
		   memcmp(out.data, buf->data, buf->len) == 0,
	   "%s: read and written again it is the same", name);
	ok(r != NULL && only_whole(r, &frame), "%s: cut, extended or mislabelled it is refused", name);
	ok(r != NULL && flips(r, &frame), "%s: with a bit flipped it is refused, or what it says", name);
	wc_buf_free(&out);
	wc_buf_free(buf);
}

#define HAMMER(name, type, value)                                                                                      \
	do                                                                                                                 \
	{                                                                                                                  \
		wc_buf buf = {0};                                                                                              \
		ok(wc_write_##name(&buf, &value), #value ": written");                                                         \
		hammer(#value, type, &buf);                                                                                    \
	} while (0)

static void
test_all(void)
{
	static const wc_frame_type texts[] = {WC_F_LOG, WC_F_OPENED, WC_F_FAILED};

	HAMMER(hello, WC_F_HELLO, hello);
	HAMMER(hello_back, WC_F_HELLO_BACK, hello_back);
	HAMMER(config, WC_F_CONFIG, config);
	HAMMER(channel_put, WC_F_CHANNEL_PUT, channel_put);
	HAMMER(channel_put, WC_F_CHANNEL_PUT, channel_bare);
	HAMMER(channel_gone, WC_F_CHANNEL_GONE, channel_gone);
	HAMMER(hub_put, WC_F_HUB_PUT, hub_put);
	HAMMER(hub_put, WC_F_HUB_PUT, hub_bare);
	HAMMER(hub_gone, WC_F_HUB_GONE, hub_gone);
	HAMMER(send, WC_F_SEND, send);
	HAMMER(event, WC_F_EVENT, event);
	HAMMER(event_done, WC_F_EVENT_DONE, event_done);
	HAMMER(outcome, WC_F_OUTCOME, outcome);
	HAMMER(stats, WC_F_STATS, stats);
	HAMMER(budgets, WC_F_BUDGETS, budgets);
	HAMMER(key_put, WC_F_KEY_PUT, key_put);
	HAMMER(key_gone, WC_F_KEY_GONE, key_gone);
	HAMMER(arrived, WC_F_ARRIVED, arrived);
	HAMMER(welcome, WC_F_WELCOME, welcome);
	HAMMER(left, WC_F_LEFT, left);
	HAMMER(history_ask, WC_F_HISTORY_ASK, history_ask);
	HAMMER(history, WC_F_HISTORY, history);
	HAMMER(status, WC_F_STATUS, status);
	HAMMER(api_send, WC_F_API_SEND, api_send);
	HAMMER(api_done, WC_F_API_DONE, api_done);
	HAMMER(call, WC_F_CALL, call);
	HAMMER(api_answer, WC_F_API_ANSWER, api_answer);
	HAMMER(webhook_put, WC_F_WEBHOOK_PUT, webhook_put);
	HAMMER(webhook_gone, WC_F_WEBHOOK_GONE, webhook_gone);
	HAMMER(deliver, WC_F_DELIVER, deliver);
	HAMMER(link_welcome, WC_F_LINK_WELCOME, link_welcome);
	HAMMER(link_event, WC_F_LINK_EVENT, link_event);
	HAMMER(link_close, WC_F_LINK_CLOSE, link_close);
	HAMMER(call_done, WC_F_CALL_DONE, call_done);
	HAMMER(api_call, WC_F_API_CALL, api_call);
	HAMMER(delivered, WC_F_DELIVERED, delivered);
	HAMMER(link_came, WC_F_LINK_CAME, link_came);
	HAMMER(link_ack, WC_F_LINK_ACK, link_ack);
	HAMMER(link_left, WC_F_LINK_LEFT, link_left);
	HAMMER(link_state, WC_F_LINK_STATE, link_state);
	for (int i = 0; i < 3; i++)
	{
		wc_buf buf = {0};
		wc_frame_type type = i == 0 ? WC_F_TYPING : i == 1 ? WC_F_TYPED : WC_F_VISITOR_END;

		ok(wc_write_typing(&buf, type, &typing), "typing of type %d: written", (int) type);
		hammer("typing", type, &buf);
	}
	for (int i = 0; i < 3; i++)
	{
		wc_buf buf = {0};

		ok(wc_write_text(&buf, texts[i], &text), "text of type %d: written", (int) texts[i]);
		hammer("text", texts[i], &buf);
	}
	for (int i = 0; i < REWRITERS; i++)
		ok(was_written[i], "a frame of type %d was among them", (int) rewriters[i].type);
}

static bool
same_config(const wc_config *a, const wc_config *b)
{
	bool all = a->server_port == b->server_port;

#define NET(field, times) all = all && a->field == b->field;
#define NET_TEXT(field)	  all = all && same(a->field, b->field);
#include "common/settings.def"
	return all;
}

/* That bytes agree does not say that the fields do: look at the busiest ones. */
static void
test_fields(void)
{
	wc_buf buf = {0};
	wc_frame frame;
	wc_event e;
	wc_outcome o;
	wc_config c;
	wc_channel_put p;
	wc_arrived a;

	frame = (wc_write_event(&buf, &event), frame_in(&buf));
	ok(wc_read_event(&frame, &e) && e.request == event.request && e.kind == event.kind &&
		   memcmp(e.channel, event.channel, 16) == 0 && e.at_us == event.at_us &&
		   same(e.message_id, event.message_id) && same(e.visitor, event.visitor) &&
		   same(e.channel_type, event.channel_type) && same(e.status, event.status) &&
		   same(e.error_code, event.error_code) && same(e.error_message, event.error_message) &&
		   same(e.body, event.body),
	   "an event's fields");
	wc_buf_reset(&buf);
	frame = (wc_write_outcome(&buf, &outcome), frame_in(&buf));
	ok(wc_read_outcome(&frame, &o) && o.token == 5 && o.result == WC_OUT_UNAUTHORIZED && o.http_status == 401 &&
		   o.retry_after_ms == 1500 && o.duration_us == 2500 && o.unanswered == 1 &&
		   same(o.hub_status, outcome.hub_status) && same(o.hub_message_id, outcome.hub_message_id) &&
		   same(o.error_code, outcome.error_code) && same(o.error_message, outcome.error_message),
	   "an outcome's fields");
	wc_buf_reset(&buf);
	frame = (wc_write_config(&buf, &config), frame_in(&buf));
	ok(wc_read_config(&frame, &c) && same_config(&c, &config), "a configuration's fields");
	wc_buf_reset(&buf);
	frame = (wc_write_channel_put(&buf, &channel_put), frame_in(&buf));
	ok(wc_read_channel_put(&frame, &p) && p.nsecrets == 2 && p.accept_unsigned == 1 &&
		   same(p.secrets[1].secret, channel_put.secrets[1].secret) && p.secrets[0].valid_until == 0 &&
		   p.secrets[1].valid_until == -1 && p.local == 1 && p.norigins == 2 &&
		   same(p.origins[1], channel_put.origins[1]) && same(p.public_key, channel_put.public_key),
	   "a channel's fields");
	wc_buf_reset(&buf);
	frame = (wc_write_arrived(&buf, &arrived), frame_in(&buf));
	ok(wc_read_arrived(&frame, &a) && a.session == arrived.session && a.has_token == 1 && a.may_make == 0 &&
		   memcmp(a.token_hash, arrived.token_hash, WC_HASH_SIZE) == 0 &&
		   memcmp(a.new_hash, arrived.new_hash, WC_HASH_SIZE) == 0 &&
		   memcmp(a.new_visitor, arrived.new_visitor, 16) == 0 && same(a.have, arrived.have),
	   "an arrival's fields");
	wc_buf_free(&buf);
}

/* What is out of range is refused where it would do harm. */
static void
test_ranges(void)
{
	wc_buf buf = {0};
	wc_channel_put many = channel_bare;
	wc_event strange = event;
	wc_event_done done = event_done;
	wc_event big = event;
	wc_arrived uneven = arrived;
	wc_frame frame;
	char *body = calloc(1, WC_MAX_BODY_SIZE);

	ok(2 * WC_MAX_BODY_SIZE + 4096 <= WC_FRAME_MAX, "WC_FRAME_MAX has room for a body and its errorMessage");
	many.nsecrets = WC_MAX_SECRETS;
	ok(wc_write_channel_put(&buf, &many), "as many secrets as there is room for");
	wc_buf_reset(&buf);
	many.nsecrets = WC_MAX_SECRETS + 1;
	ok(!wc_write_channel_put(&buf, &many) && buf.len == 0, "one more is not written");
	strange.kind = 4;
	frame = (wc_write_event(&buf, &strange), frame_in(&buf));
	ok(!wc_read_event(&frame, &strange), "an event of no kind is not read");
	wc_buf_reset(&buf);
	done.result = WC_DONE_BUDGET + 1;
	frame = (wc_write_event_done(&buf, &done), frame_in(&buf));
	ok(!wc_read_event_done(&frame, &done), "nor is an unknown result");
	wc_buf_reset(&buf);
	uneven.have.len = 17;
	frame = (wc_write_arrived(&buf, &uneven), frame_in(&buf));
	ok(!wc_read_arrived(&frame, &uneven), "nor are ids of 17 bytes");
	wc_buf_reset(&buf);
	big.body = big.error_message = (wc_str){body, WC_MAX_BODY_SIZE};
	big.message_id = big.visitor = (wc_str){body, 255};
	ok(wc_write_event(&buf, &big), "the largest body fits, with an errorMessage of its size");
	wc_buf_reset(&buf);
	ok(wc_write_empty(&buf, WC_F_OPEN) && buf.len == WC_FRAME_HEAD && frame_in(&buf).type == WC_F_OPEN,
	   "OPEN and CLOSE carry nothing");
	wc_buf_free(&buf);
	free(body);
}

int
main(void)
{
	test_all();
	test_fields();
	test_ranges();
	return tap_done();
}
