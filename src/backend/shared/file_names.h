/*
 * file_names.h
 *	  Files that the content of a message names by their URLs.
 */
#ifndef WC_FILE_NAMES_H
#define WC_FILE_NAMES_H

#include "utils/uuid.h"

#include "common/corridor.h"

/* Of one message so many are taken. */
#define WC_FILE_NAMES_MOST 16

extern int wc_file_names(const char *text, size_t len, wc_str ids[WC_FILE_NAMES_MOST]);
extern void wc_file_names_note(const pg_uuid_t *channel, const pg_uuid_t *message, const wc_str *ids, int n);

#endif /* WC_FILE_NAMES_H */
