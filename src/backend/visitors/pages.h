/*
 * pages.h
 *	  On which page visitors are, and what their browsers say of language and time.
 */
#ifndef WC_PAGES_H
#define WC_PAGES_H

#include "utils/timestamp.h"

#include "common/corridor.h"
#include "turn/part.h"

extern bool pages_accept(const wc_frame *frame);
extern bool pages_are_good(const wc_arrived *said);
extern void pages_add_arrived(const wc_arrived *said, const char *visitor);
extern void pages_apply(TimestampTz now);
extern void pages_commit(wc_buf *out);
extern const TurnPart pages_part;

#endif /* WC_PAGES_H */
