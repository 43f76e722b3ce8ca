/*
 * feed_wanted.c
 *	  Does anybody get events?  Whoever writes one asks here; feed.c says so.
 */
#include "postgres.h"

#include "shared/feed_wanted.h"

static bool wanted = false;	  /* there are webhooks or links */
static bool expected = false; /* something may have been published */

/*
 * Does anybody want events?  Who asks may be about to publish some, so it is
 * looked for them at the turn's end.
 */
bool
wc_feed_wanted(void)
{
	expected |= wanted;
	return wanted;
}

/* The same, of whoever publishes none. */
bool
wc_feed_wanted_at_all(void)
{
	return wanted;
}

void
wc_feed_wanted_set(bool is_wanted)
{
	wanted = is_wanted;
}

/* Did anybody ask who may have published some since the last turn? */
bool
wc_feed_wanted_is_expected(void)
{
	return expected;
}

/* A turn that looked for them is committed. */
void
wc_feed_wanted_is_read(void)
{
	expected = false;
}
