/*
 * handler_calls.h
 *	  What handler_calls.c, which calls registered functions, and register_handler.c share.
 */
#ifndef WC_HANDLER_CALLS_H
#define WC_HANDLER_CALLS_H

#include "catalog/pg_proc.h"
#include "utils/uuid.h"

/* For what functions are registered. */
typedef enum HandlerEvent
{
	HANDLER_MESSAGE = 0,
	HANDLER_STATUS = 1,
	HANDLER_UNREAD = 2
} HandlerEvent;

#define HANDLER_EVENTS 3

/* One row of webchatt.registrations, and the function that it names. */
typedef struct Handler
{
	int32 id;
	HandlerEvent event;
	bool any_channel;
	pg_uuid_t channel;
	NameData schema;
	NameData name;
	NameData direction;	 /* in, out, any */
	NameData owner_name; /* when it was registered */
	Oid function;
	Oid owner;
	const char *problem; /* why it cannot be called; NULL: it can */
} Handler;

/* In the worker: how it notes an error that webchatt.status shows; else NULL. */
extern void (*wc_handler_report)(const char *text);
extern const char *const wc_handler_words[HANDLER_EVENTS];	/* as in registrations.event */
extern const char *const wc_handler_tables[HANDLER_EVENTS]; /* whose rows they are called with */
extern bool wc_handlers_any(HandlerEvent event, const char *direction);
extern Oid wc_handler_argument(HandlerEvent event);
extern const char *wc_handler_misfit(const FormData_pg_proc *proc, HandlerEvent event);

#endif /* WC_HANDLER_CALLS_H */
