/*
 * webchatt.h
 *	  What the backend half's files share: settings, the shared memory that
 *	  launcher, workers and sessions meet in, and the worker's statements.
 */
#ifndef WEBCHATT_H
#define WEBCHATT_H

#include "postgres.h"

#include "executor/spi.h"
#include "nodes/nodes.h"
#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "shared/settings.h"

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

/* The role that the worker works as. */
#define WC_WORKER_ROLE "webchatt_worker"

/*
 * shmem.c: one slot for each database that has, or shall have, a worker.
 * Everything but the atomics and the hub states is guarded by the lock; the
 * stats belong to the worker, who writes them under the slot's mutex.
 */
typedef struct WcStats
{
	TimestampTz started_at;
	TimestampTz last_error_at;
	TimestampTz oldest_queued; /* 0: none */
	int64 queued;
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
	int64 turns;
	int64 requests;
	int64 refused;
	int64 turned_away;
	int64 memory;		/* allocated in the worker's memory contexts, in bytes */
	int64 net_restarts; /* of webchatt-net, since the worker started */
	char state[WC_STATE_SIZE];
	char listening[WC_LISTENING_SIZE];
	char last_error[WC_ERROR_SIZE];
} WcStats;

typedef struct WcHubState
{
	int32 hub_id; /* 0: free */
	TimestampTz paused_until;
	char last_error[WC_HUB_ERROR_SIZE];
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
	pg_atomic_uint32 orders; /* transactions with orders for the worker itself */

	slock_t mutex; /* guards what follows */
	WcStats stats;
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

/* clock.c: for pauses and deadlines, which no change of the wall clock may move */
extern TimestampTz wc_clock(void);
extern TimestampTz wc_clock_to_wall(TimestampTz at);
extern int wc_jittered(int ms);

/*
 * launcher.c, worker.c, drop_database.c
 */
extern void wc_register_launcher(void);
extern void wc_install_utility_hook(void);
extern PGDLLEXPORT void webchatt_launcher_main(Datum arg);
extern PGDLLEXPORT void webchatt_worker_main(Datum arg);

/*
 * statements.c: all SQL that webchatt runs, by name, with plans kept; texts_....c
 * have it.
 */
typedef enum WcStatement
{
	WC_READ_HUBS,
	WC_READ_HUB_SECRETS,
	WC_READ_CHANNELS,
	WC_READ_KEYS,
	WC_STOP_HUB,
	WC_INSERT_MESSAGES,
	WC_FIND_MESSAGES,
	WC_RECORD_STATUSES,
	WC_FIND_CHANNELS,
	WC_RECORD_OUTCOMES,
	WC_APPLY_EARLY,
	WC_SWEEP_EARLY,
	WC_EXPIRE_EARLY,
	WC_HOLD,
	WC_ANY_HELD,
	WC_RELEASE,
	WC_EXPIRE_HELD,
	WC_REJECT,
	WC_FIND_REJECT,
	WC_DELETE_REJECT,
	WC_REJECT_UNREADABLE,
	WC_DROP_REJECT,
	WC_READ_LATE,
	WC_READ_NEXT,
	WC_READ_REQUEUED,
	WC_READ_CONVERSATION,
	WC_COUNT_AHEAD,
	WC_TAKE,
	WC_NEWEST_IDS,
	WC_NEWEST_IDS_OF,
	WC_STRAYS,
	WC_STRAYS_OF,
	WC_UNREAD_0,
	WC_UNREAD_1,
	WC_UNREAD_2,
	WC_SEND_CHANNEL,
	WC_SEND_VISITOR,
	WC_SEND_MESSAGE,
	WC_SEND_SAME_KEY,
	WC_CANCEL,
	WC_RETRY,
	WC_INGEST_SECRETS,
	WC_INGEST_CHANNEL_OF,
	WC_MARK_READ,
	WC_CLEAR_SESSIONS,
	WC_CLOSE_SESSIONS,
	WC_FIND_TOKENS,
	WC_MAKE_VISITORS,
	WC_LOAD_BUDGETS,
	WC_SAVE_BUDGETS,
	WC_SEE_VISITORS,
	WC_OPEN_SESSIONS,
	WC_PAGE,
	WC_KEPT_HUBS,
	WC_LOOK_AT_LOGS,
	WC_HUB_CALL,
	WC_HUB_ANSWERED,
	WC_HUB_FAILED,
	WC_OVERDUE_CURSOR,
	WC_OVERDUE_UPTO,
	WC_NEXT_CHANNEL,
	WC_OVERDUE_FIND,
	WC_OVERDUE_LATE,
	WC_OVERDUE_UNANSWERED,
	WC_OVERDUE_PRUNE,
	WC_WANTS_EVENTS,
	WC_PUBLISH_ORDERS,
	WC_MAKE_PROGRESS,
	WC_READ_LOCAL_WEBHOOKS,
	WC_READ_LINKS,
	WC_LINKS_CAME,
	WC_LINKS_LEFT,
	WC_LINKS_AWAY,
	WC_LINKS_ACKED,
	WC_READ_EVENTS,
	WC_WEBHOOK_KNOWN,
	WC_RECORD_DELIVERIES,
	WC_WEBHOOK_PROGRESS,
	WC_WEBHOOK_VERIFIED,
	WC_WEBHOOK_PAUSE,
	WC_READ_RETRIES,
	WC_DONE_RETRIES,
	WC_DROP_EVENTS,
	WC_DROP_LOG,
	WC_DROP_ORDERS,
	WC_REST,
	WC_STATEMENTS
} WcStatement;

extern uint64 wc_run(WcStatement which, Datum *args, const char *nulls);
extern Portal wc_open(WcStatement which, Datum *args);
extern void wc_prepare_statements(void);
extern void wc_forget_statements(void);

/* arrays for statements that take many rows at once */
typedef struct WcColumn
{
	Datum *values;
	bool *nulls;
	int n;
	int size;
	Oid type;
} WcColumn;

extern WcColumn *wc_column(Oid type, int size);
extern void wc_column_add(WcColumn *col, Datum value);
extern void wc_column_add_null(WcColumn *col);
extern void wc_column_add_bytes(WcColumn *col, const char *p, size_t len);
extern Datum wc_column_array(const WcColumn *col);

/* the current row of SPI_tuptable */
extern Datum wc_field(uint64 row, int column, bool *isnull);
extern char *wc_field_text(uint64 row, int column);

/*
 * outbox_append.c: appending work orders
 */
extern void wc_outbox_append(int hub_id, char op, const pg_uuid_t *channel, const char *visitor,
							 const pg_uuid_t *message, const int64 *seq, const TimestampTz *expires);
extern int wc_outbox_current(void);
extern Oid wc_relation(const char *name);

extern bool wc_own_insert;	   /* we are inserting messages ourselves */
extern bool wc_outbox_touched; /* this process appended since it was cleared */

/* send.c: for a caller that is connected to SPI; false: the dedupe key's message was there */
extern bool wc_send_content(const pg_uuid_t *channel, const char *visitor, Datum content, const char *dedupe_key,
							pg_uuid_t *id);
extern bool wc_channel_is_local(const pg_uuid_t *channel);

/* step_down.c: being webchatt_worker in somebody's session, for a while */
typedef struct WcOuter
{
	Oid user;
	int context;
	int guc_level;
} WcOuter;

extern void wc_step_down(WcOuter *outer);
extern void wc_step_up(const WcOuter *outer);
extern bool wc_session_is_trusted(Oid user);

/* restores.c: sessions that load a dump */
extern bool wc_loads_dump(void);
extern void wc_note_restore(void);
extern void wc_watch_restore(Node *statement);
extern pid_t wc_restore_in(Oid database); /* caller holds the lock exclusively */

/* plain_errors.c */
extern void wc_install_error_hook(void);

/* message_id.c */
extern void wc_new_message_id(pg_uuid_t *id);
extern void wc_learn_ids(WcSlot *slot);
extern void wc_learn_channel_ids(const pg_uuid_t *channel);

#endif /* WEBCHATT_H */
