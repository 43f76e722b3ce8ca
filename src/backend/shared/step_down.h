/*
 * step_down.h
 *	  Being webchatt_worker in somebody's session, for a while.
 */
#ifndef WC_STEP_DOWN_H
#define WC_STEP_DOWN_H

/* The role that the worker works as. */
#define WC_WORKER_ROLE "webchatt_worker"

typedef struct WcOuter
{
	Oid user;
	int context;
	int guc_level;
} WcOuter;

/*
 * Set in a process of ours that works for others only, and never as whom it was started: what runs in it finds
 * nobody there to leave something for, and may do what it may in their own sessions.
 */
extern bool wc_nobody_comes_back;

extern Oid wc_worker_role(void);
extern void wc_step_down(WcOuter *outer);
extern void wc_step_up(const WcOuter *outer);
extern bool wc_session_is_trusted(Oid user);

#endif /* WC_STEP_DOWN_H */
