/*
 * send.h
 *	  Sending, for a caller that is connected to SPI.
 */
#ifndef WC_SEND_H
#define WC_SEND_H

#include "utils/uuid.h"

/* What may be said of a message beside what it is. */
typedef struct SendWishes
{
	const char *dedupe_key; /* or none */
	const char *author;		/* or none */
	bool final;
	bool bulk; /* else it is live */
} SendWishes;

extern bool send_content(const pg_uuid_t *channel, const char *visitor, Datum content, const SendWishes *wishes,
						 pg_uuid_t *id);
extern bool send_channel_is_local(const pg_uuid_t *channel);

#endif /* WC_SEND_H */
