/*
 * webhooks.h
 *	  The webhooks: configured, verified, sent what their queues have.
 */
#ifndef WC_WEBHOOKS_H
#define WC_WEBHOOKS_H

#include "utils/timestamp.h"

#include "common/frame.h"

extern bool webhooks_read_configuration(void);
extern bool webhooks_exist(void);
extern void webhooks_commit(TimestampTz now);
extern void webhooks_go_on(TimestampTz now, wc_buf *out);
extern void webhooks_undo_read(void);
extern void webhooks_rollback(void);
extern bool webhooks_ready(TimestampTz now);
extern TimestampTz webhooks_next_due(void);
extern void webhooks_dropped(int64 upto);
extern void webhooks_write_all(wc_buf *out);
extern void webhooks_net_lost(void);
extern void webhooks_reset(void);

#endif /* WC_WEBHOOKS_H */
