/*
 * net.h
 *	  webchatt-net as a whole: what main.c wires together and dispatch.c hands
 *	  the worker's frames to.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <uv.h>

#include "hubs/hub_caller.h"
#include "config/channels.h"
#include "base/corridor_io.h"
#include "feed/webhook_sender.h"
#include "http/http_server.h"
#include "listen/demux.h"
#include "hubs/link_client.h"
#include "feed/link_server.h"
#include "listen/listener.h"
#include "outbound/hub_sender.h"
#include "visitors/visitors.h"

typedef struct net
{
	uv_loop_t loop;
	uv_check_t check;
	uv_prepare_t prepare;
	uv_timer_t tick;
	uv_timer_t drain;
	uv_poll_t signals;
	corridor_io *corridor;
	channels *channels;
	http_server *http;
	visitors *visitors;
	demux *demux;
	listener *listener; /* NULL before OPEN and after CLOSE */
	hub_sender *hub_sender;
	hub_caller *hub_caller;			/* requests to hubs' REST APIs */
	webhook_sender *webhook_sender; /* our own webhooks */
	link_server *link_server;		/* databases that opened a link to us */
	link_client *link_client;		/* our links to hubs */
	char *listen;					/* from the first CONFIG */
	char *ca_file;
	char ca_path[64];	  /* by which the file that it was then stays open to us */
	uint16_t server_port; /* PostgreSQL's; 0: unknown */
	bool greeted;
	bool configured;
	bool opened;
	bool closing;
	uint64_t closing_since;
	unsigned ticks;
	wc_stats told; /* the statistics that the worker has */
} net;

/* dispatch.c: a frame from the worker (a corridor_frame_fn; arg is the net) */
extern bool dispatch_frame(void *arg, const wc_frame *frame);

/* main.c, for it */
extern void net_fail(net *n, const char *why);
extern void net_outcome(void *arg, const wc_outcome *outcome);
extern void net_configure(net *n, const wc_config *config);
extern void net_open(net *n);
extern void net_close(net *n);
extern bool net_greet(net *n, const wc_frame *frame);

#endif /* NET_NET_H */
