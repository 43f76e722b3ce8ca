/*
 * link_window.c
 */
#include "hubs/link_window.h"

uint32_t
link_window_room(const link_window *w, uint32_t max)
{
	uint32_t waiting = w->waiting + w->stale;
	uint32_t places = LINK_WINDOW - (w->next - w->first);

	if (waiting >= max || w->waiting_bytes + w->stale_bytes >= LINK_WINDOW_BYTES)
		return 0;
	return max - waiting < places ? max - waiting : places;
}

uint32_t
link_window_add(link_window *w, uint64_t seq, uint32_t size)
{
	w->sizes[w->next % LINK_WINDOW] = size;
	w->seqs[w->next % LINK_WINDOW] = seq;
	w->done[w->next % LINK_WINDOW] = false;
	w->last = seq;
	w->waiting++;
	w->waiting_bytes += size;
	return w->next++;
}

bool
link_window_end(link_window *w, uint32_t index, bool done)
{
	if (index - w->first >= w->next - w->first || w->done[index % LINK_WINDOW])
	{
		if (w->stale > 0 && --w->stale == 0)
			w->stale_bytes = 0;
		return false;
	}
	w->waiting--;
	w->waiting_bytes -= w->sizes[index % LINK_WINDOW];
	w->done[index % LINK_WINDOW] = done;
	while (w->first != w->next && w->done[w->first % LINK_WINDOW])
		w->through = w->seqs[w->first++ % LINK_WINDOW];
	return true;
}

void
link_window_restart(link_window *w, uint64_t acknowledged)
{
	w->stale += w->waiting;
	w->stale_bytes += w->waiting_bytes;
	w->waiting = 0;
	w->waiting_bytes = 0;
	w->first = w->next;
	w->last = w->through = acknowledged;
}
