/*
 * timeouts.c
 *	  A phase has one limit for all connections, so its list is in the order of what
 *	  is due: one timer does, and entering a phase costs no search.
 */
#include "base/timeouts.h"

/* The timer never fires more often than this, in ms. */
#define LEAST_PAUSE_MS 5

static void on_timer(uv_timer_t *timer);

void
timeouts_init(timeouts *d, uv_loop_t *loop, timeouts_fn on_late, void *arg)
{
	int p;

	uv_timer_init(loop, &d->timer);
	d->timer.data = d;
	d->armed_for = UINT64_MAX;
	d->on_late = on_late;
	d->arg = arg;
	for (p = 0; p < PHASE_COUNT; p++)
	{
		d->heads[p].prev = d->heads[p].next = &d->heads[p];
		d->limit_ms[p] = 10000;
	}
}

static void
arm(timeouts *d, uint64_t due)
{
	uint64_t now = uv_now(d->timer.loop);

	if (due >= d->armed_for)
		return;
	d->armed_for = due;
	uv_timer_start(&d->timer, on_timer, due > now + LEAST_PAUSE_MS ? due - now : LEAST_PAUSE_MS, 0);
}

/* Set the timer for whatever is due first. */
static void
arm_first(timeouts *d)
{
	uint64_t first = UINT64_MAX;
	int p;

	for (p = PHASE_NONE + 1; p < PHASE_COUNT; p++)
	{
		timeout *head = &d->heads[p];

		if (head->next != head && head->next->since + d->limit_ms[p] < first)
			first = head->next->since + d->limit_ms[p];
	}
	d->armed_for = UINT64_MAX;
	if (first == UINT64_MAX)
		uv_timer_stop(&d->timer);
	else
		arm(d, first);
}

static void
on_timer(uv_timer_t *timer)
{
	timeouts *d = timer->data;
	uint64_t now = uv_now(timer->loop);
	int p;

	for (p = PHASE_NONE + 1; p < PHASE_COUNT; p++)
	{
		timeout *head = &d->heads[p];

		while (head->next != head && head->next->since + d->limit_ms[p] <= now)
			d->on_late(d->arg, head->next);
	}
	arm_first(d);
}

void
timeouts_limit(timeouts *d, phase p, uint32_t ms)
{
	d->limit_ms[p] = ms;
	arm_first(d);
}

void
timeouts_set(timeouts *d, timeout *entry, phase p, uint64_t since)
{
	timeout *head = &d->heads[p];
	timeout *after;

	if (entry->phase != PHASE_NONE)
	{
		entry->prev->next = entry->next;
		entry->next->prev = entry->prev;
	}
	entry->phase = p;
	entry->since = since;
	if (p == PHASE_NONE)
		return;
	/* Nearly always the youngest: one step. */
	for (after = head->prev; after != head && after->since > since; after = after->prev)
		;
	entry->prev = after;
	entry->next = after->next;
	after->next->prev = entry;
	after->next = entry;
	if (since + d->limit_ms[p] < d->armed_for)
		arm(d, since + d->limit_ms[p]);
}

void
timeouts_expire(timeouts *d, phase p)
{
	timeout *head = &d->heads[p];

	while (head->next != head)
		d->on_late(d->arg, head->next);
}
