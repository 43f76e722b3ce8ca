/*
 * visitor_frame_test.c
 *	  Frames of visitors' clients: which are good, and why the others are not.
 */
#include <string.h>

#include "visitors/visitor_frame.h"
#include "visitors/visitor_scan.h"
#include "tap.h"

#define UUID			 "\"01a206db-149d-7000-8199-51c107a6ffef\""
#define MESSAGE(content) "{\"type\":\"message\",\"id\":\"c\",\"content\":" content "}"
#define REPLY(kind, reply)                                                                                             \
	MESSAGE("{\"type\":\"interactive\",\"interactive\":{\"type\":\"" kind "\",\"" kind "\":" reply "}}")

static const struct
{
	const char *text;
	visitor_frame_verdict verdict;
	visitor_frame_type type;
} cases[] = {
	{"{\"type\":\"hello\"}", VISITOR_GOOD, VISITOR_HELLO},
	{"{\"type\":\"hello\",\"token\":null,\"more\":[1]}", VISITOR_GOOD, VISITOR_HELLO},
	{"{\"type\":\"hello\",\"token\":1}", VISITOR_BAD, VISITOR_HELLO},
	{"{\"type\":\"hello\",\"link\":\"wcl_1\",\"token\":null}", VISITOR_GOOD, VISITOR_HELLO},
	{"{\"type\":\"hello\",\"link\":[]}", VISITOR_BAD, VISITOR_HELLO},
	{"{\"type\":\"hello\",\"have\":[" UUID "," UUID "]}", VISITOR_GOOD, VISITOR_HELLO},
	{"{\"type\":\"hello\",\"have\":[\"x\"]}", VISITOR_BAD, VISITOR_HELLO},
	{"{\"type\":\"hello\",\"attributes\":{\"a\":\"b\"}}", VISITOR_GOOD, VISITOR_HELLO},
	{"{\"type\":\"hello\",\"attributes\":{\"a\":{}}}", VISITOR_BAD, VISITOR_HELLO},
	{MESSAGE("{\"type\":\"text\",\"text\":\"x\"}"), VISITOR_GOOD, VISITOR_MESSAGE},
	{MESSAGE("{\"type\":\"text\",\"text\":\" \\t\\u00a0\\u3000\\u200b\\ufeff\"}"), VISITOR_BAD_CONTENT,
	 VISITOR_MESSAGE},
	{MESSAGE("{\"type\":\"text\",\"text\":\"\\u3000x\"}"), VISITOR_GOOD, VISITOR_MESSAGE},
	{MESSAGE("{\"type\":\"image\"}"), VISITOR_BAD_CONTENT, VISITOR_MESSAGE},
	{MESSAGE("{}"), VISITOR_BAD_CONTENT, VISITOR_MESSAGE},
	{MESSAGE("1"), VISITOR_BAD, VISITOR_MESSAGE},
	{REPLY("button_reply", "{\"id\":\"a\",\"title\":\"b\"}"), VISITOR_GOOD, VISITOR_MESSAGE},
	{REPLY("list_reply", "{\"id\":\"a\",\"title\":\"b\",\"description\":\"c\"}"), VISITOR_GOOD, VISITOR_MESSAGE},
	{REPLY("list_reply", "{\"id\":\"a\",\"title\":\"b\",\"description\":1}"), VISITOR_BAD_CONTENT, VISITOR_MESSAGE},
	{REPLY("button_reply", "{\"id\":\"a\"}"), VISITOR_BAD_CONTENT, VISITOR_MESSAGE},
	{REPLY("button_reply", "[]"), VISITOR_BAD_CONTENT, VISITOR_MESSAGE},
	{REPLY("other_reply", "{\"id\":\"a\",\"title\":\"b\"}"), VISITOR_BAD_CONTENT, VISITOR_MESSAGE},
	{"{\"type\":\"message\",\"id\":\"a b\",\"content\":{}}", VISITOR_BAD, VISITOR_MESSAGE},
	{"{\"type\":\"read\",\"ids\":[" UUID "]}", VISITOR_GOOD, VISITOR_READ},
	{"{\"type\":\"delivered\",\"ids\":[]}", VISITOR_BAD, VISITOR_DELIVERED},
	{"{\"type\":\"delivered\",\"ids\":{}}", VISITOR_BAD, VISITOR_DELIVERED},
	{"{\"type\":\"history\",\"before\":" UUID "}", VISITOR_GOOD, VISITOR_HISTORY},
	{"{\"type\":\"history\"}", VISITOR_BAD, VISITOR_HISTORY},
	{"{\"type\":\"rating\",\"value\":1}", VISITOR_GOOD, VISITOR_RATING},
	{"{\"type\":\"rating\",\"value\":5,\"comment\":\"well\"}", VISITOR_GOOD, VISITOR_RATING},
	{"{\"type\":\"rating\",\"value\":0}", VISITOR_BAD, VISITOR_RATING},
	{"{\"type\":\"rating\",\"value\":6}", VISITOR_BAD, VISITOR_RATING},
	{"{\"type\":\"rating\",\"value\":2.5}", VISITOR_BAD, VISITOR_RATING},
	{"{\"type\":\"rating\",\"value\":1e99}", VISITOR_BAD, VISITOR_RATING},
	{"{\"type\":\"rating\",\"value\":\"5\"}", VISITOR_BAD, VISITOR_RATING},
	{"{\"type\":\"rating\",\"value\":5,\"comment\":1}", VISITOR_BAD, VISITOR_RATING},
	{"{\"type\":\"rating\"}", VISITOR_BAD, VISITOR_RATING},
	{"{\"type\":\"typing\"}", VISITOR_GOOD, VISITOR_TYPING},
	{"{\"type\":\"ping\",\"n\":123456789012345678901234567890}", VISITOR_GOOD, VISITOR_PING},
	{"{\"type\":\"page\",\"url\":\"https://www.example.com/\"}", VISITOR_GOOD, VISITOR_PAGE},
	{"{\"type\":\"page\",\"url\":[]}", VISITOR_GOOD, VISITOR_PAGE},
	{"{\"type\":\"hello\",\"url\":1,\"title\":{},\"locale\":[],\"timeZone\":null}", VISITOR_GOOD, VISITOR_HELLO},
	{"{\"type\":\"other\"}", VISITOR_GOOD, VISITOR_UNKNOWN},
	{"{\"type\":null}", VISITOR_BAD, VISITOR_UNKNOWN},
	{"{}", VISITOR_BAD, VISITOR_UNKNOWN},
	{"[]", VISITOR_NOT_JSON, VISITOR_UNKNOWN},
	{"", VISITOR_NOT_JSON, VISITOR_UNKNOWN},
	{"{\"type\":\"ping\"}x", VISITOR_NOT_JSON, VISITOR_UNKNOWN},
	{"{\"type\":\"ping\",\"type\":\"ping\"}", VISITOR_NOT_JSON, VISITOR_UNKNOWN},
	{"{\"type\":\"ping\",\"a\":\"\\u0000\",\"\\u0000\":1e400}", VISITOR_GOOD, VISITOR_PING},
	{"{\"type\":\"ping\",\"a\":\"\\ud800\"}", VISITOR_GOOD, VISITOR_PING},
	{"\xEF\xBB\xBF{\"type\":\"ping\",\"a\":\"\xED\xA0\xBD\"}", VISITOR_GOOD, VISITOR_PING},
	{MESSAGE("{\"type\":\"text\",\"text\":\"\\ud83d\"}"), VISITOR_GOOD, VISITOR_MESSAGE},
	{"{\"type\":\"hello\",\"attributes\":{\"a\\ud83d\":\"\\u0000\"}}", VISITOR_GOOD, VISITOR_HELLO},
	{"{\"type\":\"hello\",\"link\":\"wcl_1\",\"ask\":7}", VISITOR_GOOD, VISITOR_HELLO},
};

/* Texts, and whether they are taken without a tree of JSON. */
static const struct
{
	const char *text;
	bool scanned;
} shapes[] = {
	{MESSAGE("{\"type\":\"text\",\"text\":\"x\"}"), true},
	{" { \"content\" : {\"type\":\"text\",\"text\":\"\xc3\xa4\\n\\\"\\\\\"} , \"id\":\"c-_9\",\"type\":\"message\"}\n",
	 true},
	{MESSAGE("{\"type\":\"text\",\"text\":\"\xe4\xbd\xa0\"}"), true},
	{MESSAGE("{\"type\":\"text\",\"text\":\"\\u00e4\"}"), false},
	{MESSAGE("{\"type\":\"text\",\"text\":\"a\\/b\"}"), false},
	{MESSAGE("{\"type\":\"text\",\"text\":\"\\n\\t\"}"), false},
	{MESSAGE("{\"type\":\"text\",\"text\":\"\xff\"}"), false},
	{MESSAGE("{\"type\":\"text\",\"text\":\"\x01z\"}"), false},
	{MESSAGE("{\"type\":\"text\", \"text\":\"x\"}"), false},
	{MESSAGE("{\"text\":\"x\",\"type\":\"text\"}"), false},
	{MESSAGE("{\"type\":\"text\",\"text\":\"x\",\"more\":1}"), false},
	{MESSAGE("{\"type\":\"text\",\"text\":1}"), false},
	{"{\"type\":\"message\",\"id\":\"a b\",\"content\":{\"type\":\"text\",\"text\":\"x\"}}", false},
	{"{\"type\":\"message\",\"type\":\"message\",\"content\":{\"type\":\"text\",\"text\":\"x\"}}", false},
	{"{\"type\":\"message\",\"id\":\"c\",\"ids\":[" UUID "]}", false},
	{"{\"type\":\"read\",\"ids\":[" UUID "," UUID "]}", true},
	{"{\"type\":\"delivered\",\"ids\":[" UUID "]}", true},
	{"{\"type\":\"delivered\",\"ids\":[" UUID ", " UUID "]}", false},
	{"{\"type\":\"delivered\",\"ids\":[]}", false},
	{"{\"type\":\"ping\"}", true},
	{"{\"type\":\"typing\"}", true},
	{"{\"type\":\"ping\"}x", false},
	{"{\"type\":\"ping\"", false},
	{"{\"type\":\"ping\",}", false},
	{"{}", false},
	{"", false},
};

static void
test_shapes(void)
{
	static visitor_frame scanned;
	static visitor_frame tree;
	size_t i;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
	{
		size_t len = strlen(shapes[i].text);
		bool is;

		memset(&scanned, 0, sizeof(scanned));
		is = visitor_scan(shapes[i].text, len, &scanned);
		ok(is == shapes[i].scanned, "%s: %s", shapes[i].scanned ? "common" : "left to jansson", shapes[i].text);
		if (!is)
			continue;
		ok(visitor_frame_parse(shapes[i].text, len, &tree) == VISITOR_GOOD && tree.type == scanned.type &&
			   strcmp(tree.id, scanned.id) == 0 && tree.nids == scanned.nids &&
			   memcmp(tree.ids, scanned.ids, sizeof(tree.ids[0]) * (size_t) tree.nids) == 0 &&
			   tree.content.len == scanned.content.len &&
			   (tree.content.len == 0 || memcmp(tree.content.p, scanned.content.p, tree.content.len) == 0),
		   "jansson makes the same of it");
		visitor_frame_free(&tree);
	}
}

/* What may be broken or cut off, and the id in it. */
static const char *const guesses[][2] = {
	{"{\"type\":\"message\",\"id\":\"c-1\",\"content\":{\"type\":\"te", "c-1"},
	{" { \"id\" :\t\"c-1\"", "c-1"},
	{"{\"content\":{\"id\":\"x\"},\"id\":\"c-1\"}{", "c-1"},
	{"{\"a\":\"\\\"id\\\":\",\"b\":[{\"id\":\"x\"}],\"id\":\"c-1\"", "c-1"},
	{"{\"id\":\"c-1", ""},
	{"{\"id\":\"c 1\"}", ""},
	{"{\"id\":1,\"id\":\"c-1\"", "c-1"},
	{"{\"type\":\"id\",\"id\"", ""},
	{"[\"id\":\"c-1\"", "c-1"},
	{"{\"a\\", ""},
	{"\"", ""},
	{"", ""},
};

static void
test_guesses(void)
{
	static visitor_frame frame;
	size_t i;

	for (i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++)
	{
		visitor_frame_guess(guesses[i][0], strlen(guesses[i][0]), &frame);
		ok(strcmp(frame.id, guesses[i][1]) == 0, "\"%s\" in %s", guesses[i][1], guesses[i][0]);
	}
}

int
main(void)
{
	static visitor_frame frame;
	static char deep[70000];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		visitor_frame_verdict verdict = visitor_frame_parse(cases[i].text, strlen(cases[i].text), &frame);

		ok(verdict == cases[i].verdict && frame.type == cases[i].type, "%s", cases[i].text);
		ok((frame.why != NULL) == (verdict != VISITOR_GOOD), "a sentence when something is wrong, else none");
		visitor_frame_free(&frame);
	}
	visitor_frame_parse(cases[9].text, strlen(cases[9].text), &frame);
	ok(strcmp(frame.id, "c") == 0 && wc_str_equals(frame.content, "{\"type\":\"text\",\"text\":\"x\"}"),
	   "the content is there");
	visitor_frame_free(&frame);
	test_shapes();
	test_guesses();
	memset(deep, '[', sizeof(deep));
	ok(visitor_frame_parse(deep, sizeof(deep), &frame) == VISITOR_NOT_JSON, "nested too deep");
	return tap_done();
}
