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

static const wc_hello a_hello = {WC_CORRIDOR_VERSION, 12};
static const wc_hello_back a_hello_back = {WC_CORRIDOR_VERSION, 4711, 1};
/* Each field has a value of its own. */
static const wc_config a_config = {
	.server_port = 54,
#define NET(field, times) .field = (uint32_t) offsetof(wc_config, field),
#define NET_TEXT(field)	  .field = STR(#field),
#include "common/settings.def"
};
static const wc_channel_put a_channel_put = {UUID_A,
											 3,
											 1,
											 2,
											 {{STR("whsec_1"), 0}, {STR("whsec_2"), INT64_C(-1)}},
											 1,
											 STR("wck_1"),
											 STR("Shop"),
											 2,
											 {STR("https://www.example.com"), STR("http://localhost:3000")},
											 STR("{\"name\":\"Shop\"}"),
											 WC_IDENTITY_REQUIRED,
											 1,
											 {{STR("wis_1"), INT64_C(7)}}};
static const wc_channel_put a_channel_bare = {UUID_B,  3, 0,		   0,		{{{NULL, 0}, 0}}, 0, STR(""),
											  STR(""), 0, {{NULL, 0}}, STR(""), WC_IDENTITY_NONE, 0, {{{NULL, 0}, 0}}};
static const wc_channel_gone a_channel_gone = {UUID_B};
static const wc_hub_put a_hub_put = {7,
									 STR("chatt2me"),
									 STR("https://api.chatt2.me"),
									 STR("key"),
									 1,
									 2,
									 {{STR("whsec_1"), 0}, {STR("whsec_2"), 1700000000}}};
static const wc_hub_put a_hub_bare = {8, STR("b"), STR("http://b"), STR("k"), 0, 0, {{{NULL, 0}, 0}}};
static const wc_hub_gone a_hub_gone = {7};
static const wc_send a_send = {
	UINT64_C(1) << 63,		  7, UUID_A, UUID_B, STR("web-chatt2me"), STR("visitor"), STR("{\"text\": \"hi\"}"), 1, 1,
	STR("{\"name\":\"Ana\"}")};
static const wc_event a_event = {99,
								 7,
								 WC_EVENT_STATUS,
								 UUID_A,
								 INT64_C(1700000000123456),
								 STR("abc"),
								 STR(""),
								 STR("whatsapp"),
								 STR("failed"),
								 STR("130472"),
								 STR("no"),
								 STR("{}"),
								 2,
								 258,
								 1};
static const wc_event_done a_event_done = {99, WC_DONE_GONE, UUID_B};
static const wc_outcome a_outcome = {
	5, WC_OUT_UNAUTHORIZED, 401, 1500, 2500, STR("error"), STR(""), STR("unauthorized"), STR("key revoked"), 1};
static const wc_stats a_stats = {1, 2, 3, 4, 5, 6, UINT64_MAX};
static const wc_facts a_facts = {{1, 2, UINT64_MAX}};
static const wc_budgets a_budgets = {{1, 2, UINT64_MAX}, {4, 5, 6}};
static const wc_hub_depth a_hub_depth = {7, STR("chatt2me"), 1000000, 61000};
static const wc_key_put a_key_put = {3, {1, 2, 3, 255}, 5, STR("0123456789abcdef")};
static const wc_key_gone a_key_gone = {3};
static const wc_arrived a_arrived = {UINT64_C(1) << 40,
									 UUID_A,
									 1,
									 0,
									 {9, 8, 7},
									 UUID_B,
									 {6, 5, 4},
									 STR("{}"),
									 STR("0123456789abcdef0123456789ABCDEF"),
									 STR("https://www.example.com/a"),
									 STR("A page"),
									 STR("pt-BR"),
									 STR("America/Sao_Paulo"),
									 UUID_A,
									 STR("42"),
									 STR("Ana"),
									 STR("ana@example.com"),
									 STR("https://www.example.com/ana.png"),
									 WC_SIGNED_NAME | WC_SIGNED_AVATAR,
									 STR("https://search.example/"),
									 1,
									 {3, 2, 1},
									 1};
static const wc_profile a_profile = {UUID_A, UUID_B, STR("Ana"), STR(""), STR(""), STR("{}"), 0};
static const wc_page a_page = {UUID_A, UUID_B, STR("https://www.example.com/b"), STR("")};
static const wc_welcome a_welcome = {UINT64_C(1) << 40,
									 WC_WELCOME_MADE,
									 UUID_B,
									 1,
									 UUID_A,
									 UUID_B,
									 STR("[]"),
									 1,
									 1,
									 STR("42"),
									 {(const char[16]) UUID_B, 16},
									 1,
									 0,
									 1};
static const wc_retracted a_retracted = {UUID_A, UUID_B, UUID_A};
static const wc_conversation a_conversation = {UUID_A, UUID_B, 1};
static const wc_rating a_rating = {77, UUID_A, UUID_B, 5, STR("good")};
static const wc_rated a_rated = {77, WC_RATING_LATE, UUID_A, UUID_B, 4};
static const wc_left a_left = {UINT64_C(1) << 40};
static const wc_history_ask a_history_ask = {77, UUID_A, UUID_B, UUID_A};
static const wc_history a_history = {77, UUID_A, 0, 1, STR("[]")};
static const wc_status a_status = {UUID_A, UUID_B, UUID_A, STR("read")};
static const wc_typing a_typing = {UUID_A, UUID_B};
static const wc_typed a_typed = {UUID_A, UUID_B};
static const wc_visitor_end a_visitor_end = {UUID_A, UUID_B, {1, 2, 3}};
static const wc_visitor_again a_visitor_again = {UUID_A, UUID_B, UINT64_C(1) << 40};
static const wc_api_send a_api_send = {12, UUID_A, UUID_B, 1, 1, 0, STR("ana"), STR("key"), STR("{\"text\": \"hi\"}")};
static const wc_api_retract a_api_retract = {14, UUID_A, UUID_B};
static const wc_api_done a_api_done = {12, WC_API_INVALID, UUID_A, STR("no")};
static const wc_call a_call = {8, 7, STR("PATCH"), STR("/v1/organization/webhook/1"), STR("{}")};
static const wc_call_done a_call_done = {8, 404, 1500, STR("{\"errorCode\": \"x\"}"), STR("")};
static const wc_api_call a_api_call = {13, 3, STR("GET"), STR("/v1/organization/webhook"), STR("limit=1"), STR("")};
static const wc_api_answer a_api_answer = {13, 204, STR("")};
static const wc_webhook_put a_webhook_put = {5, STR("https://example.com/h"), STR("[]"), STR("whsec_1")};
static const wc_webhook_gone a_webhook_gone = {5};
static const wc_deliver a_deliver = {9, 5, UUID_A, 2, 1, STR("token")};
static const wc_delivered a_delivered = {9, 1, 200, 0, 1234, STR("ok"), STR("")};
static const wc_link_came a_link_came = {UINT64_C(1) << 41, 3, STR("127.0.0.1")};
static const wc_link_welcome a_link_welcome = {UINT64_C(1) << 41, 17, 2};
static const wc_link_event a_link_event = {UINT64_C(1) << 41, 18, STR("{}")};
static const wc_link_close a_link_close = {UINT64_C(1) << 41, 4010, STR("replaced")};
static const wc_link_ack a_link_ack = {UINT64_C(1) << 41, 18};
static const wc_link_left a_link_left = {UINT64_C(1) << 41};
static const wc_link_state a_link_state = {7, WC_LINK_REFUSED, 1500, 2, STR("no")};
static const wc_desk_state a_desk_state = {1};
static const wc_desk_call a_desk_call = {
	14, {9, 8, 7}, 1, 1, {6, 5, 4}, STR("me"), STR("{}"), STR("127.0.0.1"), STR("Mozilla/5.0"), STR("ana"), UUID_A};
static const wc_desk_answer a_desk_answer = {14, 200, STR("ana"), STR("{}")};
static const wc_desk_watch a_desk_watch = {1};
static const wc_desk_sessions_ended a_desk_sessions_ended = {0};
static const wc_desk_changed a_desk_changed = {UUID_A, STR("visitor"), 1};
static const wc_file_call a_file_call = {15,		   WC_FILE_PUT,
										 UUID_A,	   3,
										 {9, 8, 7},	   STR("0123456789012345678901234567890123456789abc"),
										 STR("a.png"), STR("image/png"),
										 70000,		   UINT64_C(1) << 40,
										 STR("bytes")};
static const wc_file_done a_file_done = {15, WC_FILE_OFFSET, 65536, 70000, STR("image/png"), STR("a.png")};
static const wc_file_read a_file_read = {16, STR("0123456789012345678901234567890123456789abc"), 65536, 4096};
static const wc_file_totals a_file_totals = {3, 1, UINT64_MAX};
static const wc_file_bytes a_file_bytes = {16,			 WC_FILE_DONE, 70000, STR("image/png"),
										   STR("a.png"), {1, 2, 3},	   65536, STR("bytes")};
static const wc_log a_log = {WC_LOG_WARNING, STR("something happened")};
static const wc_opened a_opened = {STR("127.0.0.1:8480"), STR("127.0.0.1:8481")};
static const wc_failed a_failed = {STR("something happened")};
static const wc_open_up a_open_up = {0};
static const wc_close a_close = {0};

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
		if (rewriters[i].rewrite != r->rewrite)
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

/*
 * The frame's bytes as test/cases/corridor.txt has them, one frame a line: the
 * format does not change unnoticed.  CONFIG is not there, it follows the settings.
 */
static bool
as_recorded(const char *name, const wc_buf *buf)
{
	static char line[4096];
	char *want = malloc(strlen(name) + 2 * buf->len + 3);
	size_t at = strlen(name) + 1;
	FILE *file = fopen(CASES "corridor.txt", "r");
	bool found = false;

	(void) snprintf(want, at + 1, "%s ", name);
	for (size_t i = 0; i < buf->len; i++)
		at += (size_t) snprintf(want + at, 3, "%02x", (uint8_t) buf->data[i]);
	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL)
		found = strlen(line) == at + 1 && memcmp(line, want, at) == 0;
	if (!found)
		printf("# raise WC_CORRIDOR_VERSION, and put into test/cases/corridor.txt:\n# %s\n", want);
	if (file != NULL)
		fclose(file);
	free(want);
	return found;
}

static void
hammer(const char *name, const rewriter *r, wc_buf *buf)
{
	wc_frame frame = frame_in(buf);
	wc_buf out = {0};

	keep_seed((int) r->type, buf);
	ok(r->type == WC_F_CONFIG || as_recorded(name, buf), "%s: its bytes are those in test/cases/corridor.txt", name);
	ok(frame.type == r->type && r->rewrite(&frame, &out) && out.len == buf->len &&
		   memcmp(out.data, buf->data, buf->len) == 0,
	   "%s: read and written again it is the same", name);
	ok(only_whole(r, &frame), "%s: cut, extended or mislabelled it is refused", name);
	ok(flips(r, &frame), "%s: with a bit flipped it is refused, or what it says", name);
	wc_buf_free(&out);
	wc_buf_free(buf);
}

#define HAMMER(NAME, name, value)                                                                                      \
	do                                                                                                                 \
	{                                                                                                                  \
		wc_buf buf = {0};                                                                                              \
		ok(wc_write_##name(&buf, &(value)), "%s: written", &#value[2]);                                                \
		hammer(&#value[2], &(const rewriter){WC_F_##NAME, rewrite_##name}, &buf);                                      \
	} while (0);

static void
test_all(void)
{
#define FRAME(NAME, number, name) HAMMER(NAME, name, a_##name)
#include "common/corridor.def"
	HAMMER(CHANNEL_PUT, channel_put, a_channel_bare)
	HAMMER(HUB_PUT, hub_put, a_hub_bare)
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

	frame = (wc_write_event(&buf, &a_event), frame_in(&buf));
	ok(wc_read_event(&frame, &e) && e.request == a_event.request && e.kind == a_event.kind &&
		   memcmp(e.channel, a_event.channel, 16) == 0 && e.at_us == a_event.at_us &&
		   same(e.message_id, a_event.message_id) && same(e.visitor, a_event.visitor) &&
		   same(e.channel_type, a_event.channel_type) && same(e.status, a_event.status) &&
		   same(e.error_code, a_event.error_code) && same(e.error_message, a_event.error_message) &&
		   same(e.body, a_event.body) && e.content_at == 2 && e.content_len == 258 && e.extra == 1,
	   "an event's fields");
	wc_buf_reset(&buf);
	frame = (wc_write_outcome(&buf, &a_outcome), frame_in(&buf));
	ok(wc_read_outcome(&frame, &o) && o.token == 5 && o.result == WC_OUT_UNAUTHORIZED && o.http_status == 401 &&
		   o.retry_after_ms == 1500 && o.duration_us == 2500 && o.unanswered == 1 &&
		   same(o.hub_status, a_outcome.hub_status) && same(o.hub_message_id, a_outcome.hub_message_id) &&
		   same(o.error_code, a_outcome.error_code) && same(o.error_message, a_outcome.error_message),
	   "an outcome's fields");
	wc_buf_reset(&buf);
	frame = (wc_write_config(&buf, &a_config), frame_in(&buf));
	ok(wc_read_config(&frame, &c) && same_config(&c, &a_config), "a configuration's fields");
	wc_buf_reset(&buf);
	frame = (wc_write_channel_put(&buf, &a_channel_put), frame_in(&buf));
	ok(wc_read_channel_put(&frame, &p) && p.nsecrets == 2 && p.accept_unsigned == 1 &&
		   same(p.secrets[1].secret, a_channel_put.secrets[1].secret) && p.secrets[0].valid_until == 0 &&
		   p.secrets[1].valid_until == -1 && p.local == 1 && p.norigins == 2 &&
		   same(p.origins[1], a_channel_put.origins[1]) && same(p.public_key, a_channel_put.public_key),
	   "a channel's fields");
	wc_buf_reset(&buf);
	frame = (wc_write_arrived(&buf, &a_arrived), frame_in(&buf));
	ok(wc_read_arrived(&frame, &a) && a.session == a_arrived.session && a.has_token == 1 && a.may_make == 0 &&
		   memcmp(a.token_hash, a_arrived.token_hash, WC_HASH_SIZE) == 0 &&
		   memcmp(a.new_hash, a_arrived.new_hash, WC_HASH_SIZE) == 0 &&
		   memcmp(a.new_visitor, a_arrived.new_visitor, 16) == 0 && same(a.have, a_arrived.have),
	   "an arrival's fields");
	wc_buf_free(&buf);
}

/* What is out of range is refused where it would do harm. */
static void
test_ranges(void)
{
	wc_buf buf = {0};
	wc_channel_put many = a_channel_bare;
	wc_event strange = a_event;
	wc_event_done done = a_event_done;
	wc_event big = a_event;
	wc_arrived uneven = a_arrived;
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
	done.result = WC_DONE_NO_FILE + 1;
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
	ok(wc_write_close(&buf, &a_close) && buf.len == WC_FRAME_HEAD, "CLOSE carries nothing");
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
