/*
 * moment.h
 *	  When something happened, in the forms in which hubs write it.
 */
#ifndef WC_MOMENT_H
#define WC_MOMENT_H

#include "common/frame.h"

/*
 * Unix seconds, or milliseconds: from 1e12 on (2001), which seconds cannot be.
 * *at_us is microseconds since 1970, at least 1; false, and *at_us as it was:
 * none between 1970 and the end of the year 9999.
 */
extern bool wc_moment_of_number(double n, int64_t *at_us);

/*
 * The same number in digits, with a fraction or not; or ISO 8601's date and time
 * of day with a zone (2023-11-14T22:13:20.5Z, +01:00, -0300), the only ones of
 * its forms that mean one moment.
 */
extern bool wc_moment_of_text(wc_str text, int64_t *at_us);

#endif /* WC_MOMENT_H */
