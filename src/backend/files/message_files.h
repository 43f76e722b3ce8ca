/*
 * message_files.h
 *	  Files that visitors' messages name: only their own.
 */
#ifndef WC_MESSAGE_FILES_H
#define WC_MESSAGE_FILES_H

#include "common/corridor.h"

extern bool message_files_are_good(const wc_event *event);

#endif /* WC_MESSAGE_FILES_H */
