/*
 * ratings.h
 *	  What visitors say of conversations that are closed.
 */
#ifndef WC_RATINGS_H
#define WC_RATINGS_H

#include "common/corridor.h"
#include "turn/part.h"

extern bool ratings_accept(const wc_frame *frame);
extern void ratings_apply(void);
extern void ratings_commit(wc_buf *out);
extern const TurnPart ratings_part;

#endif /* WC_RATINGS_H */
