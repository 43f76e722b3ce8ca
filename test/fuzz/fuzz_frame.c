/*
 * fuzz_frame.c
 *	  The corridor: any bytes as a stream of frames, each frame given to every
 *	  reader.  Only the reader of its type may take it, and what it takes must be
 *	  written as the same bytes.  The seeds, one for each type, are what the
 *	  corridor's unit test writes.
 */
#include <string.h>

#include "fuzz.h"
#include "rewrite.h"

static void
try_readers(const wc_frame *frame)
{
	static wc_buf out;

	for (int i = 0; i < REWRITERS; i++)
	{
		wc_buf_reset(&out);
		if (!rewriters[i].rewrite(frame, &out))
			continue;
		MUST(rewriters[i].type == frame->type);
		MUST(out.len == frame->len + WC_FRAME_HEAD);
		MUST((uint8_t) out.data[4] == frame->type);
		MUST(memcmp(out.data + WC_FRAME_HEAD, frame->payload, frame->len) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wc_buf in = {0};
	wc_frame frame;
	size_t used;

	MUST(wc_buf_append(&in, data, size));
	while (wc_frame_next(in.data, in.len, &frame, &used) == WC_NEXT_FRAME)
	{
		MUST(used == frame.len + (size_t) WC_FRAME_HEAD && used <= in.len);
		/* one byte less is not this frame yet */
		MUST(wc_frame_next(in.data, used - 1, &(wc_frame){0}, &(size_t){0}) == WC_NEXT_MORE);
		try_readers(&frame);
		wc_buf_consume(&in, used);
	}
	wc_buf_free(&in);
	return 0;
}
