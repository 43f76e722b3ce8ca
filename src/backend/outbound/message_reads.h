/*
 * message_reads.h
 *	  Messages that are queued still, read by their keys without a statement.
 */
#ifndef WC_MESSAGE_READS_H
#define WC_MESSAGE_READS_H

#include "storage/itemptr.h"
#include "utils/uuid.h"

/* What is asked for, and what the table says. */
typedef struct MessageRead
{
	const pg_uuid_t *channel;
	const pg_uuid_t *id;
	bool with_author;
	char *author;		   /* where that is asked for; NULL: there is none */
	char *content;		   /* as text of JSON, in the caller's memory; NULL: it is not queued */
	ItemPointerData place; /* of its row */
} MessageRead;

/* As whoever we are; what was done before is seen.  False: nothing was read, only a statement does it right. */
extern bool message_reads(MessageRead *reads, int n);

#endif /* WC_MESSAGE_READS_H */
