/*
 * message_rows.h
 *	  Visitors' messages as rows, where none of them is expected to be a repeat.
 */
#ifndef WC_MESSAGE_ROWS_H
#define WC_MESSAGE_ROWS_H

#include "utils/uuid.h"

#include "common/corridor.h"

extern bool wc_message_rows_write(wc_event *const *messages, const pg_uuid_t *ids, int n);
extern bool wc_message_rows_met_repeat(const ErrorData *error);

#endif /* WC_MESSAGE_ROWS_H */
