/*
 * typing.c
 *	  Who is typing, in both directions: in shared memory for some seconds, in no
 *	  table and in no transaction.
 */
#include "postgres.h"

#include "storage/spin.h"
#include "utils/timestamp.h"

#include "common/corridor.h"
#include "shared/shmem.h"
#include "turn/report.h"
#include "visitors/typing.h"

/* How long a visitor counts as typing after saying so, in ms. */
#define TYPING_MS 5000

static bool
same_visitor(const WcTyping *t, const uint8 *channel, const uint8 *visitor)
{
	return memcmp(t->channel.data, channel, 16) == 0 && memcmp(t->visitor.data, visitor, 16) == 0;
}

/* A visitor types: in the place of the same one, or of whoever has been quiet longest. */
bool
typing_accept(const wc_frame *frame)
{
	TimestampTz now = GetCurrentTimestamp();
	wc_typed m;
	WcTyping *place = NULL;
	int i;

	if (!wc_read_typed(frame, &m))
		return false;
	SpinLockAcquire(&report_slot->mutex);
	for (i = 0; i < WC_MAX_TYPING; i++)
	{
		WcTyping *t = &report_slot->typing[i];

		if (place == NULL || t->until < place->until || same_visitor(t, m.channel, m.visitor))
			place = t;
		if (same_visitor(t, m.channel, m.visitor))
			break;
	}
	memcpy(place->channel.data, m.channel, 16);
	memcpy(place->visitor.data, m.visitor, 16);
	place->until = TimestampTzPlusMilliseconds(now, TYPING_MS);
	SpinLockRelease(&report_slot->mutex);
	return true;
}

/* Tell webchatt-net for whom somebody is writing an answer. */
void
typing_forward(wc_buf *out)
{
	WcTyping answering[WC_MAX_TYPING];
	int n;
	int i;

	SpinLockAcquire(&report_slot->mutex);
	n = report_slot->nanswering;
	memcpy(answering, report_slot->answering, sizeof(WcTyping) * n);
	report_slot->nanswering = 0;
	SpinLockRelease(&report_slot->mutex);
	for (i = 0; i < n; i++)
	{
		wc_typing m;

		memcpy(m.channel, answering[i].channel.data, 16);
		memcpy(m.visitor, answering[i].visitor.data, 16);
		(void) wc_write_typing(out, &m);
	}
}
