/*
 * file_head_test.c
 *	  Ranges, ids in paths, parameters, and names of files.
 */
#include <stdio.h>
#include <string.h>

#include "files/file_head.h"
#include "files/file_name.h"
#include "tap.h"

#define ID "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_"

static const struct
{
	const char *range;
	uint64_t size;
	bool given;
	bool good;
	uint64_t from;
	uint64_t n;
} ranges[] = {
	{"bytes=0-0", 10, true, true, 0, 1},
	{"bytes=2-", 10, true, true, 2, 8},
	{"bytes=2-100", 10, true, true, 2, 8},
	{"bytes=-3", 10, true, true, 7, 3},
	{"bytes=-30", 10, true, true, 0, 10},
	{"bytes=-0", 10, true, false, 0, 0},
	{"bytes=10-", 10, true, false, 0, 0},
	{"bytes=9223372036854775807-", 10, true, false, 0, 0},
	{"bytes=0-9223372036854775807", 10, true, true, 0, 10},
	{"BYTES=1-1", 10, true, true, 1, 1},
	{"bytes=18446744073709551616-", 10, false, true, 0, 10},
	{"bytes=3-2", 10, false, true, 0, 10},
	{"bytes=0-1,3-4", 10, false, true, 0, 10},
	{"bytes=", 10, false, true, 0, 10},
	{"bytes=-", 10, false, true, 0, 10},
	{"bytes=a-b", 10, false, true, 0, 10},
	{"bytes=0x1-", 10, false, true, 0, 10},
	{"bytes=--1", 10, false, true, 0, 10},
	{"lines=0-1", 10, false, true, 0, 10},
	{"", 10, false, true, 0, 10},
};

static const struct
{
	const char *path;
	bool good;
} paths[] = {
	{"/files/" ID, true},		  {"/files/" ID "/", true},	  {"/files/" ID "/a.png", true},
	{"/files/" ID "/../x", true}, {"/files/" ID "x", false},  {"/files/x" ID, false},
	{"/files/", false},			  {"/files/..%2f" ID, false}, {"/files/" ID "%00", false},
	{"/file/" ID, false},		  {"/files//" ID, false},	  {"/files/" ID ".png", false},
	{"/FILES/" ID "/a", false},
};

static const struct
{
	const char *given;
	const char *name;
} names[] = {
	{"a.png", "a.png"},
	{"../../etc/passwd", "passwd"},
	{"C:\\Users\\x\\a.png", "a.png"},
	{"/", "file"},
	{"", "file"},
	{"..", "file"},
	{" . a . ", "a"},
	{".htaccess", "htaccess"},
	{"a\r\nSet-Cookie: b", "a  Set-Cookie: b"},
	{"\xe2\x80\xae"
	 "gpj.exe",
	 "gpj.exe"},
	{"a\xff"
	 "b",
	 "a\xef\xbf\xbd"
	 "b"},
	{"Gr\xc3\xbc\xc3\x9f"
	 "e.pdf",
	 "Gr\xc3\xbc\xc3\x9f"
	 "e.pdf"},
};

static void
test_names(void)
{
	char name[WC_MAX_FILE_NAME + 1];
	char header[FILE_NAME_HEADER_SIZE];
	char url[FILE_NAME_URL_SIZE];
	char large[1000];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		file_name_clean(names[i].given, strlen(names[i].given), name);
		ok(strcmp(name, names[i].name) == 0, "\"%s\" is called \"%s\"", names[i].given, name);
	}
	file_name_clean("a\0/b", 4, name);
	ok(strcmp(name, "b") == 0, "a NUL in a name");
	memset(large, 0xc3, sizeof(large));
	for (size_t i = 1; i < sizeof(large); i += 2)
		large[i] = (char) 0xbc;
	file_name_clean(large, sizeof(large), name);
	ok(strlen(name) == 254, "a long name ends with a whole letter");
	file_name_disposition(wc_str_from(name), true, header);
	ok(strlen(header) < FILE_NAME_HEADER_SIZE - 1, "and fits into its header");
	file_name_disposition(wc_str_from("a \"b\"\\;%41\xc3\xbc.png"), false, header);
	ok(strcmp(header, "attachment; filename=\"a _b____41__.png\"; filename*=UTF-8''a%20%22b%22%5C%3B%2541%C3%BC.png") ==
		   0,
	   "Content-Disposition: %s", header);
	file_name_in_url(wc_str_from("a/../b?#.png"), url);
	ok(strcmp(url, "a%2F..%2Fb%3F%23.png") == 0, "in a URL: %s", url);
}

static void
test_head(void)
{
	file_head head = {.bad = NULL};
	const char *query = "a=1&webChatId=wpk_x&channel=&b";
	char id[WC_FILE_ID + 1];

	file_head_field(&head, "authorization", 13, "bearer  wck_x ", 14);
	file_head_field(&head, "UPLOAD-OFFSET", 13, " 16 ", 4);
	ok(head.bad == NULL && wc_str_equals(head.key, "wck_x") && head.has_offset && head.offset == 16, "a head");
	file_head_field(&head, "Upload-Offset", 13, "16", 2);
	ok(head.bad != NULL, "two offsets");
	head = (file_head){.bad = NULL};
	file_head_field(&head, "Upload-Offset", 13, "-1", 2);
	ok(head.bad != NULL, "an offset that is none");
	head = (file_head){.bad = NULL};
	file_head_field(&head, "Authorization", 13, "Basic x", 7);
	ok(head.bad != NULL, "another scheme");
	ok(wc_str_equals(file_head_parameter(query, strlen(query), "webChatId"), "wpk_x") &&
		   wc_str_equals(file_head_parameter(query, strlen(query), "channel"), "") &&
		   file_head_parameter(query, strlen(query), "b").p == NULL &&
		   file_head_parameter("a=1&a=2", 7, "a").p == NULL && file_head_parameter("", 0, "a").p == NULL,
	   "parameters");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		ok(file_head_id(paths[i].path, strlen(paths[i].path), "/files/", id) == paths[i].good &&
			   (!paths[i].good || strcmp(id, ID) == 0),
		   "path %s", paths[i].path);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
	{
		file_head head = {.bad = NULL};
		uint64_t from = 0;
		uint64_t n = 0;
		bool good;

		file_head_field(&head, "Range", 5, ranges[i].range, strlen(ranges[i].range));
		good = file_head_range(&head.range, ranges[i].size, &from, &n);
		ok(head.range.given == ranges[i].given && good == ranges[i].good &&
			   (!good || (from == ranges[i].from && n == ranges[i].n)),
		   "range \"%s\"", ranges[i].range);
	}
	test_head();
	test_names();
	return tap_done();
}
