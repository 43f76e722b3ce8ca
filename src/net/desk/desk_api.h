/*
 * desk_api.h
 *	  POST /desk/api/<function> (doc/desk-protocol.md): from its head to the worker, and
 *	  from the worker's word to its answer.
 */
#ifndef NET_DESK_API_H
#define NET_DESK_API_H

#include "desk/desk_state.h"

#define DESK_API_LATE                                                                                                  \
	"The database did not answer in time, and may do it all the same: look at what is there before you ask again."

#define DESK_API_SLOW                                                                                                  \
	"Too much that the desk has answered has not been read yet, and neither can this be: look whether it was done."
#define DESK_API_LARGE "A call of the desk has at most 64 kB; send less."

/* The handler of ROUTE_DESK_CALL. */
extern void desk_api_check_head(conn *c, const char *method);
extern void desk_api_handle(conn *c, const char *body, size_t len);
extern void desk_api_forget(conn *c);

/* The worker's answer to a DESK_CALL of a request. */
extern void desk_api_answer(desk *d, const wc_desk_answer *m);

#endif /* NET_DESK_API_H */
