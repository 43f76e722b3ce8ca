/*
 * texts_feeds.c
 *	  The SQL of the local hub's events: publishing, webhooks, links, the REST API.
 */
#include "statements.h"

#include "catalog/pg_type.h"

const Statement wc_texts_feeds[WC_STATEMENTS] = {
	[WC_STATEMENTS - 1] = {NULL, {0}},
};
