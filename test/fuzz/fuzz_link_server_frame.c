/*
 * fuzz_link_server_frame.c
 *	  What a subscriber says on its link: an acknowledgement is what jansson
 *	  takes for one.
 */
#include <jansson.h>

#include "feed/link_server_frame.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_exact(data, size);
	uint64_t seq = UINT64_MAX;
	bool good = link_server_frame_parse(text, size, &seq);
	char *mended = fuzz_mended(text, &size);
	json_t *root = json_loadb(mended, size, JSON_DECODE_INT_AS_REAL, NULL);

	MUST(seq <= INT64_MAX && (good || seq == 0));
	if (good)
	{
		MUST(json_is_object(root));
		MUST(strcmp(json_string_value(json_object_get(root, "type")), "ack") == 0);
		MUST(json_number_value(json_object_get(root, "seq")) == (double) seq);
	}
	json_decref(root);
	free(mended);
	free(text);
	return 0;
}
