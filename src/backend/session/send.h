/*
 * send.h
 *	  Sending, for a caller that is connected to SPI.
 */
#ifndef WC_SEND_H
#define WC_SEND_H

#include "utils/uuid.h"

extern bool send_content(const pg_uuid_t *channel, const char *visitor, Datum content, const char *dedupe_key,
						 pg_uuid_t *id);
extern bool send_channel_is_local(const pg_uuid_t *channel);

#endif /* WC_SEND_H */
