/*
 * link.h
 *	  One of our links to hubs: shared by link_client.c, which keeps it open, and
 *	  link_events.c, which takes its events to the worker and back.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "hubs/link_client.h"
#include "hubs/link_frame.h"
#include "ws/link_socket.h"
#include "hubs/link_window.h"

/* Pauses before the next dial, in ms: doubled from the first to the second. */
#define LINK_PAUSE_LEAST_MS 200u
#define LINK_PAUSE_MOST_MS	30000u

/*
 * After the hub said that another link came with our key: that may have been one
 * of ours, stuck somewhere on the way.  When it says so again within some time,
 * it is another database.
 */
#define LINK_PAUSE_ONCE_MS	 1000u
#define LINK_PAUSE_TWICE_MS	 60000u
#define LINK_TWICE_WITHIN_MS 600000u

/* Refused: a key that is not valid rarely becomes so by itself. */
#define LINK_PAUSE_REFUSED_MS 300000u

/* One that lived so long begins with the shortest pause again, in ms. */
#define LINK_LIVED_MS 10000u

/* What a welcome may say, in seconds. */
#define LINK_HEARTBEAT_LEAST_S 1u
#define LINK_HEARTBEAT_MOST_S  3600u

/* At most one line a link in so many ms on events that are not understood. */
#define LINK_BAD_MS 10000u

/* Of an EVENT's number: WC_LINK_NUMBER, the link's serial, the event's index. */
#define LINK_SERIAL_SHIFT 32
#define LINK_SERIAL_MASK  0x3fffffffu

typedef struct hub_link
{
	struct hub_link *next;
	link_client *client;
	uint32_t hub;
	uint32_t serial; /* another one for each link that ever was */
	target *to;
	uv_timer_t timer;	 /* until the next dial */
	link_socket *socket; /* NULL: waiting, or refused */
	wc_link_phase phase;
	bool welcomed;
	bool acknowledged_any; /* since it was opened */
	bool too_large;		   /* it waits because of a message over max_body_size */
	uint32_t backoff_ms;
	uint64_t opened_at; /* uv_now() */
	uint64_t twice_at;	/* when another last came with our key; 0: never */
	link_window window;
	uint64_t acked;			 /* what the hub has our acknowledgement of */
	uint32_t bad;			 /* events not understood, and not logged */
	uint64_t bad_logged_at;	 /* 0: never */
	char why[LINK_WHY_SIZE]; /* it is not open; empty: no reason yet */

	/* what the worker was told last */
	bool told;
	wc_link_phase told_phase;
	uint32_t told_retry_ms;
	uint64_t told_lost;
	char told_why[LINK_WHY_SIZE];
} hub_link;

struct link_client
{
	uv_loop_t *loop;
	corridor_io *corridor;
	uv_idle_t idle; /* keeps the loop going while there is more to read */
	link_host host;
	hub_link *links;
	uint32_t serials;
	uint32_t heartbeat_ms;
	uint32_t max_waiting;
	bool opened;
	bool closing;
};

/* link_client.c: dial now; say goodbye, with the reason in why, and dial later */
extern void link_dial(hub_link *l);
extern void link_hang_up(hub_link *l, uint16_t code, const char *reason, bool wrong);

/* link_events.c */
extern uint32_t link_chance(uint32_t most);
extern size_t link_room(const hub_link *l);
extern void link_take_event(hub_link *l, const link_frame *frame);
extern void link_acknowledge(hub_link *l);

#endif /* NET_LINK_H */
