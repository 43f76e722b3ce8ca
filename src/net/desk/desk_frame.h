/*
 * desk_frame.h
 *	  What a page of the desk may say on its WebSocket (doc/desk-protocol.md).
 */
#ifndef NET_DESK_FRAME_H
#define NET_DESK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event_rules.h"
#include "common/frame.h"

/* Bytes of a frame. */
#define DESK_MAX_FRAME 4096u

/* Bytes of a visitor's id, as the table has it. */
#define DESK_MAX_VISITOR 255u

/* A conversation, by what names it. */
typedef struct desk_conversation
{
	uint8_t channel[16];
	uint16_t visitor_len;
	char visitor[DESK_MAX_VISITOR];
} desk_conversation;

typedef enum desk_frame_type
{
	DESK_FRAME_BROKEN = 0, /* no JSON object with a type, or one that lacks what it needs */
	DESK_FRAME_OTHER,	   /* a type that is not known: left out */
	DESK_FRAME_OPEN,	   /* it shows a conversation */
	DESK_FRAME_CLOSE,	   /* it shows none */
	DESK_FRAME_TYPING	   /* its agent writes in the one that it shows */
} desk_frame_type;

/* Members that are not known are left out.  Fills *which for DESK_FRAME_OPEN. */
extern desk_frame_type desk_frame_parse(const char *text, size_t len, desk_conversation *which);

/*
 * Are a call's arguments a JSON object that the database can read?  If not, why says so without its words.
 * *named: their "channel" and "visitor" name a conversation, which is *which then.
 */
extern bool desk_frame_arguments(const char *text, size_t len, desk_conversation *which, bool *named,
								 char why[WC_REASON_SIZE]);

/* Append {"type":"<type>","channel":"...","visitor":"..."}; without which only the type. */
extern void desk_frame_write(wc_buf *buf, const char *type, const desk_conversation *which);

/* Are they the same? */
extern bool desk_frame_same(const desk_conversation *a, const desk_conversation *b);

/* A number for it that strangers cannot foresee. */
extern uint64_t desk_frame_tag(const desk_conversation *which);

#endif /* NET_DESK_FRAME_H */
