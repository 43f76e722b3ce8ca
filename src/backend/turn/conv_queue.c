/*
 * conv_queue.c
 *	  A conversation is in one place at a time, and conv_queue_move() is the one
 *	  function that moves it.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "lib/pairingheap.h"
#include "utils/timestamp.h"

#include "turn/conv_queue.h"

static int
earlier_first(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	TimestampTz x = pairingheap_const_container(ConvTurn, wait_node, a)->due;
	TimestampTz y = pairingheap_const_container(ConvTurn, wait_node, b)->due;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* An empty queue, in the current memory context. */
void
conv_queue_init(ConvQueue *queue)
{
	dlist_init(&queue->ready);
	dlist_init(&queue->refetch);
	dlist_init(&queue->refetch_first);
	queue->waiting = pairingheap_allocate(earlier_first, NULL);
}

/* Move a conversation to where it is to be; first: before the others that are there. */
void
conv_queue_move(ConvQueue *queue, ConvTurn *turn, ConvPlace to, bool first)
{
	dlist_head *list = to == CONV_READY			  ? &queue->ready
					   : to == CONV_REFETCH_FIRST ? &queue->refetch_first
												  : &queue->refetch;

	if (turn->place == CONV_WAITING)
		pairingheap_remove(queue->waiting, &turn->wait_node);
	else if (turn->place != CONV_IDLE)
		dlist_delete(&turn->node);
	turn->place = (uint8) to;
	if (to == CONV_WAITING)
		pairingheap_add(queue->waiting, &turn->wait_node);
	else if (to != CONV_IDLE && first)
		dlist_push_head(list, &turn->node);
	else if (to != CONV_IDLE)
		dlist_push_tail(list, &turn->node);
}

/* It may go on at due. */
void
conv_queue_wait(ConvQueue *queue, ConvTurn *turn, TimestampTz due)
{
	conv_queue_move(queue, turn, CONV_IDLE, false); /* the heap's order is by due */
	turn->due = due;
	conv_queue_move(queue, turn, CONV_WAITING, false);
}

static ConvTurn *
first_of(dlist_head *list)
{
	return dlist_is_empty(list) ? NULL : dlist_head_element(ConvTurn, node, list);
}

/* Whose turn it is; NULL: nobody's. */
ConvTurn *
conv_queue_first_ready(ConvQueue *queue)
{
	return first_of(&queue->ready);
}

/* Who is to be read anew next, n having been: every fourth is one of those that nobody waits for; NULL: nobody. */
ConvTurn *
conv_queue_next_refetch(ConvQueue *queue, int n)
{
	ConvTurn *first = first_of(&queue->refetch_first);
	ConvTurn *other = first_of(&queue->refetch);

	return first == NULL || (n % 4 == 3 && other != NULL) ? other : first;
}

/* Who is due first; NULL: nobody waits. */
ConvTurn *
conv_queue_first_waiting(ConvQueue *queue)
{
	return pairingheap_is_empty(queue->waiting)
			   ? NULL
			   : pairingheap_container(ConvTurn, wait_node, pairingheap_first(queue->waiting));
}
