/*
 * desk_session.h
 *	  Whose call of the desk this process is carrying out.
 */
#ifndef WC_DESK_SESSION_H
#define WC_DESK_SESSION_H

/* Its number in webchatt.agent_sessions; 0: none, this is no process of the desk's. */
extern int64 wc_desk_session;

#endif /* WC_DESK_SESSION_H */
