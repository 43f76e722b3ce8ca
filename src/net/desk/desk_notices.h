/*
 * desk_notices.h
 *	  What open desks are told: that something changed, what became of the
 *	  conversation that they show, and who else shows it.
 */
#ifndef NET_DESK_NOTICES_H
#define NET_DESK_NOTICES_H

#include "desk/desk_socket.h"

/* The table of what is shown; false: out of memory. */
extern bool desk_notices_init(desk_sockets *s);
extern void desk_notices_exit(desk_sockets *s);

/* Send a frame of that type; which may be NULL. */
extern bool desk_notices_send(desk_socket *k, const char *type, const desk_conversation *which);

/* It is known whose it is. */
extern bool desk_notices_ready(desk_socket *k);

/* It shows that conversation, or (NULL) none. */
extern void desk_notices_show(desk_socket *k, const desk_conversation *which);

/* Its agent writes. */
extern void desk_notices_typing(desk_socket *k);

/* Tell those who show it. */
extern void desk_notices_conversation(desk_sockets *s, const desk_conversation *which, const char *type);

/*
 * Tell everybody, each in time, that something changed; once a turn, and at each tick.  Where it is not known what, that
 * means the conversation that each shows, too.
 */
extern void desk_notices_changed(desk_sockets *s, bool tick);

/* Who has stopped writing? */
extern void desk_notices_expire(desk_sockets *s);

/* Tell those who are to be told who else is there. */
extern void desk_notices_colleagues(desk_sockets *s);

#endif /* NET_DESK_NOTICES_H */
