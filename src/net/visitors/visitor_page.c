/*
 * visitor_page.c
 *	  Nothing of this is needed, so what is not as it may be is left out, and harms
 *	  neither its frame nor its session.
 */
#include "visitors/visitor_page.h"

#include <string.h>

#include "base/text.h"
#include "common/origin.h"

_Static_assert(VISITOR_PAGE_TITLE * 4 <= WC_MAX_PAGE_TITLE, "a title of any characters has room");

/* A string of 1 to most bytes; NULL: it is none. */
static const char *
string_of(const json_t *object, const char *name, size_t most)
{
	const json_t *value = json_object_get(object, name);
	size_t len = json_string_length(value);

	return len > 0 && len <= most ? json_string_value(value) : NULL;
}

/* Bytes of an address before its query and its fragment, which may hold secrets. */
static size_t
bare_length(const char *url)
{
	return strcspn(url, "?#");
}

/* Bytes of "scheme://host:port"; 0: there is no such beginning. */
static size_t
origin_length(const char *url)
{
	size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;

	return scheme == 0 ? 0 : scheme + strcspn(url + scheme, "/?#");
}

/* As a browser writes it: the rest is in %-escapes, and a host that is not ASCII is in its xn-- form. */
bool
visitor_page_is_written_so(const char *url, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
	{
		if (url[i] <= ' ' || url[i] > '~' || strchr("\"<>\\`{}", url[i]) != NULL)
			return false;
	}
	return true;
}

/* One line, its end cut off where it is too long. */
static void
take_title(const json_t *object, visitor_page *page)
{
	const char *title = json_string_value(json_object_get(object, "title"));
	size_t len = 0;
	int characters = 0;

	while (title != NULL && title[len] != '\0')
	{
		if ((title[len] & 0xc0) != 0x80 && characters++ == VISITOR_PAGE_TITLE)
			break;
		len++;
	}
	if (len > 0)
		text_line(page->title, WC_MAX_PAGE_TITLE, title, len);
}

size_t
visitor_page_take_url(const char *url, char out[WC_MAX_PAGE_URL + 1])
{
	size_t origin = url ? origin_length(url) : 0;
	size_t len = url ? bare_length(url) : 0;
	char normal[WC_ORIGIN_SIZE];
	const char *reason;

	if (origin == 0 || !visitor_page_is_written_so(url, len) || !wc_origin_normalize(url, origin, normal, &reason) ||
		strlen(normal) + (len - origin) > WC_MAX_PAGE_URL)
		return 0;
	memcpy(out, normal, strlen(normal));
	memcpy(out + strlen(normal), url + origin, len - origin);
	out[strlen(normal) + len - origin] = '\0';
	return strlen(normal);
}

#define LETTERS			   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define LETTERS_AND_DIGITS LETTERS "0123456789"

/* A tag of a language as BCP 47 writes them: subtags of 1 to 8 letters and digits, the first of letters. */
static bool
is_locale(const char *tag)
{
	size_t len = strspn(tag, LETTERS);

	while (len >= 1 && len <= 8 && tag[len] == '-')
	{
		tag += len + 1;
		len = strspn(tag, LETTERS_AND_DIGITS);
	}
	return len >= 1 && len <= 8 && tag[len] == '\0';
}

/* As IANA's names are: America/Argentina/Buenos_Aires, Etc/GMT+5. */
static bool
is_time_zone(const char *name)
{
	return strspn(name, LETTERS) > 0 && name[strspn(name, LETTERS_AND_DIGITS "_+-/")] == '\0';
}

void
visitor_page_take(const json_t *frame, visitor_page *page)
{
	const char *locale = string_of(frame, "locale", WC_MAX_LOCALE);
	const char *time_zone = string_of(frame, "timeZone", WC_MAX_TIME_ZONE);

	page->origin = visitor_page_take_url(json_string_value(json_object_get(frame, "url")), page->url);
	if (page->origin > 0)
		take_title(frame, page);
	if (locale != NULL && is_locale(locale))
		memcpy(page->locale, locale, strlen(locale));
	if (time_zone != NULL && is_time_zone(time_zone))
		memcpy(page->time_zone, time_zone, strlen(time_zone));
}
