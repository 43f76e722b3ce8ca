/*
 * early_ends.h
 *	  Messages that ended before their row of the outbox was read.
 */
#ifndef WC_EARLY_ENDS_H
#define WC_EARLY_ENDS_H

#include "utils/uuid.h"

typedef struct EarlyEnds EarlyEnds;

extern EarlyEnds *early_ends_new(void);
extern void early_ends_add(EarlyEnds *set, const pg_uuid_t *message);
extern bool early_ends_has(const EarlyEnds *set, const pg_uuid_t *message);
extern bool early_ends_take(EarlyEnds *set, const pg_uuid_t *message);
extern int64 early_ends_count(const EarlyEnds *set);
extern void early_ends_commit(EarlyEnds *set, bool all_is_read);
extern void early_ends_rollback(EarlyEnds *set);

#endif /* WC_EARLY_ENDS_H */
