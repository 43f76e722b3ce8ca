/*
 * hub_answers.h
 *	  What a hub's answers mean to the message and to the hub's queue.
 */
#ifndef WC_HUB_ANSWERS_H
#define WC_HUB_ANSWERS_H

#include "utils/timestamp.h"

#include "common/frame.h"

extern bool hub_answers_accept(const wc_frame *frame);
extern void hub_answers_configure(void);
extern void hub_answers_stop_hubs(TimestampTz now);

#endif /* WC_HUB_ANSWERS_H */
