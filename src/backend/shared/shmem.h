/*
 * shmem.h
 *	  The shared memory in which launcher, workers and sessions meet.
 *
 * One slot for each database that has, or shall have, a worker.  Everything but the
 * atomics and the hub states is guarded by the lock; the stats belong to the worker, who
 * writes them under the slot's mutex.
 */
#ifndef WC_SHMEM_H
#define WC_SHMEM_H

#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/minute_ring.h"

/* Databases that one cluster can have workers for. */
#define WC_MAX_DATABASES 32

/* Visitors whose typing is shown, in each direction, for one database. */
#define WC_MAX_TYPING 64

/* Hubs of one database whose pauses webchatt.status can show. */
#define WC_MAX_HUB_STATES 32

/* Sessions that load a dump at a time, in all databases. */
#define WC_MAX_RESTORES 64

#define WC_ERROR_SIZE	  512
#define WC_LISTENING_SIZE 256
#define WC_STATE_SIZE	  512
#define WC_HUB_ERROR_SIZE 256

/* All settings that are not as they come, each with name, value and source; a value is cut at this. */
#define WC_SETTINGS_SIZE	  8192
#define WC_SETTING_VALUE_MOST 255

typedef struct WcStats
{
	TimestampTz started_at;
	TimestampTz alive_at; /* when the loop was last passed, exact to a second */
	TimestampTz last_error_at;
	TimestampTz oldest_queued; /* 0: none */
	int64 queued;
	int64 overdue;
	int32 in_flight;
	int32 events_waiting;
	int32 connections;
	int32 visitors;
	bool confined;
	bool corridor_open;
	int32 net_pid;
	float4 events_per_second;
	float4 sends_per_second;
	float4 turns_per_second;
	int64 events;
	int64 repeats;
	int64 rejected;
	int64 sends;
	int64 failures;
	int64 messages_in; /* of visitors, repeats too */
	int64 statuses;	   /* the same */
	int64 messages_out;
	int64 messages_failed;
	int64 deliveries; /* to webhooks, that were answered well */
	int64 turns;
	int64 busy_us; /* spent in turns */
	int64 requests;
	int64 refused;
	int64 turned_away;
	int64 memory;		/* allocated in the worker's memory contexts, in bytes */
	int64 net_restarts; /* of webchatt-net, since the worker started */
	char state[WC_STATE_SIZE];
	char listening[WC_LISTENING_SIZE];
	char desk[WC_LISTENING_SIZE];
	char last_error[WC_ERROR_SIZE];
} WcStats;

typedef struct WcHubState
{
	int32 hub_id; /* 0: free */
	TimestampTz paused_until;
	char last_error[WC_HUB_ERROR_SIZE];
	int64 queued;
	TimestampTz oldest_queued; /* 0: none */
	/* our link to it, where there is one */
	uint8 link_phase;		/* wc_link_phase */
	TimestampTz link_since; /* 0: nothing is known of it */
	int64 link_lost;
	char link_error[WC_HUB_ERROR_SIZE];
} WcHubState;

typedef struct WcTyping
{
	pg_uuid_t channel;
	pg_uuid_t visitor;
	TimestampTz until;
} WcTyping;

typedef struct WcSlot
{
	Oid database; /* InvalidOid: the slot is free */
	NameData name;
	pid_t worker_pid; /* 0: no worker */
	Latch *worker_latch;
	pid_t held_by;			 /* a backend that needs the database to itself */
	bool restart_now;		 /* the worker left to be started anew */
	bool at_work;			 /* the worker writes to our tables */
	bool ids_known;			 /* last_id is not before any id in the database */
	pg_atomic_uint32 wake;	 /* 1: something was committed for the worker */
	pg_atomic_uint32 calls;	 /* transactions with something for the worker */
	pg_atomic_uint32 orders; /* transactions with orders for the worker itself */

	slock_t mutex; /* guards what follows */
	WcStats stats;
	wc_minute_ring hour; /* outlives the worker */
	uint32 settings_len;
	char settings[WC_SETTINGS_SIZE]; /* "name\0value\0source\0", and so on: see worker/running_settings.c */
	WcHubState hubs[WC_MAX_HUB_STATES];
	int32 nanswering;
	WcTyping answering[WC_MAX_TYPING]; /* to be shown to visitors: see typing.c */
	WcTyping typing[WC_MAX_TYPING];	   /* visitors who type, each until its time */
} WcSlot;

/* A session that loads a dump: the worker of its database waits until it ends. */
typedef struct WcRestore
{
	Oid database;
	pid_t pid; /* 0: free */
} WcRestore;

typedef struct WcShared
{
	LWLock *lock;
	pg_atomic_uint64 last_id; /* the time in the last message id: see message_id.c */
	pid_t launcher_pid;
	Latch *launcher_latch;
	WcRestore restores[WC_MAX_RESTORES];
	WcSlot slots[WC_MAX_DATABASES];
} WcShared;

extern WcShared *wc_shared; /* NULL where webchatt is not preloaded */
extern void wc_install_shmem_hooks(void);
extern WcSlot *wc_slot_of_database(Oid database);		   /* caller holds the lock */
extern WcHubState *wc_hub_state(WcSlot *slot, int hub_id); /* caller holds the mutex */
extern bool wc_wake_worker(Oid database, bool with_orders);
extern void wc_wake_launcher(void);
extern void wc_wake_at_commit(bool with_orders);

#endif /* WC_SHMEM_H */
