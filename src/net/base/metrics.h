/*
 * metrics.h
 *	  What webchatt-net counts, and its text for Prometheus.
 */
#ifndef NET_METRICS_H
#define NET_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "common/corridor.h"

#define METRICS_RESULTS		(WC_DONE_NO_FILE + 1) /* of wc_event_result */
#define METRICS_OUTCOMES	7					  /* of wc_outcome_result */
#define METRICS_API_RESULTS (WC_API_ENDED + 1)
#define METRICS_CLOSES		19 /* kinds of ends of a visitor's WebSocket */
#define METRICS_ANSWERS		5  /* classes of HTTP status codes, the last one: no answer */
#define METRICS_BUCKETS		13 /* of the histogram, the infinite one included */

/* Why a new visitor was not taken. */
#define METRICS_NEWCOMER_ADDRESS 0 /* webchatt.new_visitor_rate */
#define METRICS_NEWCOMER_BUDGET	 1
#define METRICS_NEWCOMER_PAUSED	 2
#define METRICS_NEWCOMER_REASONS 3

/* Hubs whose queues are shown. */
#define METRICS_HUBS 32

typedef struct metrics_queue
{
	uint32_t hub; /* 0: free */
	char name[64];
	uint64_t queued;
	uint64_t oldest_ms;
	uint64_t at_ms; /* when the worker said so, by the monotonic clock */
} metrics_queue;

typedef struct metrics
{
	uint64_t restarts; /* of this program, as the worker counts */

	/* since the start */
	uint64_t accepted; /* connections */
	uint64_t requests;
	uint64_t refused[REFUSE_COUNT];
	uint64_t malformed; /* heads that libmicrohttpd answered itself */
	uint64_t verifications;
	uint64_t events[METRICS_RESULTS];
	uint64_t outcomes[METRICS_OUTCOMES];
	uint64_t api_sends[METRICS_API_RESULTS];
	uint64_t api_no_session;   /* answered without the worker */
	uint64_t visitors_entered; /* sessions begun */
	uint64_t polls_entered;	   /* of which without WebSockets */
	uint64_t visitor_messages; /* handed to the database */
	uint64_t visitor_rate_errors;
	uint64_t newcomers_refused[METRICS_NEWCOMER_REASONS];
	uint64_t pushes;				 /* messages that an open session took */
	uint64_t closes[METRICS_CLOSES]; /* of WebSockets, by code */
	uint64_t webhook_deliveries[METRICS_ANSWERS];
	uint64_t hub_calls[METRICS_ANSWERS];
	uint64_t desk_calls[METRICS_ANSWERS];
	uint64_t desk_sign_ins[2]; /* that succeeded, and that did not */
	uint64_t links_entered;
	uint64_t link_events; /* handed to links' sockets */
	uint64_t files_begun;
	uint64_t files_stored;
	uint64_t files_dropped; /* by who brought them */
	uint64_t file_bytes[2]; /* of pieces that were written, and that were served */
	uint64_t commit_us;		/* sum over all events that were done */
	uint64_t commit_buckets[METRICS_BUCKETS];

	/* as the worker said last */
	wc_budgets budgets;
	uint64_t budgets_ms; /* when that was, by the monotonic clock; 0: never */
	wc_facts facts;
	uint64_t facts_ms; /* as above */
	metrics_queue queues[METRICS_HUBS];
	wc_file_totals files;

	/* now; set before the text is made */
	uint32_t connections;
	uint32_t waiting;
	uint32_t sending;
	uint32_t channels;
	uint32_t visitors; /* sessions that are open */
	uint32_t visitor_connections;
	uint32_t links;	   /* kept up to date by link_server.c */
	uint32_t desks;	   /* and by desk_sockets.c */
	uint32_t pieces;   /* of files, that arrive or wait; by file_upload.c, files.c */
	uint32_t piece_kb; /* memory that these have; set before the text is made, too */
	uint32_t fetches;
} metrics;

extern metrics metrics_now;

/* An event was done, so many microseconds after it was handed over. */
extern void metrics_done(uint8_t result, uint64_t us);

/* A request of ours was answered with that status, or not at all: 0. */
extern void metrics_answered(uint64_t counts[METRICS_ANSWERS], uint32_t http_status);

/* The worker's word on the budgets of the database. */
extern void metrics_budgets(const wc_budgets *budgets);

/* What else it knows. */
extern void metrics_facts(const wc_facts *facts);

/* Have the text show this program's memory: to be called while it may still open files. */
extern void metrics_open_memory(void);

/* The worker's word on how much is queued for a hub; and that the hub is gone. */
extern void metrics_hub_depth(const wc_hub_depth *depth);
extern void metrics_hub_gone(uint32_t hub);

/* A visitor's WebSocket ended with that code. */
extern void metrics_closed(uint16_t code);

/* Answers with a 4xx, and with a 503, so far. */
extern uint64_t metrics_refused(void);
extern uint64_t metrics_turned_away(void);

/* The text, for free(); NULL: out of memory. */
extern char *metrics_text(size_t *len);

#endif /* NET_METRICS_H */
