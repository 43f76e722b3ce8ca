/*
 * conv_queue.h
 *	  Conversations that take turns: which of them may go on now, and which must
 *	  wait until when.  The outbox's queue has one for each hub, the feed's one for
 *	  each webhook; their owners keep what a conversation has to say, in order, and
 *	  move it once its front is settled.
 */
#ifndef WC_CONV_QUEUE_H
#define WC_CONV_QUEUE_H

#include "lib/ilist.h"
#include "lib/pairingheap.h"
#include "utils/timestamp.h"

typedef enum ConvPlace
{
	CONV_IDLE,		   /* on no list: its front is under way, or it has none */
	CONV_READY,		   /* its front may go, when those before it have gone */
	CONV_WAITING,	   /* until due */
	CONV_REFETCH,	   /* more of it is in a table only; its owner reads that */
	CONV_REFETCH_FIRST /* the same, and somebody waits for it */
} ConvPlace;

/* Of one conversation: a member of what its owner keeps of it. */
typedef struct ConvTurn
{
	dlist_node node;			/* READY, REFETCH, REFETCH_FIRST */
	pairingheap_node wait_node; /* WAITING */
	TimestampTz due;
	uint8 place; /* ConvPlace */
} ConvTurn;

typedef struct ConvQueue
{
	dlist_head ready;
	dlist_head refetch;
	dlist_head refetch_first;
	pairingheap *waiting;
} ConvQueue;

#define conv_queue_owner(type, member, turn) ((type *) ((char *) (turn) -offsetof(type, member)))

extern void conv_queue_init(ConvQueue *queue);
extern void conv_queue_move(ConvQueue *queue, ConvTurn *turn, ConvPlace to, bool first);
extern void conv_queue_wait(ConvQueue *queue, ConvTurn *turn, TimestampTz due);
extern ConvTurn *conv_queue_first_ready(ConvQueue *queue);
extern ConvTurn *conv_queue_next_refetch(ConvQueue *queue, int n);
extern ConvTurn *conv_queue_first_waiting(ConvQueue *queue);

#endif /* WC_CONV_QUEUE_H */
