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

#include "common/frame.h"

/* Raised with every change to a message below. */
#define WC_CORRIDOR_VERSION 8

/* Secrets that one channel's door may accept at once. */
#define WC_MAX_SECRETS 8

/* Origins of one channel (doc/hub-contract.md, section 1). */
#define WC_MAX_ORIGINS 5

/* Bytes of a SHA-256. */
#define WC_HASH_SIZE 32

/* Ids of messages that a visitor's client may say it has. */
#define WC_MAX_HAVE 100

/*
 * The most that max_body_size may be set to, in bytes: an EVENT holds the body,
 * its errorMessage a second time, and under 4 kB of other fields, all of which
 * must stay below WC_FRAME_MAX.
 */
#define WC_MAX_BODY_SIZE (4u * 1024 * 1024)

typedef enum wc_frame_type
{
	/* from the worker to webchatt-net */
	WC_F_HELLO = 1,
	WC_F_CONFIG = 2,
	WC_F_CHANNEL_PUT = 3,
	WC_F_CHANNEL_GONE = 4,
	WC_F_HUB_PUT = 5,
	WC_F_HUB_GONE = 6,
	WC_F_OPEN = 7, /* bind and start to accept: first state is in */
	WC_F_SEND = 8,
	WC_F_EVENT_DONE = 9,
	WC_F_CLOSE = 10, /* stop accepting, answer what waits, exit */
	WC_F_KEY_PUT = 11,
	WC_F_KEY_GONE = 12,
	WC_F_WELCOME = 13,
	WC_F_HISTORY = 14,
	WC_F_STATUS = 15,
	WC_F_TYPING = 16,
	WC_F_API_DONE = 17,
	WC_F_CALL = 18,
	WC_F_API_ANSWER = 19,
	WC_F_WEBHOOK_PUT = 20,
	WC_F_WEBHOOK_GONE = 21,
	WC_F_DELIVER = 22,
	WC_F_LINK_WELCOME = 23,
	WC_F_LINK_EVENT = 24,
	WC_F_LINK_CLOSE = 25,
	WC_F_BUDGETS = 26,
	WC_F_VISITOR_END = 31, /* a wc_typing: the visitor's sessions are ended */

	/* from webchatt-net to the worker */
	WC_F_HELLO_BACK = 65,
	WC_F_OPENED = 66,
	WC_F_EVENT = 67,
	WC_F_OUTCOME = 68,
	WC_F_STATS = 69,
	WC_F_LOG = 70,
	WC_F_FAILED = 71, /* cannot go on (an address in use, ...); exits */
	WC_F_ARRIVED = 72,
	WC_F_LEFT = 73,
	WC_F_HISTORY_ASK = 74,
	WC_F_TYPED = 75,
	WC_F_API_SEND = 76,
	WC_F_CALL_DONE = 77,
	WC_F_API_CALL = 78,
	WC_F_DELIVERED = 79,
	WC_F_LINK_CAME = 80,
	WC_F_LINK_ACK = 81,
	WC_F_LINK_LEFT = 82,
	WC_F_LINK_STATE = 83
} wc_frame_type;

/* WC_F_HELLO: the first frame on the corridor. */
typedef struct wc_hello
{
	uint32_t version;
	uint32_t restarts; /* of webchatt-net, since the worker started */
} wc_hello;

/* WC_F_HELLO_BACK: the first answer. */
typedef struct wc_hello_back
{
	uint32_t version;
	uint32_t pid;
	uint8_t confined; /* 1: Landlock, no_new_privs and seccomp will be on */
} wc_hello_back;

/* WC_F_CONFIG: everything that can change while running, but listen, which is read at OPEN only. */
typedef struct wc_config
{
	uint32_t server_port; /* PostgreSQL's, which nobody is connected to; 0: unknown */
#define NET(field, times) uint32_t field;
#define NET_TEXT(field)	  wc_str field;
#include "common/settings.def"
} wc_config;

/*
 * WC_F_CHANNEL_PUT: a channel whose webhooks the door takes, or (local) that
 * visitors connect to.
 */
typedef struct wc_secret
{
	wc_str secret;
	int64_t valid_until; /* unix seconds; 0: no end */
} wc_secret;

typedef struct wc_channel_put
{
	uint8_t id[16];
	uint32_t hub;
	uint8_t accept_unsigned;
	uint8_t nsecrets;
	wc_secret secrets[WC_MAX_SECRETS];
	uint8_t local;		 /* 1: it hangs on the local hub */
	wc_str public_key;	 /* of a local one: the widget's webChatId */
	wc_str display_name; /* may be empty */
	uint8_t norigins;
	wc_str origins[WC_MAX_ORIGINS]; /* normalised */
} wc_channel_put;

/* WC_F_CHANNEL_GONE */
typedef struct wc_channel_gone
{
	uint8_t id[16];
} wc_channel_gone;

/* WC_F_HUB_PUT: a remote hub that messages can be sent to. */
typedef struct wc_hub_put
{
	uint32_t hub;
	wc_str name;	/* of its endpoint: /webhooks/hubs/<name> */
	wc_str api_url; /* without a slash at the end */
	wc_str api_key;
	uint8_t link;	  /* 1: keep a link to it */
	uint8_t nsecrets; /* of its endpoint; none: everything is refused there */
	wc_secret secrets[WC_MAX_SECRETS];
} wc_hub_put;

/* WC_F_HUB_GONE */
typedef struct wc_hub_gone
{
	uint32_t hub;
} wc_hub_gone;

/* WC_F_SEND: one message to deliver. */
typedef struct wc_send
{
	uint64_t token; /* comes back in the outcome */
	uint32_t hub;
	uint8_t message[16]; /* also the Idempotency-Key */
	uint8_t channel[16]; /* the body's "from" */
	wc_str kind;		 /* channel type, a part of the path */
	wc_str to;			 /* the body's "to" */
	wc_str content;		 /* JSON, as it goes into the body */
	uint8_t local;		 /* 1: to the visitor's open sessions, not to a hub */
} wc_send;

/*
 * WC_F_EVENT: what a hub posted, or a visitor of a local channel sent, checked
 * at the door.  A visitor's has the same body as a hub's would; its message id
 * is "<visitor>/<client id>" in a message, and in a status ours, with the visitor who says so.
 * What came to a hub's endpoint or by its link has the hub; channel is then the
 * one that the event names, and all zeros in a status that names none.
 * What is no event, though whoever sent it showed that it is the hub, is handed
 * over too, so that it is kept: its channel is the endpoint's, or all zeros.
 */

/* Set in the request of an event that came by a link: so many can wait that its window bounds them. */
#define WC_LINK_NUMBER (UINT64_C(1) << 62)

typedef enum wc_event_kind
{
	WC_EVENT_MESSAGE = 1,
	WC_EVENT_STATUS = 2,
	WC_EVENT_UNREADABLE = 3 /* none that we know: its body as it came, and why in error_message */
} wc_event_kind;

typedef struct wc_event
{
	uint64_t request; /* comes back in EVENT_DONE */
	uint32_t hub;	  /* 0: it came to the channel's own endpoint, or from a visitor */
	uint8_t kind;	  /* wc_event_kind */
	uint8_t channel[16];
	int64_t at_us;		 /* unix microseconds; 0: the event has no time */
	wc_str message_id;	 /* the hub's */
	wc_str visitor;		 /* empty in a hub's status */
	wc_str channel_type; /* may be empty */
	wc_str status;		 /* empty in a message */
	wc_str error_code;
	wc_str error_message;
	wc_str body; /* the whole event, as it came */
} wc_event;

/* WC_F_EVENT_DONE: sent after the commit. */
typedef enum wc_event_result
{
	WC_DONE_STORED = 0,
	WC_DONE_REPEAT = 1,	  /* it was there already */
	WC_DONE_REJECTED = 2, /* it is in webchatt.rejects */
	WC_DONE_BUSY = 3,	  /* not stored: come again */
	WC_DONE_GONE = 4,	  /* not stored: the channel was dropped meanwhile */
	WC_DONE_BUDGET = 5	  /* not stored: a budget is used up */
} wc_event_result;

typedef struct wc_event_done
{
	uint64_t request;
	uint8_t result;		 /* wc_event_result */
	uint8_t message[16]; /* its row, where one is known; else all zeros */
} wc_event_done;

/* WC_F_OUTCOME: what became of a SEND; exactly one for each. */
typedef enum wc_outcome_result
{
	WC_OUT_ACCEPTED = 0,	/* the hub has it */
	WC_OUT_NO_SESSION = 1,	/* session_not_found */
	WC_OUT_REFUSED = 2,		/* for good: 4xx, or an error in a 200 */
	WC_OUT_RETRY = 3,		/* this message: 408, 5xx, a strange answer */
	WC_OUT_UNREACHABLE = 4, /* the hub: no connection, TLS, time-out, reset */
	WC_OUT_PAUSED = 5,		/* the hub: 429, or 503 with Retry-After */
	WC_OUT_UNAUTHORIZED = 6 /* the hub: 401 */
} wc_outcome_result;

typedef struct wc_outcome
{
	uint64_t token;
	uint8_t result;			 /* wc_outcome_result */
	uint32_t http_status;	 /* 0: no answer */
	uint32_t retry_after_ms; /* 0: none given */
	uint32_t duration_us;
	wc_str hub_status; /* the answer's "status", as it came */
	wc_str hub_message_id;
	wc_str error_code;
	wc_str error_message;
	uint8_t unanswered; /* 1: UNREACHABLE after the request was sent: the hub may have it */
} wc_outcome;

/* WC_F_STATS: once a second while anything moves. */
typedef struct wc_stats
{
	uint32_t connections; /* open HTTP connections */
	uint32_t waiting;	  /* events waiting for their commit */
	uint32_t sending;	  /* requests to hubs under way or queued */
	uint32_t visitors;	  /* open sessions of visitors */
	uint64_t requests;	  /* HTTP requests so far */
	uint64_t refused;	  /* of which answered 4xx */
	uint64_t turned_away; /* of which answered 503 */
} wc_stats;

/* WC_F_BUDGETS: how much strangers have brought to the database, for the metrics; about once a second. */
#define WC_BUDGETS 3 /* newcomers, messages, bytes */

typedef struct wc_budgets
{
	uint64_t used[WC_BUDGETS];
	uint64_t an_hour[WC_BUDGETS]; /* so much runs out of it in an hour; 0: no limit */
} wc_budgets;

/* WC_F_LOG, WC_F_OPENED, WC_F_FAILED: one line of text. */
typedef enum wc_log_level
{
	WC_LOG_DEBUG = 0,
	WC_LOG_INFO = 1,
	WC_LOG_WARNING = 2
} wc_log_level;

typedef struct wc_text
{
	uint8_t level; /* wc_log_level; 0 where it has no meaning */
	wc_str text;
} wc_text;

/* WC_F_KEY_PUT: a key that opens the REST API at home. */
typedef struct wc_key_put
{
	uint32_t id;
	uint8_t hash[WC_HASH_SIZE]; /* SHA-256 of the key */
	uint8_t scopes;				/* WC_SCOPE_... */
	wc_str channels;			/* 16 bytes for each that it may use; empty: all */
} wc_key_put;

/* What a key may do: POST messages, keep webhooks, open links. */
#define WC_SCOPE_SEND	  1u
#define WC_SCOPE_WEBHOOKS 2u
#define WC_SCOPE_LINK	  4u

/* WC_F_KEY_GONE */
typedef struct wc_key_gone
{
	uint32_t id;
} wc_key_gone;

/*
 * WC_F_ARRIVED: a visitor's client said hello.  Exactly one WELCOME answers it,
 * unless LEFT comes first.
 */
typedef struct wc_arrived
{
	uint64_t session; /* webchatt-net's number, never used again */
	uint8_t channel[16];
	uint8_t has_token;
	uint8_t may_make;				  /* 1: a new visitor may be made for it */
	uint8_t token_hash[WC_HASH_SIZE]; /* SHA-256 of the token that it gave */
	uint8_t new_visitor[16];		  /* what a new visitor is to be called */
	uint8_t new_hash[WC_HASH_SIZE];	  /* and the SHA-256 of its token */
	wc_str attributes;				  /* a JSON object, or empty */
	wc_str have;					  /* 16 bytes for each message that the client has */
} wc_arrived;

/* WC_F_WELCOME: after the commit. */
typedef enum wc_welcome_result
{
	WC_WELCOME_KNOWN = 0,
	WC_WELCOME_MADE = 1,	 /* a new visitor, called new_visitor */
	WC_WELCOME_NOT_MADE = 2, /* the token is not known, and may_make was 0 */
	WC_WELCOME_GONE = 3,	 /* the channel was dropped */
	WC_WELCOME_BUSY = 4,	 /* could not be done now */
	WC_WELCOME_BUDGET = 5,	 /* no new visitor now: a budget is used up */
	WC_WELCOME_PAUSED = 6	 /* no new visitor now: the channel takes none */
} wc_welcome_result;

typedef struct wc_welcome
{
	uint64_t session;
	uint8_t result; /* wc_welcome_result */
	uint8_t visitor[16];
	uint8_t more;	  /* 1: there are older messages than from */
	uint8_t from[16]; /* from this message on nothing is left out; all zeros: no message */
	uint8_t read[16]; /* the visitor's newest message that was read; all zeros: none */
	wc_str messages;  /* a JSON array of messages, as doc/protocol.md has them */
} wc_welcome;

/* WC_F_LEFT: a session that had arrived is over. */
typedef struct wc_left
{
	uint64_t session;
} wc_left;

/* WC_F_HISTORY_ASK: messages before one; WC_F_HISTORY answers. */
typedef struct wc_history_ask
{
	uint64_t session;
	uint8_t channel[16];
	uint8_t visitor[16];
	uint8_t before[16];
} wc_history_ask;

typedef struct wc_history
{
	uint64_t session;
	uint8_t before[16];
	uint8_t busy; /* 1: it could not be read now */
	uint8_t more;
	wc_str messages; /* as in WELCOME */
} wc_history;

/* WC_F_STATUS: the visitor's own messages up to one have that status. */
typedef struct wc_status
{
	uint8_t channel[16];
	uint8_t visitor[16];
	uint8_t upto[16];
	wc_str status;
} wc_status;

/* WC_F_TYPING: to a visitor's sessions; WC_F_TYPED: from one. */
typedef struct wc_typing
{
	uint8_t channel[16];
	uint8_t visitor[16];
} wc_typing;

/* WC_F_API_SEND: a message that came by the REST API; API_DONE after its commit. */
typedef struct wc_api_send
{
	uint64_t request;
	uint8_t channel[16];
	uint8_t visitor[16];
	uint8_t only_known; /* 1: nobody is there; only look for the dedupe key */
	wc_str dedupe_key;	/* empty: none */
	wc_str content;		/* a JSON object */
} wc_api_send;

typedef enum wc_api_result
{
	WC_API_QUEUED = 0,	  /* message is its id */
	WC_API_REPEAT = 1,	  /* message is that of the same dedupe key */
	WC_API_NOT_KNOWN = 2, /* only_known, and it is not */
	WC_API_NO_VISITOR = 3,
	WC_API_NO_CHANNEL = 4,
	WC_API_INVALID = 5, /* text says why */
	WC_API_BUSY = 6,
	WC_API_ENDED = 7 /* a repeat of what failed, expired or was cancelled; text: its error code */
} wc_api_result;

typedef struct wc_api_done
{
	uint64_t request;
	uint8_t result; /* wc_api_result */
	uint8_t message[16];
	wc_str text; /* INVALID: for a person, ENDED: a code; may be empty */
} wc_api_done;

/* WC_F_CALL: a request to a hub's REST API; CALL_DONE answers it. */
typedef struct wc_call
{
	uint64_t token; /* comes back in CALL_DONE */
	uint32_t hub;
	wc_str method; /* GET, POST, PATCH, DELETE */
	wc_str path;   /* begins with /v1/, with its query */
	wc_str body;   /* JSON; empty: none */
} wc_call;

/* Bytes of an answer's body that CALL_DONE brings; a longer one is an error. */
#define WC_MAX_CALL_ANSWER (1024u * 1024)

typedef struct wc_call_done
{
	uint64_t token;
	uint32_t http_status;	 /* 0: no answer, error says why */
	uint32_t retry_after_ms; /* 0: none given */
	wc_str body;			 /* valid UTF-8; may be empty */
	wc_str error;
} wc_call_done;

/* WC_F_API_CALL: a request for /v1/organization/..., its key checked; API_ANSWER after the commit. */
typedef struct wc_api_call
{
	uint64_t request;
	uint32_t key; /* the key's id */
	wc_str method;
	wc_str path;  /* as it came, without the query */
	wc_str query; /* as it came, without the question mark */
	wc_str body;  /* valid JSON (depth and UTF-8 checked), or empty */
} wc_api_call;

typedef struct wc_api_answer
{
	uint64_t request;
	uint32_t http_status;
	wc_str body; /* JSON; empty with 204 */
} wc_api_answer;

/*
 * WC_F_WEBHOOK_PUT: one of our own webhooks, that deliveries can be made to.  A
 * known id with another URL ends nothing that is under way.
 */
typedef struct wc_webhook_put
{
	uint32_t webhook;
	wc_str endpoint;
	wc_str headers; /* a JSON array of {"key", "value"}, or empty */
	wc_str secret;	/* signs; empty: unsigned */
} wc_webhook_put;

/* WC_F_WEBHOOK_GONE */
typedef struct wc_webhook_gone
{
	uint32_t webhook;
} wc_webhook_gone;

/* WC_F_DELIVER: one attempt; DELIVERED comes exactly once for each. */
typedef struct wc_deliver
{
	uint64_t token; /* comes back in DELIVERED */
	uint32_t webhook;
	uint8_t delivery[16]; /* X-Hub-Delivery: the same in each attempt */
	uint32_t attempt;	  /* X-Hub-Attempt: from 1 on */
	uint8_t verify;		  /* 1: no event, body is the token of X-Validation-Token */
	wc_str body;
} wc_deliver;

/* Bytes of an endpoint's answer that are kept. */
#define WC_MAX_DELIVERY_ANSWER 1024u

typedef struct wc_delivered
{
	uint64_t token;
	uint8_t good;			 /* 1: 200 (of a verification: with the token as its answer) */
	uint32_t http_status;	 /* 0: no answer, error says why */
	uint32_t retry_after_ms; /* 0: none given */
	uint32_t duration_us;
	wc_str answer; /* its beginning, made valid UTF-8 without NUL; may be empty */
	wc_str error;
} wc_delivered;

/*
 * WC_F_LINK_CAME: another database opened a link to us (doc/link.md).  LINK_WELCOME
 * or LINK_CLOSE answers it, unless LINK_LEFT comes first.
 */
typedef struct wc_link_came
{
	uint64_t link; /* webchatt-net's number, never used again */
	uint32_t key;  /* the id of the key that it showed */
	wc_str client; /* its address, for a person */
} wc_link_came;

typedef struct wc_link_welcome
{
	uint64_t link;
	uint64_t acknowledged; /* events follow from the next one on */
	uint64_t lost;		   /* events that it will never get: it was away too long */
} wc_link_welcome;

typedef struct wc_link_event
{
	uint64_t link;
	uint64_t seq; /* grows, with gaps */
	wc_str body;  /* the event */
} wc_link_event;

/* WC_F_LINK_CLOSE: for instance because a newer link came with the same key. */
typedef struct wc_link_close
{
	uint64_t link;
	uint32_t code; /* WebSocket close code */
	wc_str reason;
} wc_link_close;

/* WC_F_LINK_ACK: the subscriber has committed everything up to seq. */
typedef struct wc_link_ack
{
	uint64_t link;
	uint64_t seq;
} wc_link_ack;

/* WC_F_LINK_LEFT */
typedef struct wc_link_left
{
	uint64_t link;
} wc_link_left;

/* WC_F_LINK_STATE: how our own link to a hub is doing, on every change. */
typedef enum wc_link_phase
{
	WC_LINK_CONNECTING = 0,
	WC_LINK_OPEN = 1,	 /* the hub's welcome has come */
	WC_LINK_WAITING = 2, /* until the next try */
	WC_LINK_REFUSED = 3	 /* 401: not before the hub's key changes */
} wc_link_phase;

typedef struct wc_link_state
{
	uint32_t hub;
	uint8_t phase;	   /* wc_link_phase */
	uint32_t retry_ms; /* WAITING: how long */
	uint64_t lost;	   /* OPEN: what the hub's welcome said */
	wc_str error;	   /* why it is not open, in words; empty while it is */
} wc_link_state;

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
extern bool wc_write_budgets(wc_buf *buf, const wc_budgets *m);
extern bool wc_write_stats(wc_buf *buf, const wc_stats *m);
extern bool wc_write_key_put(wc_buf *buf, const wc_key_put *m);
extern bool wc_write_key_gone(wc_buf *buf, const wc_key_gone *m);
extern bool wc_write_welcome(wc_buf *buf, const wc_welcome *m);
extern bool wc_write_history(wc_buf *buf, const wc_history *m);
extern bool wc_write_status(wc_buf *buf, const wc_status *m);
extern bool wc_write_api_done(wc_buf *buf, const wc_api_done *m);
extern bool wc_write_arrived(wc_buf *buf, const wc_arrived *m);
extern bool wc_write_left(wc_buf *buf, const wc_left *m);
extern bool wc_write_history_ask(wc_buf *buf, const wc_history_ask *m);
extern bool wc_write_api_send(wc_buf *buf, const wc_api_send *m);
extern bool wc_write_call(wc_buf *buf, const wc_call *m);
extern bool wc_write_call_done(wc_buf *buf, const wc_call_done *m);
extern bool wc_write_api_call(wc_buf *buf, const wc_api_call *m);
extern bool wc_write_api_answer(wc_buf *buf, const wc_api_answer *m);
extern bool wc_write_webhook_put(wc_buf *buf, const wc_webhook_put *m);
extern bool wc_write_webhook_gone(wc_buf *buf, const wc_webhook_gone *m);
extern bool wc_write_deliver(wc_buf *buf, const wc_deliver *m);
extern bool wc_write_delivered(wc_buf *buf, const wc_delivered *m);
extern bool wc_write_link_came(wc_buf *buf, const wc_link_came *m);
extern bool wc_write_link_welcome(wc_buf *buf, const wc_link_welcome *m);
extern bool wc_write_link_event(wc_buf *buf, const wc_link_event *m);
extern bool wc_write_link_close(wc_buf *buf, const wc_link_close *m);
extern bool wc_write_link_ack(wc_buf *buf, const wc_link_ack *m);
extern bool wc_write_link_left(wc_buf *buf, const wc_link_left *m);
extern bool wc_write_link_state(wc_buf *buf, const wc_link_state *m);
extern bool wc_write_typing(wc_buf *buf, wc_frame_type type, const wc_typing *m);
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
extern bool wc_read_budgets(const wc_frame *f, wc_budgets *m);
extern bool wc_read_stats(const wc_frame *f, wc_stats *m);
extern bool wc_read_key_put(const wc_frame *f, wc_key_put *m);
extern bool wc_read_key_gone(const wc_frame *f, wc_key_gone *m);
extern bool wc_read_welcome(const wc_frame *f, wc_welcome *m);
extern bool wc_read_history(const wc_frame *f, wc_history *m);
extern bool wc_read_status(const wc_frame *f, wc_status *m);
extern bool wc_read_api_done(const wc_frame *f, wc_api_done *m);
extern bool wc_read_arrived(const wc_frame *f, wc_arrived *m);
extern bool wc_read_left(const wc_frame *f, wc_left *m);
extern bool wc_read_history_ask(const wc_frame *f, wc_history_ask *m);
extern bool wc_read_api_send(const wc_frame *f, wc_api_send *m);
extern bool wc_read_call(const wc_frame *f, wc_call *m);
extern bool wc_read_call_done(const wc_frame *f, wc_call_done *m);
extern bool wc_read_api_call(const wc_frame *f, wc_api_call *m);
extern bool wc_read_api_answer(const wc_frame *f, wc_api_answer *m);
extern bool wc_read_webhook_put(const wc_frame *f, wc_webhook_put *m);
extern bool wc_read_webhook_gone(const wc_frame *f, wc_webhook_gone *m);
extern bool wc_read_deliver(const wc_frame *f, wc_deliver *m);
extern bool wc_read_delivered(const wc_frame *f, wc_delivered *m);
extern bool wc_read_link_came(const wc_frame *f, wc_link_came *m);
extern bool wc_read_link_welcome(const wc_frame *f, wc_link_welcome *m);
extern bool wc_read_link_event(const wc_frame *f, wc_link_event *m);
extern bool wc_read_link_close(const wc_frame *f, wc_link_close *m);
extern bool wc_read_link_ack(const wc_frame *f, wc_link_ack *m);
extern bool wc_read_link_left(const wc_frame *f, wc_link_left *m);
extern bool wc_read_link_state(const wc_frame *f, wc_link_state *m);
extern bool wc_read_typing(const wc_frame *f, wc_typing *m);
extern bool wc_read_text(const wc_frame *f, wc_text *m);

#endif /* WC_CORRIDOR_H */
