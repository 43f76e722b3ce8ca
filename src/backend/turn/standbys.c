/*
 * standbys.c
 *	  Nothing is told before the synchronous standbys have it.
 *
 * PostgreSQL's commit waits for them; but it breaks the wait off, with no more
 * than a warning, when the process is to end, when the postmaster is gone, and
 * when somebody cancels: the commit is then on this machine only, and visible.
 * So whoever is about to tell of it looks here whether they have it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlogdefs.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/pmsignal.h"

#include "shared/compat.h"
#include "turn/net_process.h"
#include "turn/standbys.h"

/* What a commit of this process waits for. */
static int
wait_mode(void)
{
	switch (synchronous_commit)
	{
		case SYNCHRONOUS_COMMIT_REMOTE_WRITE:
			return SYNC_REP_WAIT_WRITE;
		case SYNCHRONOUS_COMMIT_REMOTE_APPLY:
			return SYNC_REP_WAIT_APPLY;
		default:
			return SYNC_REP_WAIT_FLUSH;
	}
}

/* Does a commit have to wait for standbys at all? */
static bool
standbys_wanted(void)
{
	return SyncRepRequested() && wc_sync_standbys_defined();
}

static bool
standbys_have(XLogRecPtr lsn)
{
	bool have;

	LWLockAcquire(SyncRepLock, LW_SHARED);
	have = lsn <= WalSndCtl->lsn[wait_mode()] || !standbys_wanted();
	LWLockRelease(SyncRepLock);
	return have;
}

/*
 * What others committed and made visible lies before this place in the WAL: a
 * commit is flushed before it can be seen.  Called when everything that is to be
 * told has been read.
 */
XLogRecPtr
standbys_seen(void)
{
	return SyncRepRequested() ? wc_flush_ptr() : InvalidXLogRecPtr;
}

/*
 * A shutdown that was asked for while the wait could not be broken off is heeded
 * now: before a commit that would wait for ever.
 */
void
standbys_heed_shutdown(void)
{
	if (ShutdownRequestPending && standbys_wanted())
		InterruptPending = ProcDiePending = true;
}

/*
 * Wait until the standbys have everything up to this place.  A cancelled wait is
 * begun again; when the process has to end it ends here, and nobody is told.
 */
void
standbys_wait(XLogRecPtr lsn)
{
	if (XLogRecPtrIsInvalid(lsn))
		return;
	while (!standbys_have(lsn))
	{
		if (ProcDiePending || ShutdownRequestPending || !PostmasterIsAlive())
		{
			/* what ends a process may be a commit itself, that of its temporary tables: it would wait for ever */
			synchronous_commit = SYNCHRONOUS_COMMIT_LOCAL_FLUSH;
			ereport(LOG, (errmsg("webchatt ends before a synchronous standby has confirmed the last transaction"),
						  errdetail("Nobody is told of it: what came in comes again, and is known by its ids.")));
			net_process_drop_output();
			proc_exit(1);
		}
		/* a cancel that came before is not meant for this wait */
		QueryCancelPending = false;
		/* as a commit does: it must leave the queue before anything ends us */
		HOLD_INTERRUPTS();
		SyncRepWaitForLSN(lsn, true);
		RESUME_INTERRUPTS();
	}
}
