/*
 * offer_check.h
 *	  Buttons and lists that are offered to visitors of a local channel.
 */
#ifndef WC_OFFER_CHECK_H
#define WC_OFFER_CHECK_H

#include "utils/jsonb.h"

/* Raises 22023 when the content offers what a visitor could not answer (common/reply_rules.h). */
extern void offer_check(Jsonb *content);

#endif /* WC_OFFER_CHECK_H */
