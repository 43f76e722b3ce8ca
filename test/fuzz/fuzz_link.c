/*
 * fuzz_link.c
 *	  What a hub sends us over a link: its answer to the opening request, and its
 *	  frames, where what is taken for the event is what jansson takes for it.
 */
#include <jansson.h>
#include <string.h>

#include "hubs/link_frame.h"
#include "ws/link_head.h"
#include "fuzz.h"

#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void
check_event(const char *text, size_t len, const link_frame *frame)
{
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	json_t *event;

	MUST(frame->seq >= 1 && frame->seq <= INT64_MAX);
	MUST(frame->event.p == NULL ||
		 (frame->event.p >= text && frame->event.p + frame->event.len <= text + len && frame->event.len > 0));
	/* names with escapes in them are none of ours */
	if (root == NULL || memchr(text, '\\', len) != NULL)
	{
		json_decref(root);
		return;
	}
	MUST(json_integer_value(json_object_get(root, "seq")) == (json_int_t) frame->seq);
	MUST((json_object_get(root, "event") != NULL) == (frame->event.p != NULL));
	if (frame->event.p != NULL)
	{
		event = json_loadb(frame->event.p, frame->event.len, JSON_DECODE_ANY, &error);
		MUST(event != NULL && json_equal(event, json_object_get(root, "event")));
		json_decref(event);
	}
	json_decref(root);
}

static void
check_head(const char *data, size_t size)
{
	const char *why = NULL;
	size_t used = 0;
	link_answer answer;
	char *exact;

	if (!link_head_begins(data, size) || ws_handshake_scan(data, size, LINK_HEAD_MAX, 0, &used, &why) != WS_HEAD_WHOLE)
		return;
	exact = malloc(used);
	memcpy(exact, data, used);
	link_head_read(exact, used, ACCEPT, &answer);
	MUST(answer.bad != NULL || answer.status == 101);
	MUST(answer.status < 1000);
	MUST(answer.bad != NULL || memmem(exact, used, ACCEPT, sizeof(ACCEPT) - 1) != NULL);
	free(exact);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1);
	link_frame frame;
	const char *why = NULL;

	/* memory of its own, so that a read beyond it is seen */
	if (size > 0)
		memcpy(copy, data, size);
	if (!link_frame_read(copy, size, &frame, &why))
		MUST(why != NULL);
	else if (frame.type == LINK_FRAME_EVENT)
		check_event(copy, size, &frame);
	check_head(copy, size);
	free(copy);
	return 0;
}
