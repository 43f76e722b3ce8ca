/*
 * file_calls.h
 *	  Files that visitors and API keys bring.
 */
#ifndef WC_FILE_CALLS_H
#define WC_FILE_CALLS_H

#include "common/corridor.h"
#include "turn/part.h"

extern bool file_calls_accept(const wc_frame *frame);
extern void file_calls_apply(TimestampTz now, bool others_wait);
extern void file_calls_commit(wc_buf *out);
extern const TurnPart file_calls_part;

#endif /* WC_FILE_CALLS_H */
