/*
 * retract.h
 *	  Taking a message back, for a caller that is connected to SPI.
 */
#ifndef WC_RETRACT_H
#define WC_RETRACT_H

#include "utils/uuid.h"

/* As webchatt.retract_message(); false: there was nothing to take back. */
extern bool retract_message(const pg_uuid_t *channel, const pg_uuid_t *id);

#endif /* WC_RETRACT_H */
