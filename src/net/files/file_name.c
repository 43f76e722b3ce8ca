/*
 * file_name.c
 */
#include "files/file_name.h"

#include <stdio.h>

#include "base/text.h"

/* Marks that are not seen and let "exe.jpg" look like what it is not: U+200B to F, U+202A to E, U+2066 to 9, U+FEFF. */
static size_t
unseen_at(const unsigned char *s, size_t len)
{
	if (len < 3)
		return 0;
	if (s[0] == 0xe2 && s[1] == 0x80 && ((s[2] >= 0x8b && s[2] <= 0x8f) || (s[2] >= 0xa8 && s[2] <= 0xae)))
		return 3;
	if ((s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa0 && s[2] <= 0xaf) ||
		(s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf))
		return 3;
	return 0;
}

static size_t
without_unseen(char *s, size_t len)
{
	size_t kept = 0;
	size_t at = 0;

	while (at < len)
	{
		size_t n = unseen_at((const unsigned char *) s + at, len - at);

		if (n == 0)
			s[kept++] = s[at++];
		at += n;
	}
	return kept;
}

void
file_name_clean(const char *given, size_t len, char name[WC_MAX_FILE_NAME + 1])
{
	size_t from = len;
	size_t first = 0;
	size_t n;

	while (from > 0 && given[from - 1] != '/' && given[from - 1] != '\\')
		from--;
	n = text_line(name, WC_MAX_FILE_NAME, given + from, len - from);
	n = without_unseen(name, n);
	while (n > 0 && (name[n - 1] == ' ' || name[n - 1] == '.'))
		n--;
	while (first < n && (name[first] == ' ' || name[first] == '.'))
		first++;
	memmove(name, name + first, n - first);
	name[n - first] = '\0';
	if (name[0] == '\0')
		memcpy(name, "file", sizeof("file"));
}

/* As it stands in a URL and in filename* (RFC 3986 §2.3; RFC 8187's attr-char has all of these). */
static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
		   c == '_' || c == '~';
}

static size_t
put_escaped(wc_str name, char *out)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (uint32_t i = 0; i < name.len; i++)
	{
		unsigned char c = (unsigned char) name.p[i];

		if (is_plain(name.p[i]))
			out[n++] = name.p[i];
		else
		{
			out[n++] = '%';
			out[n++] = hex[c >> 4];
			out[n++] = hex[c & 15];
		}
	}
	out[n] = '\0';
	return n;
}

static wc_str
bounded(wc_str name)
{
	return (wc_str){name.p, name.len < WC_MAX_FILE_NAME ? name.len : WC_MAX_FILE_NAME};
}

void
file_name_disposition(wc_str name, bool shown, char header[FILE_NAME_HEADER_SIZE])
{
	char ascii[WC_MAX_FILE_NAME + 1];
	char escaped[FILE_NAME_URL_SIZE];
	uint32_t i;

	name = bounded(name);
	for (i = 0; i < name.len; i++)
	{
		char c = name.p[i];

		ascii[i] = c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '%' && c != ';' ? c : '_';
	}
	ascii[i] = '\0';
	put_escaped(name, escaped);
	snprintf(header, FILE_NAME_HEADER_SIZE, "%s; filename=\"%s\"; filename*=UTF-8''%s", shown ? "inline" : "attachment",
			 ascii, escaped);
}

void
file_name_in_url(wc_str name, char out[FILE_NAME_URL_SIZE])
{
	put_escaped(bounded(name), out);
}
