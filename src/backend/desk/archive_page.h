/*
 * archive_page.h
 *	  A page of a visitor's older messages, or a part of an export, out of archives.
 */
#ifndef WC_ARCHIVE_PAGE_H
#define WC_ARCHIVE_PAGE_H

#include "common/corridor.h"

/* Of the answer, as HTTP has them: there are no more, there are, it could not be read; an export's has others, too. */
#define ARCHIVE_PAGE_LAST  200
#define ARCHIVE_PAGE_MORE  206
#define ARCHIVE_PAGE_ERROR 503

/* The desk's function that reads there, and what it is told where that cannot be. */
#define ARCHIVE_DESK_CALL "archived"
#define ARCHIVE_AWAY	  "archive_away"
#define ARCHIVE_AWAY_SAYS "What is in an archive cannot be read now; try again later."

extern const char *archive_page_problem(const ErrorData *error);
extern void archive_page_run(const wc_desk_call *call, wc_buf *out);

#endif /* WC_ARCHIVE_PAGE_H */
