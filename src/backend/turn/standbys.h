/*
 * standbys.h
 *	  Nothing is told before the synchronous standbys have it.
 */
#ifndef WC_STANDBYS_H
#define WC_STANDBYS_H

#include "access/xlogdefs.h"

extern XLogRecPtr standbys_seen(void);
extern void standbys_heed_shutdown(void);
extern void standbys_wait(XLogRecPtr lsn);

#endif /* WC_STANDBYS_H */
