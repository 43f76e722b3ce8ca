/*
 * fuzz_poll_body.c
 *	  The body of a visitor's poll: its frames lie inside it, hold no line's end, and are
 *	  all of it that is behind the first line.
 */
#include "common/event_rules.h"
#include "fuzz.h"
#include "visitors/poll_body.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = fuzz_copy(data, size);
	const char *why = NULL;
	poll_body poll;
	wc_str frame;
	wc_str rest;
	size_t seen = 0;

	if (!poll_body_parse(body, size, &poll, &why))
		MUST(why != NULL && strlen(why) > 10);
	else
	{
		const char *end = memchr(body, '\n', size);

		MUST(strlen(poll.id) == 0 || strlen(poll.id) == POLL_ID_LEN);
		MUST(poll.ack <= UINT64_C(1) << 53 && poll.first <= UINT64_C(1) << 53);
		MUST((size_t) ((end ? end : body + size) - body) <= POLL_HEAD_MAX);
		rest = poll.frames;
		MUST(rest.len == 0 || (rest.p == end + 1 && rest.p + rest.len == body + size));
		while (poll_body_next(&rest, &frame))
		{
			MUST(frame.len > 0 && frame.p > body && frame.p + frame.len <= body + size);
			MUST(memchr(frame.p, '\n', frame.len) == NULL);
			seen += frame.len;
		}
		for (size_t i = 0; i < poll.frames.len; i++)
			seen += poll.frames.p[i] == '\n';
		MUST(seen == poll.frames.len);
	}
	free(body);
	return 0;
}
