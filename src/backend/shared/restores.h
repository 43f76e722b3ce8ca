/*
 * restores.h
 *	  Sessions that load a dump.
 */
#ifndef WC_RESTORES_H
#define WC_RESTORES_H

#include "nodes/nodes.h"

extern bool wc_loads_dump(void);
extern void wc_note_restore(void);
extern void wc_watch_restore(Node *statement);
extern pid_t wc_restore_in(Oid database); /* caller holds the lock exclusively */

#endif /* WC_RESTORES_H */
