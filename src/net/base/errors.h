/*
 * errors.h
 *	  Every way in which the HTTP server says no: one table for the answer, the
 *	  counter and the log line, so that the three agree.
 */
#ifndef NET_ERRORS_H
#define NET_ERRORS_H

typedef enum refusal
{
	REFUSE_NOTHING = 0,
	REFUSE_HEAD,	   /* the head breaks HTTP's rules */
	REFUSE_HEAD_LARGE, /* HTTP_HEAD_MAX */
	REFUSE_EVENT,	   /* the body is not an event */
	REFUSE_TOKEN,	   /* the validation token cannot be answered */
	REFUSE_SIG_MISSING,
	REFUSE_SIG_MALFORMED,
	REFUSE_SIG_STALE,
	REFUSE_SIG_WRONG,
	REFUSE_NO_SECRET,
	REFUSE_PAYLOAD,		/* the REST API cannot take that */
	REFUSE_KEY_MISSING, /* x-api-key */
	REFUSE_KEY_MALFORMED,
	REFUSE_KEY_UNKNOWN,
	REFUSE_KEY_SCOPE, /* the key is for something else */
	REFUSE_ROUTE,
	REFUSE_CHANNEL,
	REFUSE_HUB,
	REFUSE_MESSAGE,		  /* there is none to be taken back */
	REFUSE_ORIGIN,		  /* a page that the channel does not list */
	REFUSE_DESK_ORIGIN,	  /* not from a page of the desk's own */
	REFUSE_DESK_SESSION,  /* no session's cookie */
	REFUSE_DESK_USER,	  /* what a proxy says who it is is nobody's name */
	REFUSE_DESK_CALL,	  /* no such arguments */
	REFUSE_DESK_SIGN_INS, /* too many attempts */
	REFUSE_DESK_RATE,	  /* too many calls, or in sessions that are not known */
	REFUSE_DESK_SLOW,	  /* too many bytes of answers are not read yet */
	REFUSE_DESKS,		  /* DESKS_MAX, DESKS_MAX_OF_SESSION */
	REFUSE_METHOD_POST,	  /* the route takes POST only */
	REFUSE_METHOD_REST,	  /* GET, POST, PATCH and DELETE */
	REFUSE_METHOD_DELETE, /* DELETE only */
	REFUSE_METHOD_GET,	  /* the route takes GET and HEAD only */
	REFUSE_SLOW_HEAD,
	REFUSE_SLOW_BODY,
	REFUSE_LARGE,
	REFUSE_EXPECT,
	REFUSE_UPGRADE, /* not a WebSocket's opening request */
	REFUSE_WS_VERSION,
	REFUSE_WS_PROTOCOL,		 /* no sub-protocol that we speak */
	REFUSE_VISITORS,		 /* max_visitors */
	REFUSE_VISITORS_ADDRESS, /* max_visitors_per_address */
	REFUSE_LINKS,			 /* LINKS_MAX, LINKS_MAX_OF_KEY */
	REFUSE_CONNECTIONS,		 /* max_connections */
	REFUSE_ADDRESS,			 /* max_connections_per_address */
	REFUSE_MEMORY,			 /* too many large bodies at once */
	REFUSE_NOT_OPEN,
	REFUSE_BEHIND, /* max_waiting, or the corridor is full */
	REFUSE_ACK_TIMEOUT,
	REFUSE_BUSY, /* the worker said: come again */
	REFUSE_CLOSING,
	REFUSE_FILE,	   /* what is brought is no file */
	REFUSE_TOKEN_NONE, /* of a visitor */
	REFUSE_TOKEN_UNKNOWN,
	REFUSE_FILE_UNKNOWN, /* or somebody else's */
	REFUSE_FILE_OFFSET,
	REFUSE_FILE_IN_USE,
	REFUSE_FILE_LARGE,	/* max_file_size */
	REFUSE_FILE_TYPE,	/* file_types */
	REFUSE_FILE_RANGE,	/* none of it is there */
	REFUSE_FILES_MANY,	/* by this visitor, or from this address */
	REFUSE_FILES_FULL,	/* a quota */
	REFUSE_FILES_READ,	/* too many are being fetched */
	REFUSE_METHOD_FILE, /* the path takes GET, HEAD, PATCH, DELETE */
	REFUSE_COUNT
} refusal;

typedef struct errors_row
{
	unsigned status;	 /* HTTP */
	const char *code;	 /* errorCode, and the metric's label */
	const char *message; /* errorMessage: a person can act on it */
	const char *log;	 /* completes "N requests refused: " */
} errors_row;

extern const errors_row *errors_get(refusal r);

#endif /* NET_ERRORS_H */
