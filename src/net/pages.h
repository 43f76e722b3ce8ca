/*
 * pages.h
 *	  Answers with the files that are compiled in: made once, in each form that
 *	  a client can ask for.
 */
#ifndef NET_PAGES_H
#define NET_PAGES_H

#include "answer.h"
#include "assets.h"
#include "head_check.h"

/* Make the answers; false: out of memory. */
extern bool pages_init(void);
extern void pages_exit(void);

/* The answer to a GET or HEAD of that file. */
extern answer pages_answer(const asset *a, const head_facts *head);

#endif							/* NET_PAGES_H */
