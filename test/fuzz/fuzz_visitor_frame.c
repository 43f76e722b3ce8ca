/*
 * fuzz_visitor_frame.c
 *	  Frames of visitors' clients: what is accepted is within every limit, its
 *	  content is one that is accepted again, unchanged, and what is taken without a
 *	  tree is what jansson would have made of it.
 */
#include <jansson.h>
#include <string.h>

#include "visitors/visitor_content.h"
#include "visitors/visitor_scan.h"
#include "fuzz.h"

static void
check_content(wc_str content)
{
	json_t *root = json_loadb(content.p, content.len, JSON_REJECT_DUPLICATES, NULL);
	const char *why;
	char *again;

	MUST(json_is_object(root));
	again = visitor_content(root, &why);
	MUST(again != NULL && wc_str_equals(content, again));
	free(again);
	json_decref(root);
}

/* An address that may become a link, a title of a line, and names of a few letters. */
static void
check_page(const visitor_page *page)
{
	size_t i;

	MUST(page->origin <= strlen(page->url) && (page->url[0] == '\0') == (page->origin == 0));
	MUST(page->url[0] == '\0' || strncmp(page->url, "http://", 7) == 0 || strncmp(page->url, "https://", 8) == 0);
	MUST(strpbrk(page->url, "?#\"<>\\") == NULL && memchr(page->url, '@', page->origin) == NULL);
	MUST(page->url[page->origin] == '\0' || page->url[page->origin] == '/');
	MUST(page->url[0] != '\0' || page->title[0] == '\0');
	for (i = 0; page->url[i] != '\0'; i++)
		MUST(page->url[i] > ' ' && page->url[i] <= '~');
	for (i = 0; page->title[i] != '\0'; i++)
		MUST((unsigned char) page->title[i] >= ' ');
	MUST(strlen(page->locale) <= WC_MAX_LOCALE && strlen(page->time_zone) <= WC_MAX_TIME_ZONE);
	MUST(strpbrk(page->locale, "<>\"'& /") == NULL && strpbrk(page->time_zone, "<>\"'& .") == NULL);
}

static void
check_good(const visitor_frame *frame)
{
	MUST(frame->why == NULL);
	MUST(strlen(frame->token) <= VISITOR_MAX_TOKEN);
	MUST(frame->nids >= 0 && frame->nids <= VISITOR_MAX_IDS);
	MUST((frame->content.p != NULL) == (frame->type == VISITOR_MESSAGE));
	MUST((frame->id[0] != '\0') == (frame->type == VISITOR_MESSAGE));
	if (frame->type == VISITOR_DELIVERED || frame->type == VISITOR_READ)
		MUST(frame->nids >= 1);
	MUST((frame->page != NULL) == (frame->type == VISITOR_HELLO || frame->type == VISITOR_PAGE));
	if (frame->page != NULL)
		check_page(frame->page);
	if (frame->content.p != NULL)
		check_content(frame->content);
	if (frame->attributes != NULL)
	{
		json_t *attributes = json_loads(frame->attributes, 0, NULL);

		MUST(json_is_object(attributes) && json_object_size(attributes) <= VISITOR_MAX_ATTRIBUTES);
		MUST(strlen(frame->attributes) <= VISITOR_MAX_ATTRIBUTES_SIZE);
		json_decref(attributes);
	}
}

/* The same frame, taken apart by jansson. */
static void
check_same(const char *text, size_t len, const visitor_frame *frame, visitor_frame_verdict verdict)
{
	static visitor_frame tree;

	MUST(visitor_frame_parse(text, len, &tree) == verdict && tree.type == frame->type);
	MUST(tree.why == frame->why && strcmp(tree.id, frame->id) == 0 && tree.has_token == frame->has_token);
	MUST(memcmp(tree.token, frame->token, sizeof(tree.token)) == 0 && memcmp(tree.before, frame->before, 16) == 0);
	MUST((tree.attributes == NULL) == (frame->attributes == NULL));
	MUST(tree.attributes == NULL || strcmp(tree.attributes, frame->attributes) == 0);
	MUST((tree.content.p == NULL) == (frame->content.p == NULL) && tree.content.len == frame->content.len);
	MUST(tree.content.p == NULL || memcmp(tree.content.p, frame->content.p, tree.content.len) == 0);
	MUST(tree.nids == frame->nids && memcmp(tree.ids, frame->ids, (size_t) tree.nids * 16) == 0);
	visitor_frame_free(&tree);
}

/* Whatever is cut off, no other id is found than that of the whole. */
static void
check_guess(const char *text, size_t size, const visitor_frame *frame, visitor_frame_verdict verdict)
{
	static visitor_frame guess;

	visitor_frame_guess(text, size, &guess);
	MUST(strspn(guess.id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen(guess.id));
	MUST(guess.why == NULL && guess.made == NULL);
	if (verdict == VISITOR_GOOD && frame->type == VISITOR_MESSAGE && memchr(text, '\\', size) == NULL)
		MUST(guess.id[0] == '\0' || strcmp(guess.id, frame->id) == 0);
	visitor_frame_guess(text, size / 2, &guess);
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
	verdict = visitor_scan_parse(copy, size, &frame);
	MUST(strspn(frame.id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen(frame.id));
	if (verdict == VISITOR_GOOD)
		check_good(&frame);
	else
		MUST(frame.why != NULL && strlen(frame.why) > 10);
	check_same(copy, size, &frame, verdict);
	check_guess(copy, size, &frame, verdict);
	visitor_frame_free(&frame);
	free(copy);
	return 0;
}
