/*
 * net.h
 *	  webchatt-net as a whole: the loop and what hangs on it.  It lives as long as the
 *	  corridor to the worker that started it.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <uv.h>

#include "hubs/hub_caller.h"
#include "config/api_keys.h"
#include "config/channels.h"
#include "config/hub_endpoints.h"
#include "base/corridor_io.h"
#include "desk/desk.h"
#include "feed/webhook_sender.h"
#include "files/files.h"
#include "http/http_server.h"
#include "listen/demux.h"
#include "hubs/link_client.h"
#include "feed/link_server.h"
#include "listen/listener.h"
#include "listen/ws_takeover.h"
#include "outbound/hub_sender.h"
#include "visitors/visitors.h"

typedef struct net
{
	uv_loop_t loop;
	uv_check_t check;
	uv_prepare_t prepare;
	uv_timer_t tick;
	uv_timer_t drain;
	uv_timer_t patience;
	uv_poll_t signals;
	corridor_io *corridor;
	channels *channels;
	api_keys *keys;
	hub_endpoints *hubs;
	http_server *http;
	visitors *visitors;
	demux *demux;
	listener *listener; /* NULL before OPEN and after CLOSE */
	desk *desk;
	files *files;
	listener *desk_listener; /* as listener; NULL also where there is no desk */
	ws_receiver websockets;	 /* of later requests on a connection */
	hub_sender *hub_sender;
	hub_caller *hub_caller;			/* requests to hubs' REST APIs */
	webhook_sender *webhook_sender; /* our own webhooks */
	link_server *link_server;		/* databases that opened a link to us */
	link_client *link_client;		/* our links to hubs */
	char *listen;					/* from the first CONFIG, as desk_listen */
	char *desk_listen;
	char *ca_file;
	char ca_path[64];		 /* by which the file that it was then stays open to us */
	uint16_t server_port;	 /* PostgreSQL's; 0: unknown */
	uint32_t outcomes;		 /* of hubs, that wait for others on their way to the worker */
	uint64_t outcomes_since; /* uv_now() of the first of them */
	bool greeted;
	bool configured;
	bool opened;
	bool closing;
	uint64_t closing_since;
	unsigned ticks;
	wc_stats told; /* the statistics that the worker has */
} net;

/*
 * All of it, from the corridor on that descriptor (whose frames go to on_frame, with
 * the net as its arg) to its end.  The program's exit status.
 */
extern int net_run(int fd, corridor_frame_fn on_frame);

/* What the worker's frames ask of it as a whole; false: no such frame is expected. */
extern bool net_greet(net *n, const wc_hello *hello);
extern void net_configure(net *n, const wc_config *config);

/* Bind, give up what is not needed any more, and let requests in. */
extern void net_open(net *n);

/* Take nothing new, answer what waits, then end. */
extern void net_close(net *n);

/* Tell the worker an outcome, soon; arg is the net. */
extern void net_outcome(void *arg, const wc_outcome *outcome);

#endif /* NET_NET_H */
