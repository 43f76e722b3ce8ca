/*
 * link_server_frame_test.c
 *	  What a subscriber may say on its link: which frames are acknowledgements,
 *	  and of what.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feed/link_server_frame.h"
#include "tap.h"

static const struct
{
	const char *text;
	bool good;
	uint64_t seq;
} cases[] = {
	{"{\"type\":\"ack\",\"seq\":0}", true, 0},
	{"{\"type\":\"ack\",\"seq\":1207}", true, 1207},
	{" { \"seq\" : 12 , \"type\" : \"ack\" , \"x\" : [ 1 ] } ", true, 12},
	{"{\"type\":\"a\\u0063k\",\"seq\":3}", true, 3},
	{"{\"type\":\"ack\",\"seq\":9223372036854775807}", true, INT64_MAX},
	{"{\"type\":\"ack\",\"seq\":9223372036854775808}", false, 0},
	{"{\"type\":\"ack\",\"seq\":-1}", false, 0},
	{"{\"type\":\"ack\",\"seq\":1.0}", false, 0},
	{"{\"type\":\"ack\",\"seq\":1e2}", false, 0},
	{"{\"type\":\"ack\",\"seq\":\"1\"}", false, 0},
	{"{\"type\":\"ack\",\"seq\":null}", false, 0},
	{"{\"type\":\"ack\",\"seq\":1,\"seq\":1}", false, 0},
	{"{\"type\":\"ack\",\"seq\":01}", false, 0},
	{"{\"type\":\"ack\"}", false, 0},
	{"{\"type\":\"Ack\",\"seq\":1}", false, 0},
	{"{\"type\":\"ack\\u0000\",\"seq\":1}", false, 0},
	{"{\"type\":\"ack\",\"seq\":7,\"a\":\"\\ud83d\\u0000\",\"b\":123456789012345678901234567890,\"c\":1e400}", true, 7},
	{"{\"type\":\"ack\",\"seq\":-0}", false, 0},
	{"{\"type\":1,\"seq\":1}", false, 0},
	{"{\"seq\":1}", false, 0},
	{"{\"type\":\"ack\",\"seq\":1} x", false, 0},
	{"[\"ack\",1]", false, 0},
	{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", false, 0},
	{"\"ack\"", false, 0},
	{"ack", false, 0},
	{"", false, 0},
};

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t len = strlen(cases[i].text);
		char *text = malloc(len ? len : 1);
		uint64_t seq = 99;

		memcpy(text, cases[i].text, len);
		ok(link_server_frame_parse(text, len, &seq) == cases[i].good && seq == cases[i].seq, "%s", cases[i].text);
		free(text);
	}
	return tap_done();
}
