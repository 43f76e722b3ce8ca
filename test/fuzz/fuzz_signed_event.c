/*
 * fuzz_signed_event.c
 *	  A hub's POST, signature and all: an event that is not signed by a valid
 *	  secret never becomes a frame, one that is becomes a frame that is read as
 *	  it was written, of that endpoint's channel or hub; and a validation token
 *	  comes back as the string that it is.
 */
#include <jansson.h>
#include <time.h>

#include "inbound/signed_event.h"
#include "common/signature.h"
#include "fuzz.h"
#include "rewrite.h"

static const wc_secret secrets[2] = {{{"whsec_test_1", 12}, 0}, {{"whsec_old", 9}, 1}};
static const uint8_t channel_id[16] = {0x6c, 0xbd, 0x67, 0x89, 0x1d, 0x2b, 0x47, 0xe0,
									   0x93, 0x91, 0x5e, 0xb9, 0x1d, 0x28, 0x39, 0xea};
static channels *known;

static void
know_channel(void)
{
	wc_channel_put put = {.hub = 3};

	if (known != NULL)
		return;
	memcpy(put.id, channel_id, 16);
	known = channels_new();
	MUST(known != NULL && channels_put(known, &put));
}

static void
check_frame(const wc_buf *out, const signed_event *rq)
{
	static const uint8_t none[16];
	wc_frame frame;
	wc_event event;
	wc_buf again = {0};
	char *body = NULL;
	size_t len = rq->len;
	size_t used;

	MUST(wc_frame_next(out->data, out->len, &frame, &used) == WC_NEXT_FRAME && used == out->len);
	MUST(wc_read_event(&frame, &event) && event.request == rq->number && event.hub == rq->to.hub);
	/* what is none as it came, an event as everybody mends it */
	if (event.kind != WC_EVENT_UNREADABLE)
		body = fuzz_mended(rq->body, &len);
	MUST(event.body.len == len && (len == 0 || memcmp(event.body.p, body ? body : rq->body, len) == 0));
	free(body);
	MUST(memcmp(event.channel, channel_id, 16) == 0 ||
		 (rq->to.hub != 0 && event.kind != WC_EVENT_MESSAGE && memcmp(event.channel, none, 16) == 0));
	MUST(rewrite_event(&frame, &again) && again.len == out->len && memcmp(again.data, out->data, out->len) == 0);
	wc_buf_free(&again);
}

static refusal
take(signed_event *rq)
{
	char reason[WC_REASON_SIZE];
	wc_buf out = {0};
	refusal why;

	memset(reason, 0x7F, sizeof(reason));
	why = signed_event_take(rq, &out, reason);
	if (why == REFUSE_NOTHING)
		check_frame(&out, rq);
	else
	{
		MUST(why < REFUSE_COUNT && out.len == 0);
		if (reason[0] != '\0' || why == REFUSE_EVENT)
			fuzz_sentence(reason, sizeof(reason));
	}
	wc_buf_free(&out);
	return why;
}

/* A header that is right, for this body and now. */
static wc_str
sign(char value[128], const char *body, size_t len)
{
	char now[24];
	uint8_t mac[32];
	int n;

	snprintf(now, sizeof(now), "%lld", (long long) time(NULL));
	n = snprintf(value, 128, "t=%s,v1=", now);
	MUST(wc_signature_make("whsec_test_1", 12, now, body, len, mac));
	for (int i = 0; i < 32; i++)
		n += snprintf(value + n, 128 - (size_t) n, "%02x", mac[i]);
	return (wc_str){value, (size_t) n};
}

static void
check_token(const char *token, size_t len)
{
	char *text = signed_event_token_json((wc_str){token, len});
	json_t *back;

	if (text == NULL)
		return;
	MUST(len >= 1 && len <= SIGNED_EVENT_MAX_TOKEN);
	back = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	MUST(json_is_string(back) && json_string_length(back) == len && memcmp(json_string_value(back), token, len) == 0);
	json_decref(back);
	free(text);
}

/* The input: the signature's header (or a token) on a line of its own, and the body. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	signed_event rq = {.number = 9, .tolerance_s = 300};
	char value[128];
	size_t len;
	const uint8_t *line = fuzz_line(&data, &size, &len);
	char *header = fuzz_exact(line, len);
	char *body = fuzz_exact(data, size);
	refusal why;

	know_channel();
	check_token(header, len);
	rq.body = body;
	rq.len = size;
	rq.to = (signed_event_endpoint){.secrets = secrets, .nsecrets = 2, .channel = channel_id};
	rq.signature = (wc_str){header, len};
	why = take(&rq);
	MUST(why != REFUSE_NOTHING || len > 60);
	rq.signature = sign(value, body, size);
	why = take(&rq);
	MUST(why == REFUSE_NOTHING || why == REFUSE_EVENT);
	value[rq.signature.len - 1] ^= 1;
	why = take(&rq);
	MUST(why == REFUSE_SIG_WRONG || why == REFUSE_SIG_MALFORMED);
	value[rq.signature.len - 1] ^= 1;
	rq.to = (signed_event_endpoint){.secrets = secrets, .nsecrets = 2, .hub = 3, .channels = known};
	why = take(&rq);
	MUST(why == REFUSE_NOTHING || why == REFUSE_EVENT || why == REFUSE_CHANNEL);
	free(body);
	free(header);
	return 0;
}
