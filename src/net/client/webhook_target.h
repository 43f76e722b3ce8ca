/*
 * webhook_target.h
 *	  The endpoint of one of our webhooks as a target of requests: its URL, its
 *	  signing secret and the headers that its maker wants.
 */
#ifndef NET_WEBHOOK_TARGET_H
#define NET_WEBHOOK_TARGET_H

#include "client/target.h"

extern target *webhook_target_new(const wc_webhook_put *put);

#endif /* NET_WEBHOOK_TARGET_H */
