/*
 * file_names.h
 *	  Files that the content of a message names by their URLs.
 */
#ifndef WC_FILE_NAMES_H
#define WC_FILE_NAMES_H

#include "utils/uuid.h"

#include "common/corridor.h"

/* Of what a visitor writes so many are taken. */
#define WC_FILE_NAMES_MOST 16

extern int wc_file_names(const char *text, size_t len, int most, wc_str **ids);
extern void wc_file_names_note(const pg_uuid_t *channel, const pg_uuid_t *message, const wc_str *ids, int n);
extern void wc_file_names_note_all(wc_event *const *messages, const pg_uuid_t *ids, int n);

#endif /* WC_FILE_NAMES_H */
