/*
 * desk_page.h
 *	  The desk's page and its files, to whoever asks: they hold nothing of anybody's.
 */
#ifndef NET_DESK_PAGE_H
#define NET_DESK_PAGE_H

#include "desk/desk_state.h"

/* What every answer at the desk's addresses says; a http_server_dress_fn. */
extern void desk_page_dress(struct MHD_Response *response);

/* The handlers of ROUTE_DESK_NONE, ROUTE_DESK_HOME, ROUTE_DESK_FILE. */
extern void desk_page_check_nothing(conn *c, const char *method);
extern void desk_page_check_get(conn *c, const char *method);
extern void desk_page_handle_home(conn *c, const char *body, size_t len);
extern void desk_page_handle_file(conn *c, const char *body, size_t len);

#endif /* NET_DESK_PAGE_H */
