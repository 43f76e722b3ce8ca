/*
 * fuzz_link_window.c
 *	  The window of a link against a model that counts slowly: whatever order
 *	  events, the worker's words, late words and reconnections come in.
 */
#include "hubs/link_window.h"
#include "fuzz.h"

#define MAX_EVENTS 8192

/* One event of the input, as the model has it. */
typedef struct event
{
	uint32_t index;
	uint64_t seq;
	uint32_t size;
	unsigned life; /* connection that it came over */
	bool done;
	bool told; /* the worker has said its word */
} event;

static event events[MAX_EVENTS];
static size_t nevents;
static unsigned life;

static void
check(const link_window *w, uint64_t acknowledged)
{
	uint64_t through = acknowledged;
	uint64_t bytes = 0;
	uint32_t waiting = 0;
	uint32_t stale = 0;
	bool whole = true;

	for (size_t i = 0; i < nevents; i++)
	{
		if (events[i].life != life)
		{
			stale += !events[i].told;
			continue;
		}
		whole = whole && events[i].done;
		if (whole)
			through = events[i].seq;
		if (!events[i].told)
		{
			waiting++;
			bytes += events[i].size;
		}
	}
	MUST(w->through == through && w->waiting == waiting && w->waiting_bytes == bytes && w->stale == stale);
	MUST(w->next - w->first <= LINK_WINDOW);
	MUST(link_window_room(w, 100) <= 100);
	MUST(link_window_room(w, UINT32_MAX) <= LINK_WINDOW);
	MUST(link_window_room(w, waiting + stale) == 0);
}

/* Three bytes a step: what, and of which event. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static link_window w;
	uint64_t acknowledged = 0;
	uint64_t seq = 0;

	memset(&w, 0, sizeof(w));
	nevents = 0;
	life = 0;
	for (size_t i = 0; i + 3 <= size && i < 3 * 600; i += 3)
	{
		size_t which = nevents ? (data[i + 1] * 256u + data[i + 2]) % nevents : 0;

		if (data[i] < 128)
		{
			event *e = &events[nevents];

			if (link_window_room(&w, LINK_WINDOW) == 0)
				continue;
			seq += 1 + data[i + 1];
			*e = (event){.seq = seq, .size = data[i + 2] * 997u, .life = life};
			e->index = link_window_add(&w, e->seq, e->size);
			nevents++;
		}
		else if (data[i] < 250 && nevents > 0)
		{
			event *e = &events[which];

			if (e->told)
				continue;
			e->told = true;
			e->done = e->life == life && data[i] < 245;
			/* one that failed ends the connection, as its owner does it */
			MUST(link_window_end(&w, e->index, e->done) == (e->life == life));
			if (e->life == life && !e->done)
			{
				acknowledged = seq = w.through;
				link_window_restart(&w, acknowledged);
				life++;
			}
		}
		else if (data[i] >= 250)
		{
			acknowledged = seq = w.through;
			link_window_restart(&w, acknowledged);
			life++;
		}
		check(&w, acknowledged);
	}
	return 0;
}
