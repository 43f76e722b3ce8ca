/*
 * archive_asks.h
 *	  What is to be read in archives.
 */
#ifndef WC_ARCHIVE_ASKS_H
#define WC_ARCHIVE_ASKS_H

#include "utils/timestamp.h"

#include "common/corridor.h"

/* Who asks: a visitor for a page, an agent for one, the REST API for a part of an export. */
typedef enum ArchiveKind
{
	ARCHIVE_OF_VISITOR,
	ARCHIVE_OF_AGENT, /* a call of the desk */
	ARCHIVE_OF_REST
} ArchiveKind;

/* What is to be read. */
typedef struct ArchiveAsk
{
	ArchiveKind kind;
	uint64 number; /* the session's, or the request's */
	uint8 channel[16];
	uint8 visitor[16];
	uint8 from[16]; /* messages before that one; of an export those behind it, zeros: all */
	int32 most;		/* of an export: so many */
	bool shows_author;
} ArchiveAsk;

extern void archive_asks_configure(void);
extern const Interval *archive_asks_keep(const uint8 *channel);
extern bool archive_asks_add(const ArchiveAsk *ask);
extern bool archive_asks_add_page(const wc_history_ask *said, bool shows_author);
extern bool archive_asks_next(ArchiveAsk *ask);
extern TimestampTz archive_asks_pause(ArchiveKind kind, const uint8 *channel);
extern bool archive_asks_failed(ArchiveKind kind, const uint8 *channel, TimestampTz now);
extern void archive_asks_read(ArchiveKind kind, const uint8 *channel);
extern void archive_asks_forget(void);
extern void archive_asks_reset(void);

#endif /* WC_ARCHIVE_ASKS_H */
