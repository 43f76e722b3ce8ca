/*
 * visitor_session.h
 *	  A session of a visitor and what all sessions share: for the files of this
 *	  room only.
 */
#ifndef NET_VISITOR_SESSION_H
#define NET_VISITOR_SESSION_H

#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/address_rate.h"
#include "base/corridor_io.h"
#include "visitors/visitor_frame.h"
#include "visitors/visitor_registry.h"
#include "base/inflight.h"
#include "config/channels.h"
#include "ws/ws_server.h"
#include "common/uuid7.h"

/* Sessions of one visitor at a time; one more takes the place of the one that has been idle longest. */
#define VISITORS_MAX_SESSIONS 16

/* Messages of one session that may wait for their ack; then it is not read. */
#define SESSION_MAX_UNACKED 16

/* Receipts of one session that may wait; a frame of them is taken whole. */
#define SESSION_MAX_RECEIPTS 100

/*
 * No frame that makes an event is as short as this, its head included; so what
 * is read at once cannot hold more of them than may still wait.
 */
#define SESSION_LEAST_FRAME 64

/* Errors "rate" within a minute after which a session is closed. */
#define SESSION_MAX_ERRORS 100
#define SESSION_ERRORS_MS  60000

/* A visitor's typing is passed on at most so often, in ms (a little is forgiven). */
#define SESSION_TYPING_MS 2500

/* "wct_" and 32 bytes in base64url, and the NUL. */
#define TOKEN_SIZE 48

typedef struct visitors visitors;

typedef enum session_state
{
	SESSION_HELLO = 0, /* its hello has not come */
	SESSION_ARRIVED,   /* its WELCOME has not come */
	SESSION_OPEN,
	SESSION_ENDED
} session_state;

/* What is kept between hello and WELCOME. */
typedef struct arrival
{
	char token[TOKEN_SIZE]; /* for a new visitor */
	uint8_t new_hash[WC_HASH_SIZE];
	bool has_token;
	uint8_t token_hash[WC_HASH_SIZE]; /* of the one that it gave */
	size_t said;					  /* bytes that are stored of a new visitor */
	bool paid;						  /* its address has paid for a new visitor */
	const char *refused;			  /* why its identity does not count; NULL: it has none, or it does */
} arrival;

typedef struct session
{
	ws w; /* first: the WebSocket hands this out */
	visitor_entry entry;
	visitors *v;
	struct session *prev_stalled; /* not read until events are taken again */
	struct session *next_stalled;
	address_count *count; /* NULL: its address is not counted */
	arrival *arrival;	  /* NULL: not between hello and WELCOME */
	uint64_t origin_tag;
	uint64_t token_tag; /* the beginning of its token's SHA-256 */
	bucket frames;		/* everything that is not a message */
	bucket asks;		/* for history */
	bucket pages;		/* those gone to */
	bucket ratings;
	bucket says; /* what it says of who the visitor is */
	uint64_t typed_ms;
	uint64_t busy_ms; /* when it was opened, or the visitor last did something in it */
	uint64_t errors_since_ms;
	net_addr client;
	uint8_t state; /* session_state */
	uint8_t unacked;
	uint16_t receipts;
	uint16_t errors;
	uint64_t user_tag; /* of the user that the visitor is; 0: it is not signed */
	bool asked;		   /* HISTORY has not come */
	bool by_link;	   /* its token was given for a link */
	bool stalled;
} session;

struct visitors
{
	uv_loop_t *loop;
	corridor_io *corridor;
	channels *channels;
	timeouts timeouts; /* of sessions, and of events (PHASE_WAIT) */
	ws_host host;
	visitor_registry *sessions;
	inflight *inflight;
	address_counts *addresses;
	session stalled; /* head of a ring; only its links are used */
	wc_uuid7_state uuids;
	wc_buf text;		  /* the frame that is being written */
	uint32_t connections; /* sockets, closing ones too, and those without */
	hash polls;			  /* sessions without WebSockets, by their ids */
	struct poll_line *polls_ready;
	struct poll_line *polls_dead;
	uint32_t polls_parked;															/* requests that wait */
	void (*types)(void *arg, const uint8_t channel[16], const uint8_t visitor[16]); /* is told who does; may be NULL */
	void *types_arg;
	bool closing;

	rate_limit_table *by_visitor; /* messages */
	rate_limit_table *by_address;
	rate_limit_table *address_bytes; /* what is stored for it, in kB */
	rate_limit_table *receipts;		 /* by visitor */
	rate_limit_table *newcomers;	 /* by address */
	rate_limit_table *hellos;		 /* by address, and by token */
	rate_limit visitor_rate;
	rate_limit address_rate;
	rate_limit address_kb_rate;
	rate_limit receipt_rate;
	rate_limit newcomer_rate;
	rate_limit hello_rate;

	/* from the configuration */
	uint32_t max_visitors;
	uint32_t max_per_address;
	uint32_t max_message;
	uint32_t max_waiting;
	char out_id[37]; /* what an outcome points to */
};

static inline session *
session_of(visitor_entry *e)
{
	return (session *) (void *) ((char *) e - offsetof(session, entry));
}

/* What is stored with so many bytes of a visitor's costs so many tokens of address_bytes. */
static inline uint32_t
visitor_kb(size_t len)
{
	return (uint32_t) ((len + 512 + 1023) / 1024);
}

/* What was kept for its WELCOME is not needed any more. */
static inline void
session_free_arrival(session *s)
{
	if (s->arrival != NULL)
		OPENSSL_cleanse(s->arrival, sizeof(*s->arrival));
	free(s->arrival);
	s->arrival = NULL;
}

#endif /* NET_VISITOR_SESSION_H */
