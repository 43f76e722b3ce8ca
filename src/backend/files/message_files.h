/*
 * message_files.h
 *	  Files that visitors' messages name: only their own, and they stay then.
 */
#ifndef WC_MESSAGE_FILES_H
#define WC_MESSAGE_FILES_H

#include "utils/uuid.h"

#include "common/corridor.h"

extern bool message_files_are_good(const wc_event *event);
extern void message_files_note(const wc_event *event, const pg_uuid_t *message);
extern void message_files_write(void);
extern void message_files_forget(void);

#endif /* WC_MESSAGE_FILES_H */
