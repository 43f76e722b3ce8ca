/*
 * link_frame_test.c
 *	  What a hub sends over a link: frames taken apart, the event left as it is;
 *	  and the window of events that the worker has not said a word on.
 */
#include <string.h>

#include "hubs/link_frame.h"
#include "hubs/link_window.h"
#include "tap.h"

#define EVENT(members)	 "{\"type\":\"event\"," members "}"
#define WELCOME(a, l, h) "{\"type\":\"welcome\",\"acknowledged\":" a ",\"lost\":" l ",\"heartbeat\":" h "}"

static const struct
{
	const char *text;
	bool good;
	link_frame_type type;
	uint64_t number; /* seq, or acknowledged */
	const char *event;
} cases[] = {
	{EVENT("\"seq\":1,\"event\":{}"), true, LINK_FRAME_EVENT, 1, "{}"},
	{" { \"event\" : [1.10, \"}\\\"]\" ,{}]\n,\"seq\":\t9223372036854775807 , \"type\" :\"event\" } ", true,
	 LINK_FRAME_EVENT, INT64_MAX, "[1.10, \"}\\\"]\" ,{}]"},
	{EVENT("\"seq\":7,\"event\":-1.5E+3"), true, LINK_FRAME_EVENT, 7, "-1.5E+3"},
	{EVENT("\"seq\":7,\"more\":{\"seq\":8,\"event\":1},\"event\":\"\\\\\""), true, LINK_FRAME_EVENT, 7, "\"\\\\\""},
	{EVENT("\"seq\":7"), true, LINK_FRAME_EVENT, 7, NULL},
	{EVENT("\"seq\":7,\"event\":null"), true, LINK_FRAME_EVENT, 7, "null"},
	{EVENT("\"event\":{}"), false, 0, 0, NULL},
	{EVENT("\"seq\":0"), false, 0, 0, NULL},
	{EVENT("\"seq\":01"), false, 0, 0, NULL},
	{EVENT("\"seq\":-1"), false, 0, 0, NULL},
	{EVENT("\"seq\":1.0"), false, 0, 0, NULL},
	{EVENT("\"seq\":\"1\""), false, 0, 0, NULL},
	{EVENT("\"seq\":9223372036854775808"), false, 0, 0, NULL},
	{EVENT("\"seq\":18446744073709551617"), false, 0, 0, NULL},
	{EVENT("\"seq\":1,\"seq\":1"), false, 0, 0, NULL},
	{EVENT("\"seq\":1,\"event\":{}}"), false, 0, 0, NULL},
	{EVENT("\"seq\":1,\"event\":{"), false, 0, 0, NULL},
	{EVENT("\"seq\":1,\"event\":"), false, 0, 0, NULL},
	{EVENT("\"seq\":1 \"event\":1"), false, 0, 0, NULL},
	{EVENT("\"seq\":1,"), false, 0, 0, NULL},
	{EVENT("\"seq\":1,\"event\":\"\n\""), false, 0, 0, NULL},
	{EVENT("\"seq\":1,\"event\":\"\\"), false, 0, 0, NULL},
	{WELCOME("1201", "3", "20"), true, LINK_FRAME_WELCOME, 1201, NULL},
	{WELCOME("0", "0", "0.5"), true, LINK_FRAME_WELCOME, 0, NULL},
	{WELCOME("0", "0", "-1"), false, 0, 0, NULL},
	{WELCOME("0", "null", "20"), false, 0, 0, NULL},
	{WELCOME("-0", "0", "20"), false, 0, 0, NULL},
	{"{\"type\":\"welcome\"}", false, 0, 0, NULL},
	{"{\"type\":\"news\",\"seq\":\"x\"}", true, LINK_FRAME_OTHER, 0, NULL},
	{"{\"type\":1}", false, 0, 0, NULL},
	{"{\"seq\":1}", false, 0, 0, NULL},
	{"{}", false, 0, 0, NULL},
	{"[]", false, 0, 0, NULL},
	{"", false, 0, 0, NULL},
};

static void
test_frames(void)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		link_frame frame;
		const char *why = NULL;
		bool good = link_frame_read(cases[i].text, strlen(cases[i].text), &frame, &why);

		ok(good == cases[i].good && (good || why != NULL), "frame %zu is %s", i, cases[i].good ? "good" : "bad");
		if (!good || !cases[i].good)
			continue;
		ok(frame.type == cases[i].type, "its type");
		ok((frame.type == LINK_FRAME_EVENT ? frame.seq : frame.acknowledged) == cases[i].number, "its number");
		if (cases[i].event != NULL)
			ok(wc_str_equals(frame.event, cases[i].event), "its event");
		else
			ok(frame.event.p == NULL, "no event");
	}
}

static void
test_window(void)
{
	static link_window w;
	uint32_t i;

	/* near where indexes go round */
	w.first = w.next = UINT32_MAX - 1;
	link_window_restart(&w, 100);
	ok(link_window_room(&w, 5) == 5 && link_window_room(&w, 5000) == LINK_WINDOW, "an empty one has room");
	for (i = 0; i < 4; i++)
		ok(link_window_add(&w, 101 + 2 * i, 10) == UINT32_MAX - 1 + i, "an index for each");
	ok(link_window_room(&w, 5) == 1 && w.last == 107 && w.through == 100, "four wait");
	ok(link_window_end(&w, UINT32_MAX, true) && w.through == 100, "the second is done");
	ok(link_window_end(&w, UINT32_MAX - 1, true) && w.through == 103, "the first: both are");
	ok(!link_window_end(&w, UINT32_MAX, true) && w.waiting == 2, "a second word moves nothing");
	ok(!link_window_end(&w, 77, true) && w.waiting == 2, "nor one on what never was");
	ok(link_window_end(&w, 0, false) && w.waiting == 1, "one that could not be taken");
	ok(link_window_end(&w, 1, true) && w.through == 103, "what is behind it is not acknowledged");
	link_window_restart(&w, 103);
	ok(link_window_room(&w, 5) == 5, "all had a word");

	link_window_add(&w, 104, 10);
	link_window_add(&w, 105, 10);
	link_window_restart(&w, 0);
	ok(link_window_room(&w, 5) == 3 && w.stale == 2, "earlier ones count on");
	i = link_window_add(&w, 104, 10);
	ok(!link_window_end(&w, i - 1, true) && w.stale == 1 && w.through == 0, "until the word on them comes");
	ok(!link_window_end(&w, i - 2, false) && w.stale == 0, "whatever it is");
	ok(!link_window_end(&w, i - 2, true) && w.stale == 0, "and no further");
	ok(link_window_end(&w, i, true) && w.through == 104 && link_window_room(&w, 5) == 5, "then there is room");

	for (i = 0; i < LINK_WINDOW; i++)
		link_window_add(&w, 200 + i, 10);
	ok(link_window_room(&w, 5000) == 0, "no more places");
	for (i = 1; i < LINK_WINDOW; i++)
		link_window_end(&w, w.first + i, true);
	ok(w.waiting == 1 && link_window_room(&w, 5000) == 0, "what is done behind the first keeps its place");
	link_window_end(&w, w.first, true);
	ok(w.through == 200 + LINK_WINDOW - 1 && link_window_room(&w, 5000) == LINK_WINDOW, "until that is done");

	link_window_add(&w, 10000, LINK_WINDOW_BYTES - 1);
	ok(link_window_room(&w, 5) == 4, "nearly as many bytes as may wait");
	i = link_window_add(&w, 10001, 1);
	ok(link_window_room(&w, 5) == 0, "as many as may");
	link_window_end(&w, i, true);
	ok(link_window_room(&w, 5) == 4, "what is done waits no more");
	link_window_add(&w, 10002, 1);
	link_window_restart(&w, 9999);
	ok(link_window_room(&w, 5) == 0, "earlier connections' bytes count");
	link_window_end(&w, i - 1, true);
	ok(link_window_room(&w, 5) == 0, "as long as there are any");
	link_window_end(&w, i + 1, true);
	ok(link_window_room(&w, 5) == 5 && w.waiting_bytes == 0 && w.stale_bytes == 0, "and no longer");
}

int
main(void)
{
	test_frames();
	test_window();
	return tap_done();
}
