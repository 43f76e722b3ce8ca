/*
 * fuzz_visitor_frame.c
 *	  Frames of visitors' clients: what is accepted is within every limit, and
 *	  its content is one that is accepted again, unchanged.
 */
#include <jansson.h>
#include <string.h>

#include "visitors/visitor_content.h"
#include "visitors/visitor_frame.h"
#include "fuzz.h"

static void
check_content(const char *content)
{
	json_t *root = json_loads(content, JSON_REJECT_DUPLICATES, NULL);
	const char *why;
	char *again;

	MUST(json_is_object(root));
	again = visitor_content(root, &why);
	MUST(again != NULL && strcmp(again, content) == 0);
	free(again);
	json_decref(root);
}

static void
check_good(const visitor_frame *frame)
{
	MUST(frame->why == NULL);
	MUST(strlen(frame->token) <= VISITOR_MAX_TOKEN);
	MUST(frame->nids >= 0 && frame->nids <= VISITOR_MAX_IDS);
	MUST((frame->content != NULL) == (frame->type == VISITOR_MESSAGE));
	MUST((frame->id[0] != '\0') == (frame->type == VISITOR_MESSAGE));
	if (frame->type == VISITOR_DELIVERED || frame->type == VISITOR_READ)
		MUST(frame->nids >= 1);
	if (frame->content != NULL)
		check_content(frame->content);
	if (frame->attributes != NULL)
	{
		json_t *attributes = json_loads(frame->attributes, 0, NULL);

		MUST(json_is_object(attributes) && json_object_size(attributes) <= VISITOR_MAX_ATTRIBUTES);
		MUST(strlen(frame->attributes) <= VISITOR_MAX_ATTRIBUTES_SIZE);
		json_decref(attributes);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static visitor_frame frame;
	char *copy = malloc(size ? size : 1);
	visitor_frame_verdict verdict;

	/* memory of its own, so that a read beyond it is seen */
	if (size > 0)
		memcpy(copy, data, size);
	verdict = visitor_frame_parse(copy, size, &frame);
	MUST(strspn(frame.id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen(frame.id));
	if (verdict == VISITOR_GOOD)
		check_good(&frame);
	else if (verdict != VISITOR_NOT_JSON)
		MUST(frame.why != NULL && strlen(frame.why) > 10);
	visitor_frame_free(&frame);
	free(copy);
	return 0;
}
