/*
 * fuzz_desk_frame.c
 *	  What a page of the desk says: a conversation that is read is written, and read
 *	  again as the same; and what is taken for a call's arguments is an object.
 */
#include <jansson.h>

#include "desk/desk_frame.h"
#include "fuzz.h"

static void
check_conversation(const desk_conversation *which)
{
	desk_conversation again;
	wc_buf buf = {0};

	MUST(which->visitor_len >= 1 && which->visitor_len <= DESK_MAX_VISITOR);
	desk_frame_write(&buf, "open", which);
	MUST(!buf.failed);
	MUST(desk_frame_parse(buf.data, buf.len, &again) == DESK_FRAME_OPEN);
	MUST(desk_frame_same(which, &again) && desk_frame_tag(which) == desk_frame_tag(&again));
	wc_buf_free(&buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_exact(data, size);
	char why[WC_REASON_SIZE] = "";
	desk_conversation which;
	bool named = false;
	char *mended;
	json_t *root;

	if (desk_frame_parse(text, size, &which) == DESK_FRAME_OPEN)
		check_conversation(&which);
	mended = fuzz_mended(text, &size);
	root = json_loadb(mended, size, JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY, NULL);
	if (desk_frame_arguments(mended, size, &which, &named, why))
		MUST(json_is_object(root));
	else
		MUST(!named && why[0] != '\0');
	if (named)
		check_conversation(&which);
	json_decref(root);
	free(mended);
	free(text);
	return 0;
}
