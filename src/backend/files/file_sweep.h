/*
 * file_sweep.h
 *	  Files that no message names go; and how much there is of those that stay.
 */
#ifndef WC_FILE_SWEEP_H
#define WC_FILE_SWEEP_H

#include "turn/part.h"

extern int64 file_sweep_total(void);
extern void file_sweep_add(int64 bytes);
extern void file_sweep_apply(TimestampTz now);
extern void file_sweep_commit(void);
extern const TurnPart file_sweep_part;

#endif /* WC_FILE_SWEEP_H */
