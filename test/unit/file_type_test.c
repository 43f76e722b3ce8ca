/*
 * file_type_test.c
 *	  What files are by their bytes, whatever else they would like to be.
 */
#include <string.h>

#include "common/file_type.h"
#include "tap.h"

#define OF(s) s, sizeof(s) - 1

static const struct
{
	const char *bytes;
	size_t len;
	const char *type;
} files[] = {
	{OF("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "image/png"},
	{OF("\x89PNG\r\n\x1a\n<script>alert(1)</script>"), "image/png"},
	{OF("\x89PNG\n\x1a\n"), "application/octet-stream"},
	{OF("\xff\xd8\xff\xe0\0\x10JFIF"), "image/jpeg"},
	{OF("GIF89a\1\0\1\0"), "image/gif"},
	{OF("GIF90a\1\0\1\0"), "application/octet-stream"},
	{OF("RIFF\x10\0\0\0WEBPVP8 "), "image/webp"},
	{OF("RIFF\x10\0\0\0WAVEfmt "), "audio/wav"},
	{OF("RIFF\x10\0\0\0AVI LIST"), "application/octet-stream"},
	{OF("\0\0\0\x1c"
		"ftypavif\0\0\0\0avifmif1"),
	 "image/avif"},
	{OF("\0\0\0\x1c"
		"ftypmif1\0\0\0\0mif1avif"),
	 "image/avif"},
	{OF("\0\0\0\x18"
		"ftypheic\0\0\0\0mif1heic"),
	 "image/heic"},
	{OF("\0\0\0\x18"
		"ftypmp42\0\0\0\0mp42isom"),
	 "video/mp4"},
	{OF("\0\0\0\x18"
		"ftypabcd\0\0\0\0abcdefgh"),
	 "application/octet-stream"},
	{OF("\0\0\0\x14"
		"ftypqt  \0\0\0\0qt  "),
	 "video/quicktime"},
	{OF("\0\0\0\x18"
		"ftypM4A \0\0\0\0M4A mp42"),
	 "audio/mp4"},
	{OF("\xff\xff\xff\xff"
		"ftypabcd\0\0\0\0"),
	 "application/octet-stream"},
	{OF("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm"), "video/webm"},
	{OF("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska"), "application/octet-stream"},
	{OF("ID3\4\0\0\0\0\0\0"), "audio/mpeg"},
	{OF("\xff\xfb\x90\x44\0"), "audio/mpeg"},
	{OF("\xff\xfe<\0h\0t\0m\0l\0"), "application/octet-stream"},
	{OF("OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x13OpusHead"), "audio/ogg"},
	{OF("OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x2a\x80theora"), "video/ogg"},
	{OF("%PDF-1.7\n<html>"), "application/pdf"},
	{OF(" %PDF-1.7\n"), "text/plain"},
	{OF("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0a.txt"), "application/zip"},
	{OF("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0[Content_Types]."
		"xmlPK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0"
		"\0\0\0\0\0\0\0\0\0\x11\0\0\0word/document.xml"),
	 "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{OF("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\0\0mimetypeapplication/"
		"vnd.oasis.opendocument.spreadsheetPK"),
	 "application/vnd.oasis.opendocument.spreadsheet"},
	{OF("PK\3\4"), "application/zip"},
	{OF("<!DOCTYPE html><script>alert(1)</script>"), "text/plain"},
	{OF("<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>"), "text/plain"},
	{OF("a,b\r\n1,2\r\n"), "text/plain"},
	{OF("Gr\xc3\xbc\xc3\x9f"
		"e"),
	 "text/plain"},
	{OF("Gr\xfc\xdf"
		"e"),
	 "application/octet-stream"},
	{OF("a\0b"), "application/octet-stream"},
	{OF("MZ\x90\0\3"), "application/octet-stream"},
	{OF("a"), "text/plain"},
};

static const struct
{
	const char *list;
	const char *type;
	bool has;
} lists[] = {
	{"image/*, application/pdf", "image/png", true},
	{"image/*, application/pdf", "application/pdf", true},
	{"image/*,application/pdf", "application/zip", false},
	{"*", "application/octet-stream", true},
	{"", "image/png", false},
	{"image/pn", "image/png", false},
	{"image/png", "image/pn", false},
	{"application/vnd.*", "application/vnd.oasis.opendocument.text", true},
};

static const struct
{
	const char *list;
	bool good;
} written[] = {
	{"", true},		{"  ", true},	  {"*", true},	  {"image/*, text/plain", true}, {"image/*,", false},
	{"a b", false}, {"*/png", false}, {"A/b", false}, {"image/png; q=1", false},	 {",", false},
};

int
main(void)
{
	static char large[WC_FILE_TYPE_LOOKS_AT + 1];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
	{
		const char *type = wc_file_type(files[i].bytes, files[i].len, true);

		ok(strcmp(type, files[i].type) == 0 && wc_file_type_known(wc_str_from(type)) == type, "file %zu: %s is %s", i,
		   type, files[i].type);
	}
	memset(large, 'a', sizeof(large));
	large[WC_FILE_TYPE_LOOKS_AT] = '\0';
	ok(strcmp(wc_file_type(large, sizeof(large), true), "text/plain") == 0, "so much is looked at");
	large[WC_FILE_TYPE_LOOKS_AT - 1] = '\xc3';
	ok(strcmp(wc_file_type(large, sizeof(large), true), "text/plain") == 0, "a letter may be cut off there");
	ok(strcmp(wc_file_type("\xc3", 1, true), "application/octet-stream") == 0, "but not where the file ends");
	ok(strcmp(wc_file_type("\xc3", 1, false), "text/plain") == 0, "which it may not, for all we know");
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		ok(wc_file_type_is_listed(wc_str_from(lists[i].list), wc_str_from(lists[i].type)) == lists[i].has, "\"%s\": %s",
		   lists[i].list, lists[i].type);
	for (i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		ok(wc_file_type_is_list(wc_str_from(written[i].list)) == written[i].good, "a list: \"%s\"", written[i].list);
	ok(wc_file_type_is_shown(wc_str_from("image/png")) && !wc_file_type_is_shown(wc_str_from("text/plain")) &&
		   !wc_file_type_is_shown(wc_str_from("text/html")) && !wc_file_type_is_shown(wc_str_from("image/svg+xml")) &&
		   wc_file_type_known(wc_str_from("text/html")) == NULL,
	   "what is shown");
	return tap_done();
}
