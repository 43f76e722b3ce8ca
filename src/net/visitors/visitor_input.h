/*
 * visitor_input.h
 *	  What a visitor's client says, frame by frame.
 */
#ifndef NET_VISITOR_INPUT_H
#define NET_VISITOR_INPUT_H

#include "visitors/visitor_session.h"

/* The callbacks of a session's WebSocket. */
extern void visitor_input_text(ws *w, const char *text, size_t len);
extern void visitor_input_large(ws *w, const char *text, size_t len);
extern void visitor_input_control(ws *w);

#endif /* NET_VISITOR_INPUT_H */
