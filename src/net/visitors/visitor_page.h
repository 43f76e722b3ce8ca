/*
 * visitor_page.h
 *	  Where a visitor's client says that it is: the page's address and title, the
 *	  language and the time zone of the browser.
 */
#ifndef NET_VISITOR_PAGE_H
#define NET_VISITOR_PAGE_H

#include <jansson.h>

#include "common/corridor.h"

/* Characters of a title; the rest is cut off. */
#define VISITOR_PAGE_TITLE 200

/* What is not said, or not as it may be, is empty. */
typedef struct visitor_page
{
	char url[WC_MAX_PAGE_URL + 1]; /* http or https, printable ASCII; without user, query and fragment */
	size_t origin;				   /* so many bytes of it are the origin, as common/origin.h has it */
	char title[WC_MAX_PAGE_TITLE + 1];
	char locale[WC_MAX_LOCALE + 1];
	char time_zone[WC_MAX_TIME_ZONE + 1];
} visitor_page;

/* Takes "url", "title", "locale" and "timeZone" of a frame into a page of zeros. */
extern void visitor_page_take(const json_t *frame, visitor_page *page);

/*
 * An address without query and fragment, its origin in its one form; the bytes of that.  0: it is none, or not as it
 * may be, and nothing is written.
 */
extern size_t visitor_page_take_url(const char *url, char out[WC_MAX_PAGE_URL + 1]);

/* Of characters that a browser writes an address with: printable ASCII, none that could be markup. */
extern bool visitor_page_is_written_so(const char *url, size_t len);

#endif /* NET_VISITOR_PAGE_H */
