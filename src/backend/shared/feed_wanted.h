/*
 * feed_wanted.h
 *	  Does anybody get the feed?  Whoever may publish something asks wc_feed_wanted(), and
 *	  the turn looks for it at its end.
 */
#ifndef WC_FEED_WANTED_H
#define WC_FEED_WANTED_H

extern bool wc_feed_wanted(void);
extern bool wc_feed_wanted_at_all(void);
extern void wc_feed_wanted_set(bool is_wanted);
extern bool wc_feed_wanted_is_expected(void);
extern void wc_feed_wanted_is_read(void);

#endif /* WC_FEED_WANTED_H */
