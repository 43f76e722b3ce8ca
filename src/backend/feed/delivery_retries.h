/*
 * delivery_retries.h
 *	  Deliveries that somebody asked for once more.
 */
#ifndef WC_DELIVERY_RETRIES_H
#define WC_DELIVERY_RETRIES_H

#include "common/frame.h"

extern void delivery_retries_look(void);
extern bool delivery_retries_ready(void);
extern void delivery_retries_read(void);
extern void delivery_retries_commit(wc_buf *out);
extern void delivery_retries_rollback(void);

#endif /* WC_DELIVERY_RETRIES_H */
