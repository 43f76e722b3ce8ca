/*
 * json_load.h
 *	  A stranger's JSON on its way to a parser: mended where it needs that
 *	  (common/json_text.h), itself where it does not.
 */
#ifndef NET_JSON_LOAD_H
#define NET_JSON_LOAD_H

#include <jansson.h>
#include <stddef.h>

#include "common/event_rules.h"

typedef struct json_mended
{
	const char *p; /* the text to parse: the stranger's own, or memory */
	size_t len;
	char *memory; /* NULL: nothing had to be mended */
} json_mended;

/* Fill m, which lives no longer than the text; json_load_free() it. */
extern void json_load_mend(json_mended *m, const char *text, size_t len);

extern void json_load_free(json_mended *m);

/* Mend and parse, with jansson's flags; integers of any size become doubles. */
extern json_t *json_load_text(const char *text, size_t len, size_t flags);

/*
 * Parse a request's body as the database could; integers of any size become doubles: one over 64 bits is no reason to
 * refuse.  NULL: it is no such JSON, and why, without its words, which may be secrets.
 */
extern json_t *json_load_body(const char *text, size_t len, char reason[WC_REASON_SIZE]);

#endif /* NET_JSON_LOAD_H */
