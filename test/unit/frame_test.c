/*
 * frame_test.c
 *	  Frames and buffers: what is written is read back, and nothing else is.
 */
#include "common/frame.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static void
test_round_trip(void)
{
	static const uint8_t uuid[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255};
	wc_buf buf = {0};
	wc_frame frame;
	wc_reader r;
	wc_str s;
	uint8_t back[16];
	size_t used;
	size_t mark = wc_frame_begin(&buf, 200);

	wc_put_u8(&buf, 250);
	wc_put_u32(&buf, 0xDEADBEEF);
	wc_put_u64(&buf, UINT64_MAX - 1);
	wc_put_uuid(&buf, uuid);
	wc_put_str(&buf, wc_str_from("hello"));
	wc_put_str(&buf, wc_str_from(NULL));
	ok(wc_frame_end(&buf, mark), "a frame is written");
	ok(buf.len == WC_FRAME_HEAD + 1 + 4 + 8 + 16 + 9 + 4, "its length is the sum of its parts");
	ok((uint8_t) buf.data[0] == buf.len - 4 && buf.data[1] == 0, "little-endian length in front");

	ok(wc_frame_next(buf.data, buf.len, &frame, &used) == WC_NEXT_FRAME && used == buf.len && frame.type == 200,
	   "it is found again");
	wc_reader_init(&r, &frame);
	ok(wc_get_u8(&r) == 250, "u8");
	ok(wc_get_u32(&r) == 0xDEADBEEF, "u32");
	ok(wc_get_u64(&r) == UINT64_MAX - 1, "u64");
	wc_get_uuid(&r, back);
	ok(memcmp(uuid, back, 16) == 0, "uuid");
	s = wc_get_str(&r);
	ok(wc_str_equals(s, "hello") && !wc_str_equals(s, "hell"), "string");
	ok(!wc_reader_done(&r), "not done before the end");
	s = wc_get_str(&r);
	ok(s.len == 0 && wc_str_equals(s, ""), "empty string");
	ok(wc_reader_done(&r), "done at the end");
	ok(wc_get_u32(&r) == 0 && r.bad, "reading on turns the reader bad");
	wc_get_uuid(&r, back);
	s = wc_get_str(&r);
	ok(wc_get_u64(&r) == 0 && back[0] == 0 && back[15] == 0 && s.len == 0 && !wc_reader_done(&r),
	   "and it stays bad, yielding zeros");
	wc_buf_free(&buf);
	ok(buf.data == NULL && buf.cap == 0, "free leaves an empty buffer");
}

/* Three frames in a row, given to the reader one byte more at a time. */
static void
test_stream(void)
{
	wc_buf buf = {0};
	wc_frame frame;
	size_t len;
	size_t at = 0;
	size_t used;
	int found = 0;
	bool right = true;

	for (uint8_t i = 0; i < 3; i++)
	{
		size_t mark = wc_frame_begin(&buf, i);

		wc_put_str(&buf, (wc_str){"abcdefgh", (uint32_t) i * 4});
		right &= wc_frame_end(&buf, mark);
	}
	for (len = 0; len <= buf.len; len++)
	{
		/* a copy of exactly this length, so that a read beyond it is seen */
		char *part = malloc(len - at + 1);

		memcpy(part, buf.data + at, len - at);
		part = realloc(part, len - at ? len - at : 1);
		if (wc_frame_next(part, len - at, &frame, &used) == WC_NEXT_FRAME)
		{
			right &= frame.type == found && frame.len == 4 + 4 * (uint32_t) found && at + used == len;
			at += used;
			found++;
		}
		free(part);
	}
	ok(right && found == 3 && at == buf.len, "a stream cut anywhere yields each frame when it is whole");
	wc_buf_consume(&buf, 9);
	ok(wc_frame_next(buf.data, buf.len, &frame, &used) == WC_NEXT_FRAME && frame.type == 1 && used == buf.len - 17,
	   "consume leaves what follows");
	wc_buf_consume(&buf, 1000);
	ok(buf.len == 0, "consuming more than there is empties the buffer");
	wc_buf_free(&buf);
}

static void
test_broken(void)
{
	wc_frame frame;
	size_t used;

	ok(wc_frame_next("\0\0\0\0", 4, &frame, &used) == WC_NEXT_BROKEN, "length 0 is broken");
	ok(wc_frame_next("\1\0\x90\0", 4, &frame, &used) == WC_NEXT_BROKEN, "one over WC_FRAME_MAX is broken");
	ok(wc_frame_next("\0\0\x90\0", 4, &frame, &used) == WC_NEXT_MORE, "WC_FRAME_MAX itself is not");
	ok(wc_frame_next("\xFF\xFF\xFF\xFF\1", 5, &frame, &used) == WC_NEXT_BROKEN, "nor is a huge one waited for");
	ok(wc_frame_next(NULL, 0, &frame, &used) == WC_NEXT_MORE, "nothing is not yet a frame");
	ok(wc_frame_next("\1\0\0\0\7", 5, &frame, &used) == WC_NEXT_FRAME && frame.len == 0 && frame.type == 7 && used == 5,
	   "a frame may be empty");
}

static void
test_limits(void)
{
	wc_buf buf = {0};
	char *big = calloc(1, WC_FRAME_MAX + 1);
	size_t before;
	size_t mark;

	mark = wc_frame_begin(&buf, 1);
	wc_put_u8(&buf, 9);
	ok(wc_frame_end(&buf, mark), "a first frame");
	before = buf.len;

	mark = wc_frame_begin(&buf, 2);
	wc_put_str(&buf, (wc_str){big, WC_FRAME_MAX - 5});
	ok(wc_frame_end(&buf, mark) && buf.len == before + 4 + WC_FRAME_MAX, "a frame of WC_FRAME_MAX fits");
	buf.len = before;
	mark = wc_frame_begin(&buf, 2);
	wc_put_str(&buf, (wc_str){big, WC_FRAME_MAX - 4});
	ok(!wc_frame_end(&buf, mark) && buf.len == before && !buf.failed,
	   "one byte more does not, and leaves the buffer as it was");
	mark = wc_frame_begin(&buf, 2);
	wc_put_str(&buf, (wc_str){big, WC_FRAME_MAX + 1});
	wc_put_str(&buf, (wc_str){big, UINT32_MAX});
	ok(!wc_frame_end(&buf, mark) && buf.len == before && buf.cap < 4 * (size_t) WC_FRAME_MAX,
	   "what no frame can hold is not even copied");
	mark = wc_frame_begin(&buf, 3);
	ok(wc_frame_end(&buf, mark) && buf.len == before + WC_FRAME_HEAD, "the buffer is usable after that");

	ok(!wc_buf_reserve(&buf, SIZE_MAX) && buf.failed, "a reserve that overflows fails");
	ok(!wc_buf_append(&buf, "x", 1), "a failed buffer takes nothing");
	mark = wc_frame_begin(&buf, 4);
	wc_put_u32(&buf, 1);
	ok(!wc_frame_end(&buf, mark) && buf.len == before + WC_FRAME_HEAD, "nor a frame");
	wc_buf_reset(&buf);
	ok(buf.len == 0 && !buf.failed && wc_buf_append(&buf, NULL, 0) && wc_buf_append(&buf, "x", 1), "until it is reset");
	wc_buf_free(&buf);
	free(big);
}

/* A length inside the frame that reaches beyond it. */
static void
test_lying_string(void)
{
	static const uint32_t lies[] = {5, 6, 0x7FFFFFFF, 0xFFFFFFFF};
	bool right = true;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
	{
		wc_buf buf = {0};
		wc_frame frame;
		wc_reader r;
		wc_str s;
		size_t used;
		size_t mark = wc_frame_begin(&buf, 1);

		wc_put_u32(&buf, lies[i]);
		wc_buf_append(&buf, "abcd", 4);
		right &= wc_frame_end(&buf, mark);
		right &= wc_frame_next(buf.data, buf.len, &frame, &used) == WC_NEXT_FRAME;
		wc_reader_init(&r, &frame);
		s = wc_get_str(&r);
		right &= s.len == 0 && r.bad && !wc_reader_done(&r);
		wc_buf_free(&buf);
	}
	ok(right, "a string longer than its frame turns the reader bad");
}

int
main(void)
{
	test_round_trip();
	test_stream();
	test_broken();
	test_limits();
	test_lying_string();
	return tap_done();
}
