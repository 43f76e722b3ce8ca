/*
 * net_process.h
 *	  webchatt-net as the worker sees it: a child process at the other end of the
 *	  corridor.
 */
#ifndef WC_NET_PROCESS_H
#define WC_NET_PROCESS_H

#include "common/frame.h"

typedef struct NetChild
{
	pid_t pid;	  /* 0: not running */
	int fd;		  /* our end of the corridor, -1 when closed */
	int words_fd; /* what it writes to its stderr comes here; -1 when closed */
	int changes;  /* raised whenever fd becomes another or none */
	wc_buf in;
	size_t in_done; /* bytes of in that are handled */
	wc_buf out;
	size_t out_done; /* bytes of out that are sent */
} NetChild;

/* What is written to the corridor and not yet sent stays below this, in bytes. */
#define NET_OUT_LIMIT ((size_t) 8 * 1024 * 1024)

/* One that lets more than this pile up, in bytes, is ended. */
#define NET_OUT_MOST ((size_t) 64 * 1024 * 1024)

extern NetChild worker_net;
extern bool net_link_may_say(void);
extern void net_link_drop_output(void);
extern bool net_link_has_room(void);
extern void net_child_init(NetChild *net);
extern bool net_child_start(NetChild *net, char *error, size_t size);
extern void net_child_stop(NetChild *net, int grace_ms);
extern int net_child_words(NetChild *net, char *buf, int size);
extern bool net_child_read(NetChild *net);
extern wc_next net_child_next(NetChild *net, wc_frame *frame);
extern bool net_child_flush(NetChild *net);
extern bool net_child_has_output(const NetChild *net);

#endif /* WC_NET_PROCESS_H */
