/*
 * unruly_hub.h
 *	  A hub in threads that misbehaves on demand, for hub_sender_test.c.
 *
 * The first part of a request's path names what it does.
 */
#ifndef UNRULY_HUB_H
#define UNRULY_HUB_H

#include <stdbool.h>

#define HUB_TEXT 4096

/* Start it on a free port of 127.0.0.1, which is returned. */
extern int hub_start(void);

/* A port that nobody listens on. */
extern int hub_closed_port(void);

/* The last request's body and API key, and the most that were open at once. */
extern void hub_last(char body[HUB_TEXT], char key[HUB_TEXT]);
extern int hub_most_at_once(void);

/* Let the requests of mode "gate" be answered, or hold them again. */
extern void hub_open_gate(bool open);

#endif /* UNRULY_HUB_H */
