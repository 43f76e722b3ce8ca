/*
 * visitor_content.h
 *	  What a visitor may write: text, files of theirs, the replies to buttons and lists
 *	  (doc/protocol.md), checked and built anew from what was checked.
 */
#ifndef NET_VISITOR_CONTENT_H
#define NET_VISITOR_CONTENT_H

#include <jansson.h>
#include <stdbool.h>

/* Of the URL of a file. */
#define VISITOR_MAX_URL 2048

/*
 * The content as compact JSON, for free(); NULL: *why is a sentence for a
 * person.
 */
extern char *visitor_content(const json_t *content, const char **why);

#endif /* NET_VISITOR_CONTENT_H */
