/*
 * worker.h
 *	  What the worker's files share among themselves.
 *
 * worker.c runs the loop and has webchatt-net (net_supervisor.c, net_process.c); turn.c runs the
 * transaction.  They call: orders.c and config.c for what was ordered and
 * configured, inbound.c for the events that wait (quarantine.c: which of them need
 * care; event_writer.c: writing them), outbound.c for what is to be sent.  Below
 * outbound.c are hub_queue.c, its memory; outbox_reader.c, its source; hub_answers.c, what
 * hubs answer; outcomes.c and held.c, what becomes of messages.  What these need of
 * those above is declared here: the savepoints, the stats, the errors' place.
 */
#ifndef WC_WORKER_H
#define WC_WORKER_H

#include "shared/webchatt.h"

#include <signal.h>

#include "access/xlogdefs.h"

#include "common/corridor.h"
#include "turn/net_process.h"

/* How long a statement of ours waits for a lock, in ms. */
#define LOCK_WAIT_MS 50

/* The same, for a conversation that is known to be blocked. */
#define LOCK_WAIT_BLOCKED_MS 10

/* How long a step may take that runs our own SQL only, in ms: webchatt.trigger_timeout is for the application's. */
#define STEP_TIME_MS 1000

/* What may be waiting in the worker before it stops reading frames: how many, and bytes. */
#define MAX_PENDING_EVENTS 8192
#define MAX_PENDING_BYTES  ((size_t) 64 * 1024 * 1024)

/* ca_file.c */
extern void ca_file_note(void);
extern bool ca_file_outdated(void);

/* net_supervisor.c: webchatt-net, as the worker has it */
extern NetChild worker_net;
extern void net_link_start(TimestampTz now);
extern void net_link_read(void);
extern void net_link_flush(void);
extern void net_link_read_words(void);
extern bool net_link_may_say(void);
extern void net_link_stop(void);
extern void net_link_end(void);
extern void net_link_drop_output(void);
extern TimestampTz net_link_next_start(void);
extern bool net_link_has_room(void);
extern bool net_link_is_full(void);

/* frame_memory.c: memory of what waits for its turn, counted */
extern void *frame_hold(MemoryContext context, size_t size);
extern void frame_free(void *p);
extern size_t frames_bytes(void);

/* standbys.c: nothing is told before the synchronous standbys have it */
extern XLogRecPtr standbys_seen(void);
extern void standbys_heed_shutdown(void);
extern void standbys_wait(XLogRecPtr lsn);

/* worker.c */
extern WcSlot *worker_slot;
extern void report_publish(void);
extern WcStats worker_stats; /* published after each turn */
extern void worker_note_error(const char *text);
extern void worker_set_state(const char *state);

/* restore_wait.c */
extern bool restore_waits(void);
extern bool restore_allows_work(void);
extern bool restore_has_begun(void);

/* turn.c */
extern void turn_run(TimestampTz now, bool look_at_outbox, bool look_at_orders);
typedef enum TurnReady
{
	TURN_READY,
	TURN_NO_EXTENSION,
	TURN_NO_ROLE
} TurnReady;

extern TurnReady turn_extension_ready(void);
extern void turn_tidy_outbox(void);
extern void turn_open(void);
extern void turn_close(void);
extern void turn_begin(void);
extern void turn_commit(void);
extern void turn_abort(void);
extern void turn_time_limit(int ms);
extern volatile sig_atomic_t turn_interruptible;
/* Until the turn's frames are written. */
extern MemoryContext turn_context;

typedef void (*turn_step)(void *arg);
extern ErrorData *turn_try(turn_step step, void *arg, int lock_wait_ms);
extern ErrorData *turn_try_for(turn_step step, void *arg, int lock_wait_ms, int time_ms);
extern bool turn_error_is_transient(const ErrorData *error);
extern bool turn_error_is_systemic(const ErrorData *error);

/* event_writer.c: writing events, for the worker and for ingest() alike */
typedef struct WcShowedUp
{
	WcColumn *channels;
	WcColumn *visitors;
} WcShowedUp;

extern uint64 events_write(wc_event *const *events, int n, pg_uuid_t *ids, WcShowedUp *showed_up);
extern bool events_are_text(const wc_str *texts, int n);
extern const char *events_meaning(wc_str status, bool has_error);
extern void events_reject(const wc_event *event, const ErrorData *error);
extern void events_keep_unreadable(const wc_event *event);
extern const char *events_mended(const char *bytes, size_t len);
extern void events_forget_reject(const wc_event *event);

/* config.c */
typedef struct ConfigChannel
{
	pg_uuid_t id;
	int hub_id;
	char kind[65];
	bool local;	 /* visitors connect to us */
	bool paused; /* and no new ones are taken now */
	int door;	 /* its place among the doors */
} ConfigChannel;

typedef struct ConfigHub
{
	int id;
	bool local;
	bool stopped;
	bool link; /* its events come by a link */
	char *name;
	char *api_url; /* NULL of the local one */
	char *api_key;
	wc_secret secrets[WC_MAX_SECRETS]; /* of the hub's own endpoint */
	int nsecrets;
} ConfigHub;

extern void config_read(void);
extern bool config_is_read(void);
extern void config_commit(wc_buf *out);
extern void config_rollback(void);
extern void config_write_settings(wc_buf *out);
extern void config_write_all(wc_buf *out);
extern const ConfigChannel *config_channel(const uint8 *id);
extern const ConfigHub *config_hub(int id);
extern const ConfigHub *config_hub_at(int i);
extern void config_reset(void);

/* quarantine.c */
typedef enum Trouble
{
	TROUBLE_NONE,
	TROUBLE_SUSPECT, /* raised lately: alone in a savepoint */
	TROUBLE_BLOCKED	 /* somebody holds its rows: later */
} Trouble;

extern Trouble trouble_of(const wc_event *event, TimestampTz now, TimestampTz *until);
extern void trouble_suspect(const wc_event *event, TimestampTz now, bool slow);
extern bool trouble_is_slow(const wc_event *event);
extern TimestampTz trouble_blocked(const wc_event *event, TimestampTz now);
extern void trouble_over(const wc_event *event);
extern void trouble_reset(void);

/* budgets.c */
typedef enum BudgetKind
{
	BUDGET_NEWCOMERS, /* the first WC_BUDGETS as in wc_budgets */
	BUDGET_MESSAGES,
	BUDGET_BYTES,
	BUDGET_PAUSED, /* only counted */
	BUDGET_KINDS
} BudgetKind;

extern bool budgets_take(const uint8 *channel, BudgetKind kind, uint32 bytes);
extern void budgets_paused(const uint8 *channel);
extern void budgets_load(void);
extern void budgets_save(TimestampTz now);
extern bool budgets_ready(TimestampTz now);
extern void budgets_rollback(void);
extern void budgets_commit(TimestampTz now, wc_buf *out);
extern void budgets_reset(void);

/* sessions.c */
extern bool sessions_accept(const wc_frame *frame);
extern int sessions_pending(void);
extern bool sessions_ready(TimestampTz now);
extern TimestampTz sessions_next_due(void);
extern void sessions_apply(TimestampTz now, WcShowedUp *showed_up);
extern void sessions_commit(wc_buf *out);
extern void sessions_rollback(void);
extern void sessions_forget(void);

/* send_requests.c */
extern bool api_accept(const wc_frame *frame);
extern int api_pending(void);
extern void api_apply(void);
extern void api_commit(wc_buf *out);
extern void api_rollback(void);
extern void api_forget(void);

/* feed_orders.c */
typedef struct OutboxRow OutboxRow;

extern void event_orders_add(const OutboxRow *row);
extern bool event_orders_are_full(void);
extern bool event_orders_are_done(void);

/* feed.c */
extern bool feed_wanted(void);
extern bool feed_wanted_at_all(void);
extern void feed_wanted_set(bool is_wanted);
extern bool feed_wanted_is_expected(void);
extern void feed_wanted_is_read(void);
extern void feeds_retries_asked(void);
extern bool feeds_accept(const wc_frame *frame);
extern int feeds_pending(void);
extern bool feeds_ready(TimestampTz now);
extern TimestampTz feeds_next_due(void);
extern void feeds_configure(void);
extern void feeds_apply(TimestampTz now);
extern void feeds_upkeep(TimestampTz now);
extern void feeds_take(TimestampTz now);
extern void feeds_commit(wc_buf *out);
extern void feeds_rollback(void);
extern void feeds_write_all(wc_buf *out);
extern void feeds_net_lost(void);
extern void feeds_reset(void);

/* webhook_requests.c */
extern bool rest_accept(const wc_frame *frame);
extern int rest_pending(void);
extern void rest_apply(void);
extern void rest_commit(wc_buf *out);
extern void rest_rollback(void);
extern void rest_forget(void);

/* reconcile.c */
extern bool keeping_accept(const wc_frame *frame);
extern bool keeping_ready(TimestampTz now);
extern TimestampTz keeping_next_due(void);
extern void keeping_nudge(void);
extern void keeping_apply(TimestampTz now);
extern void keeping_commit(wc_buf *out);
extern void keeping_rollback(void);
extern void keeping_net_lost(void);
extern void keeping_reset(void);

/* overdue.c */
extern void overdue_note(const pg_uuid_t *channel, const pg_uuid_t *message);
extern void overdue_nudge(void);
extern bool overdue_is_late(const pg_uuid_t *message);
extern bool overdue_ready(TimestampTz now);
extern TimestampTz overdue_next_due(void);
extern void overdue_apply(TimestampTz now);
extern void overdue_commit(void);
extern void overdue_rollback(void);
extern void overdue_reset(void);

/* typing.c */
extern bool typing_accept(const wc_frame *frame);
extern void typing_forward(wc_buf *out);

/* inbound.c */
extern bool inbound_accept(const wc_frame *frame);
extern int inbound_pending(void);
extern bool inbound_ready(TimestampTz now);
extern TimestampTz inbound_next_due(void);
extern void inbound_apply(TimestampTz now, bool carefully, WcShowedUp *showed_up);
extern void inbound_commit(wc_buf *out);
extern void inbound_rollback(const ErrorData *error);
extern void inbound_forget(void);

/* outbound.c */
extern bool hub_answers_accept(const wc_frame *frame);
extern void outbound_record(TimestampTz now, bool carefully);
extern void held_release(TimestampTz now, const WcShowedUp *showed_up);
extern void outbound_upkeep(void);
extern void outbound_expire(void);
extern void outbound_read(TimestampTz now, bool look);
extern void outbound_take(TimestampTz now);
extern void outbound_commit(TimestampTz now, wc_buf *out);
extern void outbound_rollback(void);
extern bool outbound_ready(TimestampTz now);
extern TimestampTz outbound_next_due(void);
extern void hub_answers_configure(void);
extern void outbound_net_lost(bool may_have_left);
extern void outbound_reset(void);
extern void outbound_stats(WcStats *stats, bool with_age);
extern bool outbound_child_is_empty(int child);
extern const pg_uuid_t *outbound_under_way(const pg_uuid_t *channel, const char *visitor);

/* outbox_reader.c: the outbox of one hub, in order, each row once */
struct OutboxRow
{
	uint64 xid;
	int64 seq;
	char op;
	int child;				  /* 0 to 2: which of the outbox tables */
	const pg_uuid_t *channel; /* NULL in work orders for the worker itself */
	const pg_uuid_t *message;
	const char *visitor;
	TimestampTz expires; /* 0: none */
};

typedef void (*outbox_row_fn)(void *arg, const OutboxRow *row);

typedef struct OutboxReader OutboxReader;

extern uint64 outbox_rows_read; /* by all readers, ever */

extern OutboxReader *outbox_reader_new(int hub_id);
extern void outbox_reader_free(OutboxReader *reader);
extern void outbox_read(OutboxReader *reader, int limit, outbox_row_fn take, void *arg);
extern bool outbox_reader_has_more(const OutboxReader *reader);
extern bool outbox_reader_is_current(const OutboxReader *reader);
extern int64 outbox_reader_ahead(const OutboxReader *reader);
extern void outbox_reader_commit(OutboxReader *reader);
extern void outbox_reader_rollback(OutboxReader *reader);
extern bool outbox_reader_unread(OutboxReader *reader, int child);
extern void outbox_rows(outbox_row_fn take, void *arg);

/* requeue.c: messages that are queued and have no work order */
extern void requeue_begin(bool by_insert);
extern void requeue_conversation(const pg_uuid_t *channel, const char *visitor);
extern bool requeue_ready(TimestampTz now);
extern TimestampTz requeue_next_due(void);
extern bool requeue_apply(TimestampTz now);
extern void requeue_commit(void);
extern void requeue_rollback(void);
extern void requeue_reset(void);

/* orders.c: work orders for the worker itself */
typedef struct ControlOrders
{
	bool config;
	bool requeue;
} ControlOrders;

extern bool control_ready(void);
extern void control_read(ControlOrders *orders, WcShowedUp *showed_up);
extern void control_commit(wc_buf *out);
extern void control_rollback(void);
extern bool control_child_is_empty(int child);
extern void control_reset(void);

extern void savepoint_run(WcStatement which);

/* Where the worker is: how it notes an error. */
extern void (*handler_calls_report)(const char *text);

#endif /* WC_WORKER_H */
