/*
 * visitor_scan.h
 *	  A visitor's frame in the shape that the widget writes: a text, receipts,
 *	  typing, a ping, without a tree of JSON.
 */
#ifndef NET_VISITOR_SCAN_H
#define NET_VISITOR_SCAN_H

#include "visitors/visitor_frame.h"

/*
 * True: it is such a frame, and good; the frame, which was all zeros but for its
 * ids, is filled, and its content lies in the text.  False: nothing is filled.
 */
extern bool visitor_scan(const char *text, size_t len, visitor_frame *frame);

/* The same as visitor_frame_parse(), which is asked where the shape is another one. */
extern visitor_frame_verdict visitor_scan_parse(const char *text, size_t len, visitor_frame *frame);

#endif /* NET_VISITOR_SCAN_H */
