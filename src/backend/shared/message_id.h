/*
 * message_id.h
 *	  Message ids: in the order in which they are made.
 */
#ifndef WC_MESSAGE_ID_H
#define WC_MESSAGE_ID_H

#include "utils/uuid.h"

#include "shared/shmem.h"

extern void wc_new_message_id(pg_uuid_t *id);
extern void wc_learn_ids(WcSlot *slot);
extern void wc_learn_channel_ids(const pg_uuid_t *channel);

#endif /* WC_MESSAGE_ID_H */
