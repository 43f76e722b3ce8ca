/*
 * pieces.h
 *	  Work in the background, in pieces: how large the next one is, and when it is due.
 */
#ifndef WC_PIECES_H
#define WC_PIECES_H

#include "datatype/timestamp.h"

/* How long a piece may take, in ms, before the next is smaller. */
#define PIECE_MS 100

/* The pause when nothing was to be done, and after an error; in ms. */
#define PAUSE_IDLE	 2000
#define PAUSE_FAILED 60000

typedef struct Pieces
{
	int size;		   /* of the next one */
	int least;		   /* and never less */
	int most;		   /* nor more */
	int busy_times;	   /* how many times as long as a piece took is rested while the worker does nothing but turns */
	TimestampTz next;  /* when it is due */
	TimestampTz asked; /* when the worker was looked at */
	int64 busy_us;	   /* and how long it had been in turns by then */
} Pieces;

extern long pieces_pause(const Pieces *pieces);
extern long pieces_rest(Pieces *pieces, long took);
extern void pieces_size(Pieces *pieces, long took, bool did);
extern void pieces_due_in(Pieces *pieces, long ms);

#endif /* WC_PIECES_H */
