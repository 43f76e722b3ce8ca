/*
 * file_reads.h
 *	  Files that somebody fetches.
 */
#ifndef WC_FILE_READS_H
#define WC_FILE_READS_H

#include "common/corridor.h"
#include "turn/part.h"

extern bool file_reads_accept(const wc_frame *frame);
extern bool file_reads_wait(void);
extern void file_reads_run(wc_buf *out);
extern const TurnPart file_reads_part;

#endif /* WC_FILE_READS_H */
