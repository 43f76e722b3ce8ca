/*
 * fuzz_event.c
 *	  The HTTP server's way with a body: the scan for depth, jansson, the rules.  What
 *	  is accepted must be within every limit; a refusal must be a printable
 *	  sentence.  What is taken without a tree must be what jansson would have made of it.
 */
#include <string.h>

#include "inbound/event_scan.h"
#include "fuzz.h"
#include "rewrite.h"

static const uint8_t channel[16] = {0x6c, 0xbd, 0x67, 0x89, 0x1d, 0x2b, 0x47, 0xe0,
									0x93, 0x91, 0x5e, 0xb9, 0x1d, 0x28, 0x39, 0xea};

static int
depth_of(json_t *value)
{
	int deepest = 0;
	const char *key;
	json_t *child;
	size_t i;

	if (!json_is_object(value) && !json_is_array(value))
		return 0;
	json_object_foreach(value, key, child)
	{
		int depth = depth_of(child);

		deepest = depth > deepest ? depth : deepest;
	}
	json_array_foreach(value, i, child)
	{
		int depth = depth_of(child);

		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

static void
check_string(wc_str s, uint32_t min, uint32_t max)
{
	MUST(s.p != NULL && s.len >= min && s.len <= max);
	MUST(s.len == 0 || memchr(s.p, '\0', s.len) == NULL);
}

static void
check_event(const wc_event *event, size_t size)
{
	bool is_message = event->kind == WC_EVENT_MESSAGE;
	wc_buf first = {0};
	wc_buf second = {0};
	wc_frame frame;
	size_t used;

	MUST(is_message || event->kind == WC_EVENT_STATUS);
	MUST(memcmp(event->channel, channel, 16) == 0);
	MUST(event->at_us >= 0 && event->at_us <= INT64_C(253402300799000000));
	check_string(event->message_id, 1, WC_MAX_HUB_MESSAGE_ID);
	check_string(event->visitor, is_message, is_message ? WC_MAX_VISITOR_ID : 0);
	check_string(event->status, !is_message, is_message ? 0 : WC_MAX_STATUS);
	check_string(event->channel_type, 0, WC_MAX_CHANNEL_TYPE);
	check_string(event->error_code, 0, WC_MAX_ERROR_CODE);
	check_string(event->error_message, 0, UINT32_MAX);
	MUST(event->body.len <= 6 * size);

	MUST(wc_write_event(&first, event));
	MUST(wc_frame_next(first.data, first.len, &frame, &used) == WC_NEXT_FRAME);
	MUST(rewrite_event(&frame, &second) && first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	wc_buf_free(&first);
	wc_buf_free(&second);
}

/* Where the content is said to be, it is; and what is said to be all is all. */
static void
check_content(const wc_event *event, json_t *root)
{
	static const char *const known[] = {"eventType", "channelId", "messageId", "from",
										"timestamp", "channel",	  "content"};
	size_t found = 0;
	json_t *content;

	MUST(event->content_at <= event->body.len && event->content_len <= event->body.len - event->content_at);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		found += json_object_get(root, known[i]) != NULL;
	MUST(event->kind != WC_EVENT_MESSAGE || event->extra || found == json_object_size(root));
	if (event->content_len == 0)
	{
		MUST(event->kind != WC_EVENT_MESSAGE || event->extra);
		return;
	}
	content = json_loadb(event->body.p + event->content_at, event->content_len, JSON_DECODE_INT_AS_REAL, NULL);
	MUST(json_is_object(content) && json_equal(content, json_object_get(root, "content")));
	json_decref(content);
}

static void
check_reason(const char *reason)
{
	const char *end = memchr(reason, '\0', WC_REASON_SIZE);

	MUST(end != NULL && end > reason);
	for (; reason < end; reason++)
		MUST((uint8_t) *reason >= 0x20 && *reason != 0x7F);
}

/* The same by jansson alone, or the same refusal. */
static void
check_same(const char *body, size_t size, const wc_event *event, const char *refused)
{
	char reason[WC_REASON_SIZE];
	event_json keep;
	wc_event tree;
	wc_buf first = {0};
	wc_buf second = {0};
	bool good = event_json_parse(body, size, channel, &tree, &keep, reason);

	MUST(good == (refused == NULL) && (good || strcmp(reason, refused) == 0));
	MUST(good || memcmp(event->channel, tree.channel, 16) == 0);
	if (!good)
		return;
	MUST(wc_write_event(&first, event) && wc_write_event(&second, &tree));
	MUST(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	check_content(&tree, keep.root);
	wc_buf_free(&first);
	wc_buf_free(&second);
	event_json_free(&keep);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char reason[WC_REASON_SIZE];
	char *body = fuzz_exact(data, size);
	event_json keep;
	wc_event event;

	memset(reason, 0x7F, sizeof(reason));
	if (event_scan_parse(body, size, channel, &event, &keep, reason))
	{
		MUST(depth_of(keep.root) <= WC_MAX_EVENT_DEPTH);
		check_event(&event, size);
		check_same(body, size, &event, NULL);
		event_json_free(&keep);
	}
	else
	{
		check_reason(reason);
		check_same(body, size, &event, reason);
	}
	free(body);
	return 0;
}
