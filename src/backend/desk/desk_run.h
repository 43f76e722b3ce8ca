/*
 * desk_run.h
 *	  One call of the desk, in a transaction of its own.
 */
#ifndef WC_DESK_RUN_H
#define WC_DESK_RUN_H

#include "common/corridor.h"

extern void desk_run(const wc_desk_call *call, wc_buf *out);
extern void desk_run_archived(const wc_desk_call *call, wc_buf *out);

#endif /* WC_DESK_RUN_H */
