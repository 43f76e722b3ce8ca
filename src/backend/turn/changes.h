/*
 * changes.h
 *	  Which conversations a turn changed, for those who look at them at the desk.
 */
#ifndef WC_CHANGES_H
#define WC_CHANGES_H

#include "utils/uuid.h"

#include "common/frame.h"

extern bool changes_take_watch(const wc_frame *frame);
extern void changes_add(const pg_uuid_t *channel, const char *visitor, size_t len);
extern void changes_add_any(void);
extern bool changes_are_watched(void);
extern void changes_commit(wc_buf *out);
extern void changes_forget(void);

#endif /* WC_CHANGES_H */
