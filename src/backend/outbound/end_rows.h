/*
 * end_rows.h
 *	  Ends of messages that say no more than that it was sent: recorded without the
 *	  statement that can do everything.
 */
#ifndef WC_END_ROWS_H
#define WC_END_ROWS_H

#include "utils/timestamp.h"

#include "outbound/message_moves.h"

extern bool end_rows_write(const EndRow *rows, int n, TimestampTz now);
extern bool end_rows_met_repeat(const ErrorData *error, TimestampTz now);

#endif /* WC_END_ROWS_H */
