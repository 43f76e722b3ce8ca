/*
 * archive_page.h
 *	  A page of a visitor's older messages, out of an archive.
 */
#ifndef WC_ARCHIVE_PAGE_H
#define WC_ARCHIVE_PAGE_H

#include "common/corridor.h"

/* Of the answer, as HTTP has them: there are no more, there are, it could not be read. */
#define ARCHIVE_PAGE_LAST  200
#define ARCHIVE_PAGE_MORE  206
#define ARCHIVE_PAGE_ERROR 503

extern void archive_page_run(const wc_desk_call *call, wc_buf *out);

#endif /* WC_ARCHIVE_PAGE_H */
