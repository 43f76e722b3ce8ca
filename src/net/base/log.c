/*
 * log.c
 *	  A line is worth less than an event: when the worker is behind it is dropped.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/event_rules.h"

/* The longest line, in bytes; the rest is cut off. */
#define LINE_SIZE 1024

typedef struct digest
{
	uint64_t last_ms; /* when it was last told; 0: never */
	uint64_t count;	  /* since then */
	net_addr from;	  /* of the last one */
	uint8_t channel[16];
	bool has_channel;
} digest;

/* Of an origin; the rest is cut off. */
#define ORIGIN_SHOWN 100

static char last_origin[ORIGIN_SHOWN + 1];

static corridor_io *target;
static digest digests[REFUSE_COUNT];

void
log_to(corridor_io *corridor)
{
	target = corridor;
}

void
log_line(wc_log_level level, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list args;
	wc_log log;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (target == NULL)
	{
		fprintf(stderr, "webchatt-net: %s\n", line);
		return;
	}
	/* A line is worth less than an event: drop it when the worker is behind. */
	if (corridor_io_full(target))
		return;
	log.level = (uint8_t) level;
	log.text = wc_str_from(line);
	wc_write_log(corridor_io_out(target), &log);
}

void
log_origin(const char *p, size_t len)
{
	if (p == NULL)
		(void) snprintf(last_origin, sizeof(last_origin), "(none)");
	else
		(void) snprintf(last_origin, sizeof(last_origin), "%.*s", (int) (len < ORIGIN_SHOWN ? len : ORIGIN_SHOWN), p);
	for (char *c = last_origin; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			*c = '?';
}

static void
tell(refusal why, digest *d, uint64_t now_ms)
{
	char address[ADDRESS_TEXT_SIZE];
	char channel[37] = "";

	address_print(&d->from, address);
	if (d->has_channel)
		wc_uuid_print(d->channel, channel);
	log_line(WC_LOG_WARNING, "%llu request%s refused with %u: %s; the last from %s%s%s%s%s",
			 (unsigned long long) d->count, d->count == 1 ? "" : "s", errors_get(why)->status, errors_get(why)->log,
			 address, d->has_channel ? " for channel " : "", channel, why == REFUSE_ORIGIN ? ", its origin " : "",
			 why == REFUSE_ORIGIN ? last_origin : "");
	d->last_ms = now_ms;
	d->count = 0;
}

void
log_refusal(refusal why, const net_addr *from, const uint8_t channel[16], uint64_t now_ms)
{
	digest *d = &digests[why < REFUSE_COUNT ? why : REFUSE_NOTHING];

	d->count++;
	d->from = *from;
	d->has_channel = channel != NULL;
	if (channel != NULL)
		memcpy(d->channel, channel, 16);
	if (d->last_ms == 0 || now_ms - d->last_ms >= LOG_DIGEST_MS)
		tell(why, d, now_ms);
}

void
log_tick(uint64_t now_ms)
{
	int i;

	for (i = 0; i < REFUSE_COUNT; i++)
	{
		if (digests[i].count > 0 && now_ms - digests[i].last_ms >= LOG_DIGEST_MS)
			tell((refusal) i, &digests[i], now_ms);
	}
}
