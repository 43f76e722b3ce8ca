/*
 * desk_socket.h
 *	  The WebSocket of an open desk, and what all of them share: for the files of this
 *	  room only.
 */
#ifndef NET_DESK_SOCKET_H
#define NET_DESK_SOCKET_H

#include "base/hash.h"
#include "desk/desk_frame.h"
#include "desk/desk_guard.h"
#include "ws/ws_server.h"

/* Desks at a time, closing ones too: in all, and of one session. */
#define DESKS_MAX			 1000u
#define DESKS_MAX_OF_SESSION 32u

/* An agent's name, its NUL included. */
#define DESK_AGENT_SIZE 64

typedef enum desk_socket_state
{
	DESK_NEW = 0, /* whose session it is has not been heard yet */
	DESK_OPEN,
	DESK_ENDED
} desk_socket_state;

typedef struct desk_socket
{
	ws w; /* first: the WebSocket hands this out */
	hash_link by_conversation;
	desk_sockets *set;
	uint64_t number; /* never used again; its last digits are the place */
	desk_caller caller;
	char agent[DESK_AGENT_SIZE];
	bucket frames;
	uint64_t heard; /* changes that it was told of */
	uint64_t heard_vague;
	uint64_t told_ms;	 /* when that was */
	uint64_t checked_ms; /* when the database last knew its session */
	uint64_t asked_ms;
	uint64_t asked_round;	/* the set's round when it was last asked about */
	uint64_t checked_round; /* of the question that was answered: whatever ended later is not in it */
	uint64_t typed_ms;
	uint64_t tag; /* of the conversation that it shows */
	desk_conversation which;
	uint8_t state; /* desk_socket_state */
	bool asked;	   /* the database is being asked about its session */
	bool shows;	   /* a conversation */
	bool typing;   /* its agent writes in that */
	bool stale;	   /* it is to be told who else is there */
} desk_socket;

struct desk_sockets
{
	desk *d;
	timeouts timeouts;
	ws_host host;
	uv_timer_t tick; /* running while there is anybody */
	desk_socket *places[DESKS_MAX];
	hash shown;		/* by the conversation that each shows */
	uint32_t count; /* places taken, closing ones too */
	uint32_t open;
	uint32_t asking;  /* questions about sessions that are under way */
	uint64_t last;	  /* uses of places so far */
	uint64_t changes; /* so far */
	uint64_t vague;	  /* those of which is not known what changed */
	uint64_t seen;	  /* of which was looked whom to tell */
	uint64_t seen_ms; /* when that was */
	uint64_t round;	  /* times that sessions may have ended: what was asked before does not count */
	wc_buf text;	  /* the frame that is being written */
	bool stale;		  /* somebody is */
	bool checking;	  /* not everybody was asked about in this round */
	int timers;		  /* not closed yet, once it is freed */
	bool closing;
};

#endif /* NET_DESK_SOCKET_H */
