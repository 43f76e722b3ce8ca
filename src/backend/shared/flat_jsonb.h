/*
 * flat_jsonb.h
 *	  jsonb of a plain object, without the parser.
 */
#ifndef WC_FLAT_JSONB_H
#define WC_FLAT_JSONB_H

#include "utils/jsonb.h"

#include "common/frame.h"

extern Jsonb *wc_flat_jsonb(wc_str text);

#endif /* WC_FLAT_JSONB_H */
