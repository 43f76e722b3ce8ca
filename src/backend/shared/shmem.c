/*
 * shmem.c
 *	  The shared memory in which launcher, workers and sessions meet, and the
 *	  wake-up at commit.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"

#include "shared/compat.h"
#include "shared/shmem.h"

WcShared *wc_shared = NULL;

static shmem_startup_hook_type prev_shmem_startup = NULL;
#if PG_VERSION_NUM >= 150000
static shmem_request_hook_type prev_shmem_request = NULL;
#endif

/* This transaction committed something for the worker. */
static bool wake_pending = false;
static bool orders_pending = false;

static void
request_shmem(void)
{
#if PG_VERSION_NUM >= 150000
	if (prev_shmem_request)
		prev_shmem_request();
#endif
	RequestAddinShmemSpace(sizeof(WcShared));
	RequestNamedLWLockTranche("webchatt", 1);
}

static void
startup_shmem(void)
{
	bool found;
	int i;

	if (prev_shmem_startup)
		prev_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	wc_shared = ShmemInitStruct("webchatt", sizeof(WcShared), &found);
	if (!found)
	{
		memset(wc_shared, 0, sizeof(WcShared));
		wc_shared->lock = &GetNamedLWLockTranche("webchatt")->lock;
		pg_atomic_init_u64(&wc_shared->last_id, 0);
		for (i = 0; i < WC_MAX_DATABASES; i++)
		{
			SpinLockInit(&wc_shared->slots[i].mutex);
			pg_atomic_init_u32(&wc_shared->slots[i].wake, 0);
			pg_atomic_init_u32(&wc_shared->slots[i].calls, 0);
			pg_atomic_init_u32(&wc_shared->slots[i].orders, 0);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

void
wc_install_shmem_hooks(void)
{
#if PG_VERSION_NUM >= 150000
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = request_shmem;
#else
	request_shmem();
#endif
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

/* The database's slot, or NULL.  The caller holds wc_shared->lock. */
WcSlot *
wc_slot_of_database(Oid database)
{
	int i;

	for (i = 0; i < WC_MAX_DATABASES; i++)
	{
		if (wc_shared->slots[i].database == database)
			return &wc_shared->slots[i];
	}
	return NULL;
}

/* A hub's place among those that webchatt.status can show; NULL: all are taken. */
WcHubState *
wc_hub_state(WcSlot *slot, int hub_id)
{
	WcHubState *free_one = NULL;
	int i;

	for (i = 0; i < WC_MAX_HUB_STATES; i++)
	{
		if (slot->hubs[i].hub_id == hub_id)
			return &slot->hubs[i];
		if (slot->hubs[i].hub_id == 0 && free_one == NULL)
			free_one = &slot->hubs[i];
	}
	if (free_one != NULL)
	{
		memset(free_one, 0, sizeof(*free_one));
		free_one->hub_id = hub_id;
	}
	return free_one;
}

/*
 * Have the database's worker look at its outbox; false when it has none.
 * Many wakes before it looks collapse into one.  with_orders: some of it is for
 * the worker itself (see orders.c).
 */
bool
wc_wake_worker(Oid database, bool with_orders)
{
	WcSlot *slot;
	bool running = false;

	if (wc_shared == NULL)
		return false;
	LWLockAcquire(wc_shared->lock, LW_SHARED);
	slot = wc_slot_of_database(database);
	if (slot != NULL && slot->worker_pid != 0)
	{
		running = true;
		if (with_orders)
			(void) pg_atomic_fetch_add_u32(&slot->orders, 1);
		(void) pg_atomic_fetch_add_u32(&slot->calls, 1);
		if (pg_atomic_exchange_u32(&slot->wake, 1) == 0 && slot->worker_latch != NULL)
			SetLatch(slot->worker_latch);
	}
	LWLockRelease(wc_shared->lock);
	return running;
}

void
wc_wake_launcher(void)
{
	if (wc_shared == NULL)
		return;
	LWLockAcquire(wc_shared->lock, LW_SHARED);
	if (wc_shared->launcher_latch != NULL)
		SetLatch(wc_shared->launcher_latch);
	LWLockRelease(wc_shared->lock);
}

/*
 * Nothing here may raise: the transaction is committed.  A prepared one is
 * committed by another session, without us: the worker's poll finds it.
 */
static void
wake_callback(XactEvent event, void *arg)
{
	if (!wake_pending)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			wc_wake_worker(MyDatabaseId, orders_pending);
			wake_pending = orders_pending = false;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			wake_pending = orders_pending = false;
			break;
		default:
			break;
	}
}

/* Wake this database's worker when the current transaction commits. */
void
wc_wake_at_commit(bool with_orders)
{
	static bool registered = false;

	if (wc_shared == NULL)
		return;
	if (!registered)
	{
		RegisterXactCallback(wake_callback, NULL);
		registered = true;
	}
	wake_pending = true;
	orders_pending |= with_orders;
}
