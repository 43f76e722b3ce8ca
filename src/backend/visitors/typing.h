/*
 * typing.h
 *	  Who types, in both directions.
 */
#ifndef WC_TYPING_H
#define WC_TYPING_H

#include "common/frame.h"

extern bool typing_accept(const wc_frame *frame);
extern void typing_forward(wc_buf *out);

#endif /* WC_TYPING_H */
