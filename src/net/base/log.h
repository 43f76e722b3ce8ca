/*
 * log.h
 *	  What an operator should read: lines that go to the worker's log through
 *	  the corridor (to stderr when there is none), and a digest of refusals, so
 *	  that a flood of bad requests is a line now and then.
 */
#ifndef NET_LOG_H
#define NET_LOG_H

#include "base/address.h"
#include "base/corridor_io.h"
#include "base/errors.h"

/* Lines go there from now on; NULL: to stderr. */
extern void log_to(corridor_io *corridor);

/* No secret, no header's value (but an origin) and no body ever goes into a line. */
extern void log_line(wc_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Count one refusal.  The first of a kind is a line at once, the next are
 * counted and told at most once in LOG_DIGEST_MS.  channel may be NULL.
 */
#define LOG_DIGEST_MS 10000
extern void log_refusal(refusal why, const net_addr *from, const uint8_t channel[16], uint64_t now_ms);

/*
 * The origin that log_refusal(REFUSE_ORIGIN, ...) is about to be called for, as
 * the request has it; p NULL: it has none.
 */
extern void log_origin(const char *p, size_t len);

/* Tell what has been counted long enough; call about once a second. */
extern void log_tick(uint64_t now_ms);

#endif /* NET_LOG_H */
