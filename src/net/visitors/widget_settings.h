/*
 * widget_settings.h
 *	  GET /widget-settings?webChatId=...: what a channel's widget is told before it
 *	  connects, or says anything (doc/protocol.md).
 */
#ifndef NET_WIDGET_SETTINGS_H
#define NET_WIDGET_SETTINGS_H

#include "http/http_conn.h"

/* Of an http_handler: the answer is known at once. */
extern void widget_settings_handle(conn *c, const char *body, size_t len);

/* The same as a JavaScript module, which a page's policy allows with the widget's script. */
extern void widget_settings_handle_module(conn *c, const char *body, size_t len);

#endif /* NET_WIDGET_SETTINGS_H */
