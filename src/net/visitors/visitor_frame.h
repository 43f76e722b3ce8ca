/*
 * visitor_frame.h
 *	  One frame from a visitor's client (doc/protocol.md), taken apart with
 *	  jansson and checked member by member.
 */
#ifndef NET_VISITOR_FRAME_H
#define NET_VISITOR_FRAME_H

#include "common/corridor.h"
#include "visitors/visitor_page.h"
#include "visitors/visitor_profile.h"

/* Limits, in bytes but for the counts. */
#define VISITOR_MAX_ID				64 /* of a message, given by the client */
#define VISITOR_MAX_TOKEN			128
#define VISITOR_MAX_IDS				100 /* of delivered and read */
#define VISITOR_MAX_ATTRIBUTES		16
#define VISITOR_MAX_ATTRIBUTES_SIZE 2048

typedef enum visitor_frame_type
{
	VISITOR_UNKNOWN = 0, /* its type is none of these */
	VISITOR_HELLO,
	VISITOR_MESSAGE,
	VISITOR_DELIVERED,
	VISITOR_READ,
	VISITOR_TYPING,
	VISITOR_HISTORY,
	VISITOR_PAGE,
	VISITOR_RATING,
	VISITOR_IDENTIFY,
	VISITOR_PING
} visitor_frame_type;

typedef enum visitor_frame_verdict
{
	VISITOR_GOOD = 0,
	VISITOR_NOT_JSON,	/* not one JSON object at all */
	VISITOR_BAD,		/* a member is missing or wrong */
	VISITOR_BAD_CONTENT /* of a message: not what visitors can send */
} visitor_frame_verdict;

typedef struct visitor_frame
{
	visitor_frame_type type;
	const char *why;			 /* a sentence; NULL: nothing is wrong */
	char id[VISITOR_MAX_ID + 1]; /* of a message; empty: none, or no good one */
	bool has_token;				 /* of hello */
	char token[VISITOR_MAX_TOKEN + 1];
	bool has_link; /* of hello */
	bool ask_link; /* and whether it is to wait for a question */
	char link[VISITOR_MAX_TOKEN + 1];
	char *attributes;		  /* of hello and identify: JSON; NULL: none */
	visitor_page *page;		  /* of hello and page; else NULL */
	char *identity;			  /* of hello and identify: the token, as long as it is; NULL: none */
	visitor_profile *profile; /* of hello and identify; else NULL */
	wc_str content;			  /* of a message: JSON, in the frame's text or in made; p is NULL: none */
	char *made;				  /* what was made for it; of rating: the comment (NULL: none) */
	uint8_t before[16];		  /* of history */
	uint8_t value;			  /* of rating */
	int nids;				  /* of hello, delivered, read */
	uint8_t ids[VISITOR_MAX_IDS][16];
} visitor_frame;

/* Fills the frame, whose type and id stand also when it is bad (of what is not JSON the id only, and a guess); it lives no longer than the text. */
extern visitor_frame_verdict visitor_frame_parse(const char *text, size_t len, visitor_frame *frame);
extern void visitor_frame_free(visitor_frame *frame);

/* Of a frame that is broken, or of which only the beginning is there: its id, as far as one can be found. */
extern void visitor_frame_guess(const char *text, size_t len, visitor_frame *frame);

/* Take a client's id for a message; false, and nothing is taken: it is no good one. */
extern bool visitor_frame_take_id(const char *id, size_t len, visitor_frame *frame);

#endif /* NET_VISITOR_FRAME_H */
