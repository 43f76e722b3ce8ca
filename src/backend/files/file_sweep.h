/*
 * file_sweep.h
 *	  Files that no message names go; and how much there is of those that stay.
 */
#ifndef WC_FILE_SWEEP_H
#define WC_FILE_SWEEP_H

#include "common/corridor.h"
#include "turn/part.h"

typedef struct FileTotals
{
	int64 bytes; /* that they have, or will have */
	int64 files;
	int64 arriving; /* of which not whole */
} FileTotals;

extern int64 file_sweep_total(void);
extern void file_sweep_add(const FileTotals *more);
extern void file_sweep_apply(TimestampTz now);
extern void file_sweep_commit(void);
extern void file_sweep_tell(wc_buf *out);
extern const TurnPart file_sweep_part;

#endif /* WC_FILE_SWEEP_H */
