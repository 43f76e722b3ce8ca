/*
 * net_supervisor.h
 *	  webchatt-net's life, as the worker leads it.
 */
#ifndef WC_NET_SUPERVISOR_H
#define WC_NET_SUPERVISOR_H

#include "utils/timestamp.h"

extern void net_supervisor_start(TimestampTz now);
extern void net_supervisor_read(void);
extern void net_supervisor_flush(void);
extern void net_supervisor_read_words(void);
extern void net_supervisor_stop(void);
extern void net_supervisor_end(void);
extern TimestampTz net_supervisor_next_start(void);
extern bool net_supervisor_is_full(void);

#endif /* WC_NET_SUPERVISOR_H */
