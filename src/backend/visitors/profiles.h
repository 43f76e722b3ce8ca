/*
 * profiles.h
 *	  What is said of who visitors are: a name, an e-mail address, a picture,
 *	  attributes.
 */
#ifndef WC_PROFILES_H
#define WC_PROFILES_H

#include "utils/timestamp.h"

#include "common/corridor.h"
#include "shared/columns.h"
#include "turn/part.h"

/* PROFILE: somebody's page says it anew. */
extern bool profiles_accept(const wc_frame *frame);

/* Is what a hello says of that as the corridor has it? */
extern bool profiles_are_good(const wc_arrived *said);

/* A visitor, by the id in text, is welcomed: write down what the hello said.  A step. */
extern void profiles_note_arrived(const wc_arrived *said, const char *visitor);

/* Write what has been said since the last turn. */
extern void profiles_apply(void);
extern void profiles_commit(void);
extern const TurnPart profiles_part;

#endif /* WC_PROFILES_H */
