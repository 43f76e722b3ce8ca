/*
 * archive_asks.h
 *	  Visitors' pages that are to be read in an archive.
 */
#ifndef WC_ARCHIVE_ASKS_H
#define WC_ARCHIVE_ASKS_H

#include "utils/timestamp.h"

#include "common/corridor.h"

/* What is to be read. */
typedef struct ArchiveAsk
{
	uint64 session;
	uint8 channel[16];
	uint8 visitor[16];
	uint8 before[16];
	bool shows_author;
} ArchiveAsk;

extern void archive_asks_configure(void);
extern const Interval *archive_asks_keep(const uint8 *channel);
extern bool archive_asks_add(const wc_history_ask *said, bool shows_author);
extern bool archive_asks_next(ArchiveAsk *ask);
extern TimestampTz archive_asks_pause(const uint8 *channel);
extern bool archive_asks_failed(const uint8 *channel, TimestampTz now);
extern void archive_asks_read(const uint8 *channel);
extern void archive_asks_forget(void);
extern void archive_asks_reset(void);

#endif /* WC_ARCHIVE_ASKS_H */
