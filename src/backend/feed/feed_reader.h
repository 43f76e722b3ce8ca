/*
 * feed_reader.h
 *	  Reads webchatt.feed for everybody who gets it.  What a turn finds counts from
 *	  its commit on: until then it is "fresh".
 */
#ifndef WC_FEED_READER_H
#define WC_FEED_READER_H

#include "feed/feed_list.h"

extern bool feed_reader_ready(void);
extern void feed_reader_run(void);
extern void feed_reader_expect(void);
extern void feed_reader_commit(void);
extern void feed_reader_rollback(void);
extern void feed_reader_scan(int64 after, int limit, void (*take)(void *arg, const EventRow *row), void *arg);

#endif /* WC_FEED_READER_H */
