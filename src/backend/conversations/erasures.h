/*
 * erasures.h
 *	  Persons who are to be erased: what a request of the REST API began is gone on with, a piece in a turn, and what
 *	  came late is looked for.
 */
#ifndef WC_ERASURES_H
#define WC_ERASURES_H

#include "utils/timestamp.h"

#include "turn/part.h"

/* Somebody was to be erased just now. */
extern void erasures_look(void);

/* The next pieces of those that are due. */
extern void erasures_apply(TimestampTz now);
extern const TurnPart erasures_part;

#endif /* WC_ERASURES_H */
