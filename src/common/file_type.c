/*
 * file_type.c
 *	  Magic numbers of what chats carry, and no more: what is none of them is text
 *	  where it is valid UTF-8, else bytes.  So HTML and SVG are text.
 */
#include "common/file_type.h"

#include <string.h>

#include "common/utf8.h"

#define BYTES "application/octet-stream"
#define TEXT  "text/plain"
#define ZIP	  "application/zip"

#define OOXML "application/vnd.openxmlformats-officedocument."
#define ODF	  "application/vnd.oasis.opendocument."

/* What lies in front of an entry's name in a zip. */
#define ZIP_HEAD 30

static const struct
{
	const char *type;
	bool shown;
} types[] = {
	{"image/png", true},
	{"image/jpeg", true},
	{"image/gif", true},
	{"image/webp", true},
	{"image/avif", true},
	{"image/heic", false},
	{"video/mp4", true},
	{"video/webm", true},
	{"video/ogg", true},
	{"video/quicktime", true},
	{"audio/mpeg", true},
	{"audio/ogg", true},
	{"audio/wav", true},
	{"audio/mp4", true},
	{"application/pdf", false},
	{ZIP, false},
	{OOXML "wordprocessingml.document", false},
	{OOXML "spreadsheetml.sheet", false},
	{OOXML "presentationml.presentation", false},
	{ODF "text", false},
	{ODF "spreadsheet", false},
	{ODF "presentation", false},
	{TEXT, false},
	{BYTES, false},
};

/* Those that are known by bytes at one place. */
static const struct
{
	const char *type;
	unsigned at;
	unsigned len;
	const char *bytes;
} marks[] = {
	{"image/png", 0, 8, "\x89PNG\r\n\x1a\n"},
	{"image/jpeg", 0, 3, "\xff\xd8\xff"},
	{"image/gif", 0, 6, "GIF87a"},
	{"image/gif", 0, 6, "GIF89a"},
	{"application/pdf", 0, 5, "%PDF-"},
	{"audio/mpeg", 0, 3, "ID3"},
	{"video/ogg", 28, 7, "\x80theora"},
	{"audio/ogg", 0, 5, "OggS\0"},
};

typedef struct seen
{
	const char *p;
	size_t len;
} seen;

static bool
has_at(seen s, size_t at, const char *bytes, size_t len)
{
	return at <= s.len && len <= s.len - at && memcmp(s.p + at, bytes, len) == 0;
}

#define HAS(s, at, literal) has_at(s, at, literal, sizeof(literal) - 1)

/* Is the literal anywhere in the first bytes? */
static bool
has_within(seen s, size_t within, const char *bytes, size_t len)
{
	size_t at;

	for (at = 0; at < within; at++)
	{
		if (has_at(s, at, bytes, len))
			return true;
	}
	return false;
}

/* Brands of the ISO media format (ISO/IEC 14496-12): the major one, else those that it is compatible with. */
static const char *
brand_type(seen s, size_t at)
{
	static const char video[][5] = {"isom", "iso2", "iso4", "iso5", "iso6", "mp41", "mp42",
									"avc1", "M4V ", "dash", "MSNV", "mmp4", "3gp4", "3gp5"};
	size_t i;

	if (HAS(s, at, "avif") || HAS(s, at, "avis"))
		return "image/avif";
	if (HAS(s, at, "heic") || HAS(s, at, "heix"))
		return "image/heic";
	if (HAS(s, at, "M4A ") || HAS(s, at, "M4B "))
		return "audio/mp4";
	if (HAS(s, at, "qt  "))
		return "video/quicktime";
	for (i = 0; i < sizeof(video) / sizeof(video[0]); i++)
	{
		if (has_at(s, at, video[i], 4))
			return "video/mp4";
	}
	return NULL;
}

static const char *
iso_media_type(seen s)
{
	const char *type = NULL;
	size_t box;
	size_t at;

	if (!HAS(s, 4, "ftyp") || s.len < 16)
		return NULL;
	box = (size_t) (unsigned char) s.p[0] << 24 | (size_t) (unsigned char) s.p[1] << 16 |
		  (size_t) (unsigned char) s.p[2] << 8 | (size_t) (unsigned char) s.p[3];
	if (box > 256)
		box = 256;
	type = brand_type(s, 8);
	for (at = 16; type == NULL && at + 4 <= box; at += 4)
		type = brand_type(s, at);
	return type;
}

/* A frame of MPEG audio, layer III. */
static bool
is_mp3_frame(seen s)
{
	const unsigned char *b = (const unsigned char *) s.p;

	return s.len >= 4 && b[0] == 0xff && (b[1] & 0xe6) == 0xe2 && (b[1] & 0x18) != 0x08 && (b[2] & 0xf0) != 0xf0 &&
		   (b[2] & 0xf0) != 0 && (b[2] & 0x0c) != 0x0c;
}

/* Which office has written it says the folder that its parts are in. */
static const char *
ooxml_type(seen s)
{
	size_t at;

	for (at = 0; at + ZIP_HEAD < s.len; at++)
	{
		if (!HAS(s, at, "PK\3\4"))
			continue;
		if (HAS(s, at + ZIP_HEAD, "word/"))
			return OOXML "wordprocessingml.document";
		if (HAS(s, at + ZIP_HEAD, "xl/"))
			return OOXML "spreadsheetml.sheet";
		if (HAS(s, at + ZIP_HEAD, "ppt/"))
			return OOXML "presentationml.presentation";
	}
	return ZIP;
}

static const char *
zip_type(seen s)
{
	if (!HAS(s, 0, "PK\3\4"))
		return HAS(s, 0, "PK\5\6") ? ZIP : NULL;
	if (HAS(s, ZIP_HEAD, "[Content_Types].xml") || HAS(s, ZIP_HEAD, "_rels/") || HAS(s, ZIP_HEAD, "docProps/"))
		return ooxml_type(s);
	if (!HAS(s, ZIP_HEAD, "mimetype" ODF))
		return ZIP;
	s.p += ZIP_HEAD + sizeof("mimetype" ODF) - 1;
	s.len -= ZIP_HEAD + sizeof("mimetype" ODF) - 1;
	if (HAS(s, 0, "textPK"))
		return ODF "text";
	if (HAS(s, 0, "spreadsheetPK"))
		return ODF "spreadsheet";
	return HAS(s, 0, "presentationPK") ? ODF "presentation" : ZIP;
}

/* A character may be cut off where there is more. */
static bool
is_text(seen s, bool whole)
{
	size_t i;
	uint32_t n;

	for (i = 0; i < s.len; i++)
	{
		unsigned char c = (unsigned char) s.p[i];

		if ((c < 0x20 && (c < '\t' || c > '\r') && c != 0x1b) || c == 0x7f)
			return false;
	}
	for (i = 0; i < s.len; i += n)
	{
		n = wc_utf8_length((const uint8_t *) s.p + i, (uint32_t) (s.len - i));
		if (n == 0)
			return !whole && s.len - i < 4;
	}
	return true;
}

const char *
wc_file_type(const char *bytes, size_t len, bool whole)
{
	seen s = {bytes, len < WC_FILE_TYPE_LOOKS_AT ? len : WC_FILE_TYPE_LOOKS_AT};
	const char *type;
	size_t i;

	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
	{
		if (has_at(s, marks[i].at, marks[i].bytes, marks[i].len) && (marks[i].at == 0 || HAS(s, 0, "OggS")))
			return marks[i].type;
	}
	if (HAS(s, 0, "RIFF") && HAS(s, 8, "WEBP"))
		return "image/webp";
	if (HAS(s, 0, "RIFF") && HAS(s, 8, "WAVE"))
		return "audio/wav";
	if (HAS(s, 0, "\x1a\x45\xdf\xa3"))
		return has_within(s, 64, "webm", 4) ? "video/webm" : BYTES;
	if ((type = iso_media_type(s)) != NULL || (type = zip_type(s)) != NULL)
		return type;
	if (is_mp3_frame(s))
		return "audio/mpeg";
	return is_text(s, whole && s.len == len) ? TEXT : BYTES;
}

const char *
wc_file_type_known(wc_str type)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		if (wc_str_equals(type, types[i].type))
			return types[i].type;
	}
	return NULL;
}

bool
wc_file_type_is_shown(wc_str type)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		if (wc_str_equals(type, types[i].type))
			return types[i].shown;
	}
	return false;
}

/* Take the next entry, without the blanks around it; false: there is none. */
static bool
next_entry(wc_str *list, wc_str *entry)
{
	const char *comma;

	if (list->p == NULL)
		return false;
	comma = list->len > 0 ? memchr(list->p, ',', list->len) : NULL;
	*entry = (wc_str){list->p, comma != NULL ? (uint32_t) (comma - list->p) : list->len};
	if (comma != NULL)
		*list = (wc_str){comma + 1, list->len - entry->len - 1};
	else
		*list = (wc_str){NULL, 0};
	while (entry->len > 0 && entry->p[0] == ' ')
		*entry = (wc_str){entry->p + 1, entry->len - 1};
	while (entry->len > 0 && entry->p[entry->len - 1] == ' ')
		entry->len--;
	return true;
}

bool
wc_file_type_is_listed(wc_str list, wc_str type)
{
	wc_str entry;

	while (next_entry(&list, &entry))
	{
		bool open = entry.len > 0 && entry.p[entry.len - 1] == '*';

		if (open)
			entry.len--;
		if ((open ? type.len >= entry.len : type.len == entry.len) && (open || entry.len > 0) &&
			memcmp(type.p, entry.p, entry.len) == 0)
			return true;
	}
	return false;
}

bool
wc_file_type_is_list(wc_str list)
{
	wc_str entry;
	bool blank = true;
	uint32_t i;

	for (i = 0; i < list.len && blank; i++)
		blank = list.p[i] == ' ';
	while (!blank && next_entry(&list, &entry))
	{
		for (i = 0; i < entry.len; i++)
		{
			char c = entry.p[i];

			if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("/.+-", c) != NULL) ||
				  (c == '*' && i == entry.len - 1)))
				return false;
		}
		if (entry.len == 0)
			return false;
	}
	return true;
}
