/*
 * corridor.h
 *	  The messages that worker and webchatt-net exchange, each with one
 *	  function that writes it as a frame and one that reads it back.
 *
 * Readers return false on anything that is not exactly such a message; the
 * strings they yield point into the frame.  Whoever gets false closes the
 * corridor: the two programs are built together, so it means a defect or a
 * mismatched pair, never bad input from the network.
 */
#ifndef WC_CORRIDOR_H
#define WC_CORRIDOR_H

#include "frame.h"

/* Raised with every change to a message below. */
#define WC_CORRIDOR_VERSION		1

/* Secrets that one channel's door may accept at once. */
#define WC_MAX_SECRETS			8

/*
 * The most that max_body_size may be set to, in bytes: an EVENT holds the body,
 * its errorMessage a second time, and under 4 kB of other fields, all of which
 * must stay below WC_FRAME_MAX.
 */
#define WC_MAX_BODY_SIZE		(4u * 1024 * 1024)

typedef enum wc_frame_type
{
	/* from the worker to webchatt-net */
	WC_F_HELLO = 1,
	WC_F_CONFIG = 2,
	WC_F_CHANNEL_PUT = 3,
	WC_F_CHANNEL_GONE = 4,
	WC_F_HUB_PUT = 5,
	WC_F_HUB_GONE = 6,
	WC_F_OPEN = 7,				/* bind and start to accept: first state is in */
	WC_F_SEND = 8,
	WC_F_EVENT_DONE = 9,
	WC_F_CLOSE = 10,			/* stop accepting, answer what waits, exit */

	/* from webchatt-net to the worker */
	WC_F_HELLO_BACK = 65,
	WC_F_OPENED = 66,
	WC_F_EVENT = 67,
	WC_F_OUTCOME = 68,
	WC_F_STATS = 69,
	WC_F_LOG = 70,
	WC_F_FAILED = 71			/* cannot go on (an address in use, ...); exits */
} wc_frame_type;

/* WC_F_HELLO: the first frame on the corridor. */
typedef struct wc_hello
{
	uint32_t	version;
} wc_hello;

/* WC_F_HELLO_BACK: the first answer. */
typedef struct wc_hello_back
{
	uint32_t	version;
	uint32_t	pid;
	uint8_t		confined;		/* 1: Landlock and no_new_privs are on */
} wc_hello_back;

/* WC_F_CONFIG: everything that can change while running, but listen. */
typedef struct wc_config
{
	wc_str		listen;			/* comma-separated addresses; read at OPEN only */
	wc_str		trusted_proxies;	/* comma-separated addresses and CIDRs */
	wc_str		ca_file;		/* empty: the system's certificates */
	uint32_t	max_body_size;	/* bytes of a request's body */
	uint32_t	max_connections;	/* HTTP connections in all */
	uint32_t	max_connections_per_address;
	uint32_t	max_in_flight;	/* concurrent requests to hubs */
	uint32_t	max_waiting;	/* events handed over and not yet done */
	uint32_t	signature_tolerance_s;
	uint32_t	head_timeout_ms;	/* a request's head, from its start */
	uint32_t	request_timeout_ms; /* a request, head and body together */
	uint32_t	idle_timeout_ms;	/* a kept-alive connection between requests */
	uint32_t	ack_timeout_ms; /* an event waiting for its commit */
	uint32_t	send_timeout_ms;	/* a request to a hub, answer included */
	uint32_t	connect_timeout_ms; /* of which: until connected */
} wc_config;

/* WC_F_CHANNEL_PUT: a channel whose webhooks the door takes. */
typedef struct wc_secret
{
	wc_str		secret;
	int64_t		valid_until;	/* unix seconds; 0: no end */
} wc_secret;

typedef struct wc_channel_put
{
	uint8_t		id[16];
	uint8_t		accept_unsigned;
	uint8_t		nsecrets;
	wc_secret	secrets[WC_MAX_SECRETS];
} wc_channel_put;

/* WC_F_CHANNEL_GONE */
typedef struct wc_channel_gone
{
	uint8_t		id[16];
} wc_channel_gone;

/* WC_F_HUB_PUT: a remote hub that messages can be sent to. */
typedef struct wc_hub_put
{
	uint32_t	hub;
	wc_str		api_url;		/* without a slash at the end */
	wc_str		api_key;
} wc_hub_put;

/* WC_F_HUB_GONE */
typedef struct wc_hub_gone
{
	uint32_t	hub;
} wc_hub_gone;

/* WC_F_SEND: one message to deliver. */
typedef struct wc_send
{
	uint64_t	token;			/* comes back in the outcome */
	uint32_t	hub;
	uint8_t		message[16];	/* also the Idempotency-Key */
	uint8_t		channel[16];	/* the body's "from" */
	wc_str		kind;			/* channel type, a part of the path */
	wc_str		to;				/* the body's "to" */
	wc_str		content;		/* JSON, as it goes into the body */
} wc_send;

/* WC_F_EVENT: what a hub posted, checked at the door. */
typedef enum wc_event_kind
{
	WC_EVENT_MESSAGE = 1,
	WC_EVENT_STATUS = 2
} wc_event_kind;

typedef struct wc_event
{
	uint64_t	request;		/* comes back in EVENT_DONE */
	uint8_t		kind;			/* wc_event_kind */
	uint8_t		channel[16];
	int64_t		at_us;			/* unix microseconds; 0: the event has no time */
	wc_str		message_id;		/* the hub's */
	wc_str		visitor;		/* empty in a status */
	wc_str		channel_type;	/* may be empty */
	wc_str		status;			/* empty in a message */
	wc_str		error_code;
	wc_str		error_message;
	wc_str		body;			/* the whole event, as it came */
} wc_event;

/* WC_F_EVENT_DONE: sent after the commit. */
typedef enum wc_event_result
{
	WC_DONE_STORED = 0,
	WC_DONE_REPEAT = 1,			/* it was there already */
	WC_DONE_REJECTED = 2,		/* it is in webchatt.rejects */
	WC_DONE_BUSY = 3,			/* not stored: come again */
	WC_DONE_GONE = 4			/* not stored: the channel was dropped meanwhile */
} wc_event_result;

typedef struct wc_event_done
{
	uint64_t	request;
	uint8_t		result;			/* wc_event_result */
} wc_event_done;

/* WC_F_OUTCOME: what became of a SEND; exactly one for each. */
typedef enum wc_outcome_result
{
	WC_OUT_ACCEPTED = 0,		/* the hub has it */
	WC_OUT_NO_SESSION = 1,		/* session_not_found */
	WC_OUT_REFUSED = 2,			/* for good: 4xx, or an error in a 200 */
	WC_OUT_RETRY = 3,			/* this message: 408, 5xx, a strange answer */
	WC_OUT_UNREACHABLE = 4,		/* the hub: no connection, TLS, time-out, reset */
	WC_OUT_PAUSED = 5,			/* the hub: 429, or 503 with Retry-After */
	WC_OUT_UNAUTHORIZED = 6		/* the hub: 401 */
} wc_outcome_result;

typedef struct wc_outcome
{
	uint64_t	token;
	uint8_t		result;			/* wc_outcome_result */
	uint32_t	http_status;	/* 0: no answer */
	uint32_t	retry_after_ms; /* 0: none given */
	uint32_t	duration_us;
	wc_str		hub_status;		/* the answer's "status", as it came */
	wc_str		hub_message_id;
	wc_str		error_code;
	wc_str		error_message;
} wc_outcome;

/* WC_F_STATS: once a second while anything moves. */
typedef struct wc_stats
{
	uint32_t	connections;	/* open HTTP connections */
	uint32_t	waiting;		/* events waiting for their commit */
	uint32_t	sending;		/* requests to hubs under way or queued */
	uint64_t	requests;		/* HTTP requests so far */
	uint64_t	refused;		/* of which answered 4xx */
	uint64_t	turned_away;	/* of which answered 503 */
} wc_stats;

/* WC_F_LOG, WC_F_OPENED, WC_F_FAILED: one line of text. */
typedef enum wc_log_level
{
	WC_LOG_DEBUG = 0,
	WC_LOG_INFO = 1,
	WC_LOG_WARNING = 2
} wc_log_level;

typedef struct wc_text
{
	uint8_t		level;			/* wc_log_level; 0 where it has no meaning */
	wc_str		text;
} wc_text;

/* Each returns false, and leaves the buffer as it was, when it does not fit. */
extern bool wc_write_hello(wc_buf *buf, const wc_hello *m);
extern bool wc_write_hello_back(wc_buf *buf, const wc_hello_back *m);
extern bool wc_write_config(wc_buf *buf, const wc_config *m);
extern bool wc_write_channel_put(wc_buf *buf, const wc_channel_put *m);
extern bool wc_write_channel_gone(wc_buf *buf, const wc_channel_gone *m);
extern bool wc_write_hub_put(wc_buf *buf, const wc_hub_put *m);
extern bool wc_write_hub_gone(wc_buf *buf, const wc_hub_gone *m);
extern bool wc_write_send(wc_buf *buf, const wc_send *m);
extern bool wc_write_event(wc_buf *buf, const wc_event *m);
extern bool wc_write_event_done(wc_buf *buf, const wc_event_done *m);
extern bool wc_write_outcome(wc_buf *buf, const wc_outcome *m);
extern bool wc_write_stats(wc_buf *buf, const wc_stats *m);
extern bool wc_write_text(wc_buf *buf, wc_frame_type type, const wc_text *m);
extern bool wc_write_empty(wc_buf *buf, wc_frame_type type);

extern bool wc_read_hello(const wc_frame *f, wc_hello *m);
extern bool wc_read_hello_back(const wc_frame *f, wc_hello_back *m);
extern bool wc_read_config(const wc_frame *f, wc_config *m);
extern bool wc_read_channel_put(const wc_frame *f, wc_channel_put *m);
extern bool wc_read_channel_gone(const wc_frame *f, wc_channel_gone *m);
extern bool wc_read_hub_put(const wc_frame *f, wc_hub_put *m);
extern bool wc_read_hub_gone(const wc_frame *f, wc_hub_gone *m);
extern bool wc_read_send(const wc_frame *f, wc_send *m);
extern bool wc_read_event(const wc_frame *f, wc_event *m);
extern bool wc_read_event_done(const wc_frame *f, wc_event_done *m);
extern bool wc_read_outcome(const wc_frame *f, wc_outcome *m);
extern bool wc_read_stats(const wc_frame *f, wc_stats *m);
extern bool wc_read_text(const wc_frame *f, wc_text *m);

#endif							/* WC_CORRIDOR_H */
