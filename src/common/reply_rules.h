/*
 * reply_rules.h
 *	  What a visitor may answer to buttons and lists: the door holds replies to it, and
 *	  send_message() what is offered, so that nothing is offered that cannot be answered.
 */
#ifndef WC_REPLY_RULES_H
#define WC_REPLY_RULES_H

#include <stdbool.h>
#include <stddef.h>

/* A reply's members, in bytes. */
#define WC_MAX_REPLY_ID			 256
#define WC_MAX_REPLY_TITLE		 256
#define WC_MAX_REPLY_DESCRIPTION 1024

/* Buttons, sections of a list, and rows of a section that visitors are shown. */
#define WC_MAX_OPTIONS 100

/* Does a text say nothing: blanks, ASCII's and Unicode's, or not even these? */
extern bool wc_text_is_blank(const char *text, size_t len);

#endif /* WC_REPLY_RULES_H */
